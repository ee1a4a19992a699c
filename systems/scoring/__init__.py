"""Proxy scores: how good a starting point a model's features are."""

from __future__ import annotations

from systems.errors import ConfigurationError


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
