from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarios.quantities import format_bytes, parse_bytes, parse_seconds


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("512 MiB", 512 * 2**20),
        ("200 MB", 200_000_000),
        ("1.5GiB", 3 * 2**29),
        ("1048576", 1048576),
        ("7 B", 7),
    ],
)
def test_sizes(text, size):
    assert parse_bytes(text) == size


@pytest.mark.parametrize(
    ("text", "duration"), [("90 s", 90), ("10 min", 600), ("1.5 h", 5400), ("250ms", 0.25)]
)
def test_durations(text, duration):
    assert parse_seconds(text) == duration


@pytest.mark.parametrize("text", ["", "MiB", "-1 MiB", "1 Mb", "1e3 B", "1 MiB/s", "0.1 B", "٣ B"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(ValueError, match=r"number|unit"):
        parse_bytes(text)


@given(st.integers(0, 10**15))
def test_a_formatted_size_is_read_back(size):
    assert parse_bytes(format_bytes(size)) == size
