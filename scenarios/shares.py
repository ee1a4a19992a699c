"""Shares of a whole as people write them: ``5%`` or ``0.05``."""

from __future__ import annotations


def parse_share(text: object) -> float:
    """A share strictly between 0 and 1.

    Raises:
        ValueError: it is none; the sentence says how to write one.
    """
    number = str(text).strip()
    try:
        share = float(number.removesuffix("%")) / (100 if number.endswith("%") else 1)
    except ValueError:
        share = -1.0
    if isinstance(text, bool) or not 0 < share < 1:
        raise ValueError(f"'{text}' is no change between 0% and 100%: write it as in 5%.")
    return share
