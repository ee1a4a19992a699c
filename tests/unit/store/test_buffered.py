"""Block files copied into memory: the same tensors, at the rate of a limited disk."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from systems.errors import ConfigurationError, StoreError
from systems.store.blocks import BlockContent
from systems.store.buffered import CATCH_UP_S, PIECE_BYTES, BufferedReader
from systems.store.store import BlockStore

MakeBlock = Callable[..., BlockContent]
_RATE = 200_000_000


class Clock:
    """Time that passes only when somebody sleeps; sleeping may take too long."""

    def __init__(self, late: Iterator[float] | None = None) -> None:
        self.now_s = 100.0
        self._late = late

    def __call__(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now_s += seconds + (next(self._late) if self._late else 0.0)


def _reader(clock: Clock, rate: int | None = _RATE) -> BufferedReader:
    return BufferedReader(rate, clock=clock, sleep=clock.sleep)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(np.random.default_rng(0).bytes(5 * PIECE_BYTES + 17))
    return path


@pytest.mark.parametrize("size", [0, 1, PIECE_BYTES, PIECE_BYTES + 1, 5 * PIECE_BYTES + 17])
def test_what_is_read_is_what_the_file_holds(file: Path, size: int) -> None:
    data = _reader(Clock()).read(file, size)
    assert data.dtype == torch.uint8
    assert data.numpy().tobytes() == file.read_bytes()[:size]
    assert data.data_ptr() % 64 == 0


def test_a_file_that_ends_early_is_an_error_and_not_waited_for(file: Path) -> None:
    clock = Clock()
    reader = _reader(clock)
    with pytest.raises(OSError, match="ends 3 bytes too early"):
        reader.read(file, file.stat().st_size + 3)
    # The reader can be used on.
    assert len(reader.read(file, 10)) == 10


def test_a_block_takes_as_long_as_on_the_limited_disk(file: Path) -> None:
    clock = Clock()
    reader = _reader(clock)
    assert reader.rate() is None
    reader.read(file, 5 * PIECE_BYTES)
    assert clock.now_s - 100 == pytest.approx(5 * PIECE_BYTES / _RATE)
    rate = reader.rate()
    assert rate is not None
    assert rate.bytes == 5 * PIECE_BYTES
    assert rate.bytes_per_s == pytest.approx(_RATE)


def test_idle_time_gains_no_credit_and_is_not_counted(file: Path) -> None:
    clock = Clock()
    reader = _reader(clock)
    for _ in range(3):
        clock.now_s += 60.0
        started_s = clock.now_s
        reader.read(file, 2 * PIECE_BYTES)
        assert clock.now_s - started_s == pytest.approx(2 * PIECE_BYTES / _RATE)
    assert reader.rate().bytes_per_s == pytest.approx(_RATE)  # type: ignore[union-attr]


@given(
    sizes=st.lists(st.integers(1, 5 * PIECE_BYTES), min_size=1, max_size=20),
    late_ms=st.lists(st.floats(0, 20), min_size=200, max_size=200),
)
@settings(max_examples=50, deadline=None)
def test_sleeps_that_take_too_long_are_made_up_for(
    sizes: list[int], late_ms: list[float], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "zeros"
    path.write_bytes(bytes(5 * PIECE_BYTES))
    clock = Clock(late=(late / 1000 for late in late_ms))
    reader = _reader(clock)
    for size in sizes:
        reader.read(path, size)
        clock.now_s += 1.0
    rate = reader.rate()
    assert rate is not None
    ideal_s = sum(sizes) / _RATE
    # Never faster than the disk; at most the last delay is not made up for.
    assert ideal_s - 1e-9 <= rate.seconds <= ideal_s + 0.020 + 1e-9


def test_a_long_stall_is_made_up_for_in_part_only(file: Path) -> None:
    clock = Clock(late=iter([5.0] + [0.0] * 1000))
    reader = _reader(clock)
    for _ in range(50):
        reader.read(file, 5 * PIECE_BYTES)
    rate = reader.rate()
    assert rate is not None
    ideal_s = 250 * PIECE_BYTES / _RATE
    assert rate.seconds == pytest.approx(ideal_s + 5.0 - CATCH_UP_S, abs=2 * PIECE_BYTES / _RATE)


def test_without_a_bandwidth_nobody_waits(file: Path) -> None:
    def sleep(_: float) -> None:
        raise AssertionError

    reader = BufferedReader(None, sleep=sleep)
    reader.read(file, 5 * PIECE_BYTES)
    assert reader.rate().bytes == 5 * PIECE_BYTES  # type: ignore[union-attr]


def test_threads_share_the_bandwidth(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(8 * PIECE_BYTES))
    reader = BufferedReader(20_000_000)
    together = threading.Barrier(3)

    def read(_: int) -> None:
        together.wait()
        reader.read(path, 8 * PIECE_BYTES)

    started_s = time.monotonic()
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(read, range(3)))
    took_s = time.monotonic() - started_s
    rate = reader.rate()
    assert rate is not None
    assert rate.bytes == 24 * PIECE_BYTES
    assert rate.seconds <= took_s
    assert rate.bytes_per_s <= 20_000_000 * 1.001


def test_the_real_clock_gives_the_asked_rate_or_less(file: Path) -> None:
    reader = BufferedReader(50_000_000)
    for _ in range(10):
        reader.read(file, file.stat().st_size)
    rate = reader.rate()
    assert rate is not None
    # A busy machine may be slower, which the record tells; none is ever faster.
    assert 5_000_000 < rate.bytes_per_s <= 50_000_000 * 1.001


def test_no_room_is_not_taken_for_a_damaged_file(file: Path) -> None:
    with pytest.raises(MemoryError, match="no room for a block of"):
        BufferedReader(None).read(file, 2**60)


@pytest.mark.parametrize("how", [{"bandwidth_bytes_per_s": 10**9}, {"buffered": True}])
def test_a_buffered_store_reads_the_same_tensors(
    store: BlockStore, block: MakeBlock, how: dict[str, int]
) -> None:
    store.add_model("m", architecture="tiny", blocks=[block(0), block(1)], metadata={})
    assert store.read_rate() is None
    refs = store.model("m").blocks
    with BlockStore.open(store.root, create=False, **how) as buffered:
        assert buffered.read_rate() is None
        for ref in refs:
            mapped, copied = store.read_block(ref.hash), buffered.read_block(ref.hash)
            assert mapped.keys() == copied.keys()
            for name, tensor in mapped.items():
                assert torch.equal(tensor, copied[name])
                assert tensor.data_ptr() % 64 == copied[name].data_ptr() % 64
        rate = buffered.read_rate()
        assert rate is not None
        files = [buffered.root / "blocks" / f"{ref.hash}.safetensors" for ref in refs]
        assert rate.bytes == sum(path.stat().st_size for path in files)
    assert store.read_rate() is None


@pytest.mark.parametrize("damage", ["cut", "flipped", "missing", "folder"])
def test_a_buffered_store_finds_damage(store: BlockStore, block: MakeBlock, damage: str) -> None:
    store.add_model("m", architecture="tiny", blocks=[block(0)], metadata={})
    (path,) = store.block_files(["m"])
    data = bytearray(path.read_bytes())
    path.unlink()
    if damage == "cut":
        path.write_bytes(data[:-1])
    elif damage == "flipped":
        data[-1] ^= 1
        path.write_bytes(data)
    elif damage == "folder":
        path.mkdir()
    with (
        BlockStore.open(store.root, bandwidth_bytes_per_s=10**9) as paced,
        pytest.raises(StoreError, match=r"is damaged: .* Remove the file"),
    ):
        paced.read_block(path.stem)


def test_each_read_is_paid_for_and_each_block_counted_once(
    store: BlockStore, block: MakeBlock
) -> None:
    store.add_model("a", architecture="tiny", blocks=[block(0), block(1)], metadata={})
    store.add_model("b", architecture="tiny", blocks=[block(0), block(2)], metadata={})
    files = store.block_files(["a", "b"])
    assert [path.stem for path in files] == [
        *(ref.hash for ref in store.model("a").blocks),
        store.model("b").blocks[1].hash,
    ]
    with BlockStore.open(store.root, bandwidth_bytes_per_s=10**9) as paced:
        assert paced.distinct_bytes_read() == 0
        for _ in range(2):
            paced.read_block(files[0].stem)
        size = files[0].stat().st_size
        assert paced.distinct_bytes_read() == size
        assert paced.read_rate().bytes == 2 * size  # type: ignore[union-attr]


def test_a_bandwidth_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"at 0 bytes/s: choose .* at least 1"):
        BlockStore.open(tmp_path / "store", bandwidth_bytes_per_s=0)
    assert not (tmp_path / "store").exists()
