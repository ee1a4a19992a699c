"""After how many searches a block store has paid for itself."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class IngestCost:
    """What it takes to bring all candidates into an empty block store, training apart."""

    total_s: float
    """Hashing, writing what is new, and entering it in the catalogue."""
    hashing_s: float
    """Hashing alone."""
    model_bytes: int
    """Of the tensors of all models, every one counted in full."""
    unique_bytes: int
    """Of tensors that were written."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Amortisation:
    """What one system saves per search, and when that has paid for the store."""

    label: str
    tuning_s: float
    """Spent in each search on tuning and planning; it is in the search's time already."""
    saved_s: float | None
    """Per search, against Base; None where there is none to compare with."""
    searches: int | None
    """After how many searches ingest is paid back; None: never, or not known."""
    saved_over_strong_s: float | None
    """The same against the strong Base (decode once, load ahead)."""
    searches_over_strong: int | None


def searches_until_paid(cost_s: float, *, saved_s: float) -> int | None:
    """The smallest whole n with n · saved_s ≥ cost_s, at least 1; None if nothing is saved."""
    if saved_s <= 0:
        return None
    return max(1, math.ceil(cost_s / saved_s))


def amortisation(
    label: str,
    wall_s: float,
    *,
    cost: IngestCost,
    base_s: float | None,
    strong_s: float | None,
    tuning_s: float = 0.0,
) -> Amortisation:
    """Hold a system's median time against Base's and the strong Base's.

    Base could read whole checkpoints as they are, so that the system has to pay for all of
    the ingest.
    """
    saved_s = None if base_s is None else base_s - wall_s
    over_strong_s = None if strong_s is None else strong_s - wall_s
    return Amortisation(
        label=label,
        tuning_s=tuning_s,
        saved_s=saved_s,
        searches=None if saved_s is None else searches_until_paid(cost.total_s, saved_s=saved_s),
        saved_over_strong_s=over_strong_s,
        searches_over_strong=None
        if over_strong_s is None
        else searches_until_paid(cost.total_s, saved_s=over_strong_s),
    )
