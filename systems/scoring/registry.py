"""The scorers that a scenario can name: built in, or from installed packages.

Torch-free: a scorer's module is imported only when the scorer is made.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from systems.errors import ConfigurationError, did_you_mean
from systems.plug_ins import imported, with_offered

if TYPE_CHECKING:
    from systems.scoring.scorer import Scorer

ENTRY_POINT_GROUP = "alsatian_bench.scorers"


@dataclass(frozen=True, kw_only=True, slots=True)
class ScorerInfo:
    """What can be known of a scorer without importing it."""

    name: str
    """The name in scenario files and records."""
    summary: str
    factory: str
    """``module:function``, called as ``function(classes=…, minibatch_items=…)`` with the number
    of classes and the batch size of the scenario; returns a ``systems.scoring.scorer.Scorer``."""


BUILT_IN: tuple[ScorerInfo, ...] = (
    ScorerInfo(
        name="linear",
        summary="linear head on standardised features (default; stable ranking)",
        factory="systems.scoring.heads:linear",
    ),
    ScorerInfo(
        name="linear-paper",
        summary="linear head on raw features, learning rate 0.1, as published",
        factory="systems.scoring.heads:linear_paper",
    ),
)
"""Linear heads: what the cost model knows the time of."""


@functools.cache
def available_scorers() -> Mapping[str, ScorerInfo]:
    """All scorers by name: the built-in ones, and those that installed packages offer.

    A package offers one through an entry point of the group ``alsatian_bench.scorers`` that
    names a ``ScorerInfo``.
    """
    return with_offered(BUILT_IN, group=ENTRY_POINT_GROUP, kind=ScorerInfo, what="scorer")


def scorer_info(name: str) -> ScorerInfo:
    """The scorer called ``name``.

    Raises:
        ConfigurationError: there is none.
    """
    scorers = available_scorers()
    if name not in scorers:
        raise ConfigurationError(f"There is no scorer '{name}'. {did_you_mean(name, scorers)}")
    return scorers[name]


def load_scorer(name: str, *, classes: int, minibatch_items: int) -> Scorer:
    """Import and make the scorer called ``name``; see ``ScorerInfo.factory``.

    Raises:
        ConfigurationError: there is none, or its code cannot be imported.
    """
    make = imported(scorer_info(name).factory, of=f"the scorer '{name}'")
    return make(classes=classes, minibatch_items=minibatch_items)
