from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from systems.store.checksum import ROW_BYTES, checksum

_MIB = 1 << 20


def _data(size: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, size, dtype=np.uint8)


@given(
    size=st.integers(1, 40_000), position=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7)
)
def test_any_flipped_bit_is_seen(size: int, position: float, bit: int) -> None:
    data = _data(size)
    changed = data.copy()
    changed[int(position * size)] ^= 1 << bit
    assert checksum(changed) != checksum(data)


@pytest.mark.parametrize("size", [_MIB - 1, _MIB, _MIB + 1, 3 * _MIB + 12_345])
def test_flips_around_the_borders_of_chunks_are_seen(size: int) -> None:
    data = _data(size)
    whole = checksum(data)
    for position in {0, ROW_BYTES - 1, ROW_BYTES, _MIB - 2, min(_MIB, size - 1), size - 1}:
        changed = data.copy()
        changed[position] ^= 0x80
        assert checksum(changed) != whole


@given(
    unit=st.sampled_from([1, 4, 8, 512, ROW_BYTES, 4 * ROW_BYTES, _MIB]),
    first=st.integers(0, 10**6),
    second=st.integers(0, 10**6),
)
def test_exchanged_pieces_are_seen(unit: int, first: int, second: int) -> None:
    data = _data(3 * _MIB)
    pieces = data.reshape(-1, unit)
    first, second = first % len(pieces), second % len(pieces)
    changed = data.copy()
    changed.reshape(-1, unit)[[first, second]] = pieces[[second, first]]
    assert (checksum(changed) == checksum(data)) == np.array_equal(changed, data)


def test_a_zeroed_page_a_cut_and_an_extension_by_zeros_are_seen() -> None:
    data = _data(10 * ROW_BYTES)
    zeroed = data.copy()
    zeroed[3 * ROW_BYTES : 4 * ROW_BYTES] = 0
    longer = np.concatenate([data, np.zeros(8, dtype=np.uint8)])
    assert len({checksum(part) for part in (data, zeroed, longer, data[:-1], data[:-8])}) == 5


def test_where_the_data_lie_does_not_matter() -> None:
    data = _data(2 * _MIB + 77)
    unaligned = np.concatenate([np.zeros(3, dtype=np.uint8), data])[3:]
    unaligned.flags.writeable = False
    assert checksum(unaligned) == checksum(data)


def test_the_value_is_part_of_the_stores_format() -> None:
    # A changed value makes every existing store unreadable: raise SCHEMA_VERSION with it.
    data = (np.arange(2 * _MIB + 1001) * 7919 % 251).astype(np.uint8)
    assert checksum(data) == "02dafdaa4c0b7ecf1aa05e818699759a"
    assert checksum(data[:0]) == "ce3678806239fe8b6f586e68654914aa"
