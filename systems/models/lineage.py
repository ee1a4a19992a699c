"""Who descends from whom in a synthetic model set, and how much of it is new.

The procedure of the Alsatian paper (SIGMOD 2025, M_syn): start from one base model; each
further model copies a randomly chosen earlier one and re-initialises its last k blocks.
Beside it the joint models of the paper's bottleneck experiments: one trunk, and several tails
of the same depth on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from systems.errors import ConfigurationError, did_you_mean
from systems.models.parts import PARTS, Part


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """Where one model of a set comes from."""

    parent: int | None
    """Index of the copied model, always an earlier one; None for the base model."""
    depth: int
    """How many of the last blocks are its own; all of them for the base model."""


class Distribution(Protocol):
    """How the models of a set come from earlier ones."""

    @property
    def name(self) -> str:
        """The name in scenario files and records."""
        ...

    @property
    def label(self) -> str:
        """The name in tables and figures."""
        ...

    def origin(self, random: np.random.Generator, *, index: int, blocks: int) -> Origin:
        """Where model ``index`` (1 or more) of a set of models of ``blocks`` blocks comes from."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class RandomDepth:
    """A copy of any earlier model; its new blocks follow a truncated normal distribution."""

    name: str
    label: str
    """The name in tables and figures."""
    mean: float
    """As a share of the number of blocks."""
    deviation: float
    """Standard deviation before truncation, as a share of the mean."""

    def origin(self, random: np.random.Generator, *, index: int, blocks: int) -> Origin:
        """Draw the parent, then the number of new blocks."""
        parent = int(random.integers(index))
        return Origin(parent=parent, depth=self._draw_depth(random, blocks))

    def _draw_depth(self, random: np.random.Generator, blocks: int) -> int:
        """A truncated normal number on [0, blocks], rounded; 0 is drawn again.

        Drawing again outside the interval is the definition of the truncated distribution.
        """
        mean = self.mean * blocks
        while True:
            value = random.normal(mean, mean * self.deviation)
            if 0 <= value <= blocks and round(value) > 0:
                return round(value)


@dataclass(frozen=True, kw_only=True, slots=True)
class JointTrunk:
    """A copy of the base model with a tail of its own: one trunk with several tails."""

    name: str
    label: str
    """The name in tables and figures."""
    tail: Part
    """What is new; the first block is shared in any case, if there is another one."""

    def origin(self, random: np.random.Generator, *, index: int, blocks: int) -> Origin:
        """The same for all models; nothing is drawn."""
        return Origin(parent=0, depth=min(self.tail.last_blocks(blocks), max(1, blocks - 1)))


DISTRIBUTIONS: Mapping[str, Distribution] = {
    distribution.name: distribution
    for distribution in (
        RandomDepth(name="top_50", label="Top 50%", mean=0.50, deviation=1 / 4),
        RandomDepth(name="top_25", label="Top 25%", mean=0.25, deviation=1 / 2),
        RandomDepth(name="top_layers", label="Top Layers", mean=0.10, deviation=1 / 2),
        JointTrunk(name="joint_50", label="Joint 50%", tail=PARTS["last_50"]),
        JointTrunk(name="joint_25", label="Joint 25%", tail=PARTS["last_25"]),
        JointTrunk(name="joint_3", label="Joint 3", tail=PARTS["last_3"]),
        JointTrunk(name="joint_1", label="Joint 1", tail=PARTS["last_1"]),
    )
}


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
        origins.append(distribution.origin(random, index=index, blocks=blocks))
    return tuple(origins)


def owner(origins: tuple[Origin, ...], model: int, *, block: int, blocks: int) -> int:
    """Index of the model that ``model`` has its block at position ``block`` from."""
    while True:
        origin = origins[model]
        if origin.parent is None or block >= blocks - origin.depth:
            return model
        model = origin.parent
