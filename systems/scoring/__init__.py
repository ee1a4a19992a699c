"""Proxy scores: how good a starting point a model's features are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from systems.errors import ConfigurationError

SCORERS: Final[Mapping[str, str]] = {
    "linear": "linear head on standardised features (default; stable ranking)",
    "linear-paper": "linear head on raw features, learning rate 0.1, as published",
}
"""Names and meanings of the scorers; torch-free, for listings and validation."""


def check_head(head_classes: int | None, *, classes: int, dataset: str) -> None:
    """Refuse a scoring layer of ``head_classes`` outputs for data of more classes.

    Raises:
        ConfigurationError: a class would have no output.
    """
    if head_classes is not None and head_classes < classes:
        raise ConfigurationError(
            f"head_classes is {head_classes}, but {dataset} has {classes} classes, and each needs "
            f"an output: set head_classes to at least {classes}, or choose a dataset with fewer "
            "classes."
        )
