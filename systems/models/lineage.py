"""Who descends from whom in a synthetic model set, and how much of it is new.

The procedure of the Alsatian paper (SIGMOD 2025, M_syn): start from one base model; each
further model copies a randomly chosen earlier one and re-initialises its last k blocks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from systems.errors import ConfigurationError, did_you_mean


@dataclass(frozen=True, kw_only=True, slots=True)
class Distribution:
    """How many of its last blocks a model gets anew: a truncated normal distribution."""

    name: str
    label: str
    """The name in tables and figures."""
    mean: float
    """As a share of the number of blocks."""
    deviation: float
    """Standard deviation before truncation, as a share of the mean."""


DISTRIBUTIONS: Mapping[str, Distribution] = {
    distribution.name: distribution
    for distribution in (
        Distribution(name="top_50", label="Top 50%", mean=0.50, deviation=1 / 4),
        Distribution(name="top_25", label="Top 25%", mean=0.25, deviation=1 / 2),
        Distribution(name="top_layers", label="Top Layers", mean=0.10, deviation=1 / 2),
    )
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """Where one model of a set comes from."""

    parent: int | None
    """Index of the copied model, always an earlier one; None for the base model."""
    depth: int
    """How many of the last blocks are its own; all of them for the base model."""


def distribution(name: str) -> Distribution:
    """The distribution called ``name``.

    Raises:
        ConfigurationError: there is none of that name.
    """
    try:
        return DISTRIBUTIONS[name]
    except KeyError:
        raise ConfigurationError(
            f"There is no distribution '{name}'. {did_you_mean(name, DISTRIBUTIONS)}"
        ) from None


def snapshot_lineage(
    blocks: int, *, count: int, distribution: Distribution, seed: int
) -> tuple[Origin, ...]:
    """Origins of ``count`` models of ``blocks`` blocks each; the first is the base model.

    Equal arguments give equal origins, and a longer lineage begins with a shorter one of
    the same seed.
    """
    random = np.random.default_rng(seed)
    origins = [Origin(parent=None, depth=blocks)]
    for index in range(1, count):
        parent = int(random.integers(index))
        origins.append(Origin(parent=parent, depth=_draw_depth(random, blocks, distribution)))
    return tuple(origins)


def _draw_depth(random: np.random.Generator, blocks: int, distribution: Distribution) -> int:
    """A truncated normal number on [0, blocks], rounded; 0 is drawn again.

    Drawing again outside the interval is the definition of the truncated distribution.
    """
    mean = distribution.mean * blocks
    while True:
        value = random.normal(mean, mean * distribution.deviation)
        if 0 <= value <= blocks and round(value) > 0:
            return round(value)


def owner(origins: tuple[Origin, ...], model: int, *, block: int, blocks: int) -> int:
    """Index of the model that ``model`` has its block at position ``block`` from."""
    while True:
        origin = origins[model]
        if origin.parent is None or block >= blocks - origin.depth:
            return model
        model = origin.parent
