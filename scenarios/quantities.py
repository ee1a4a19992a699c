"""Sizes and durations as people write them: ``512 MiB``, ``200 MB/s``, ``90 s``, ``10 min``."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction

BYTES_PER_UNIT = {
    "B": 1,
    "kB": 10**3,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
}
SECONDS_PER_UNIT = {
    "ms": Fraction(1, 1000),
    "s": Fraction(1),
    "min": Fraction(60),
    "h": Fraction(3600),
}

_QUANTITY = re.compile(r"(\d{1,40}(?:\.\d{1,40})?)\s*([A-Za-z]*)", re.ASCII)


def parse_bytes(text: str) -> int:
    """The number of bytes that ``text`` means; a bare number counts bytes.

    Raises:
        ValueError: not a size, or not a whole number of bytes.
    """
    number, unit = _split(text)
    if unit and unit not in BYTES_PER_UNIT:
        raise ValueError(f"the unit '{unit}' is not one of {', '.join(BYTES_PER_UNIT)}")
    size = number * BYTES_PER_UNIT[unit or "B"]
    if size != int(size):
        raise ValueError("it is not a whole number of bytes")
    return int(size)


def parse_rate(text: str) -> int:
    """The bytes per second that ``text`` means: a size, with or without ``/s``.

    Raises:
        ValueError: not a rate, or not a whole number of bytes.
    """
    return parse_bytes(text.strip().removesuffix("/s"))


def parse_seconds(text: str) -> float:
    """The number of seconds that ``text`` means; a bare number counts seconds.

    Raises:
        ValueError: not a duration.
    """
    number, unit = _split(text)
    if unit and unit not in SECONDS_PER_UNIT:
        raise ValueError(f"the unit '{unit}' is not one of {', '.join(SECONDS_PER_UNIT)}")
    return float(number * SECONDS_PER_UNIT[unit or "s"])


def format_bytes(size_bytes: int) -> str:
    """The shortest exact form of a size; ``parse_bytes`` reads it back."""
    for unit, factor in sorted(BYTES_PER_UNIT.items(), key=lambda item: -item[1]):
        if size_bytes and size_bytes % factor == 0:
            return f"{size_bytes // factor} {unit}"
    return f"{size_bytes} B"


def format_seconds(duration_s: float) -> str:
    """A duration in seconds without an exponent; ``parse_seconds`` reads it back."""
    number = f"{Decimal(repr(duration_s)):f}"
    return f"{number.removesuffix('.0')} s"


def _split(text: str) -> tuple[Fraction, str]:
    match = _QUANTITY.fullmatch(text.strip())
    if match is None:
        raise ValueError("it is not a number with a unit")
    return Fraction(match[1]), match[2]
