"""Proxy scores: how good a starting point a model's features are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

SCORERS: Final[Mapping[str, str]] = {
    "linear": "linear head on standardised features (default; stable ranking)",
    "linear-paper": "linear head on raw features, learning rate 0.1, as published",
}
"""Names and meanings of the scorers; torch-free, for listings and validation."""
