"""Slow drift: a series of times as a few levels, and whether the last one is too high."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

SHORTEST = 3
"""Values of a level: fewer are outliers, not a level."""
PENALTY = 4.0
"""Of a level, in log(number of values): ``bench.drift_power`` shows what comes of it."""
PENALTY_AMONG = 3.0
"""… in log(number of series). What a division gains by chance had tails of exp(−gain / 2) if the
scatter were known; it is taken from the same values, which makes them heavier."""
_TRIMMED = 0.9
"""Share of the differences of neighbours that tells the scatter; steps are among the rest."""
_RMS_OF_TRIMMED = 0.7893
"""Root mean square of the 90% of standard normal numbers that are nearest to 0."""
_LEAST_SIGMA = 1e-3  # a tenth of a percent: no clock is better


@dataclass(frozen=True, kw_only=True, slots=True)
class Level:
    """Values that lie around one time."""

    first: int
    """Place of the first value, and of the one after the last."""
    end: int
    value: float
    """Geometric mean."""


def levels(values: Sequence[float], *, among: int = 1) -> tuple[Level, ...]:
    """The best description of positive ``values`` in time order by constant levels.

    The sum of squared distances of their logarithms from their level's mean, in units of the
    scatter from value to value, plus a price for each level, is least over all divisions into
    levels of at least ``SHORTEST`` values (optimal partitioning: Jackson et al., "An algorithm
    for optimal partitioning of data on an interval", IEEE Signal Processing Letters 12(2),
    2005). The scatter is taken from the differences of neighbours, which a few steps do not
    touch.

    The price is ``PENALTY`` · log n + ``PENALTY_AMONG`` · log ``among``.

    Args:
        values: in time order.
        among: the number of series that are looked at together.

    Raises:
        ValueError: a value is not positive and finite.
    """
    if not all(0 < value < math.inf for value in values):
        raise ValueError("A series of times has positive, finite values only.")
    count = len(values)
    if count < 2 * SHORTEST:
        return (Level(first=0, end=count, value=_mean(values)),) if count else ()
    logs = np.log(np.asarray(values))
    # From the mean: sums of squares of large numbers would lose what is looked for.
    centred = (logs - logs.mean()) / _scatter(logs)
    sums = np.concatenate([[0.0], np.cumsum(centred)])
    squares = np.concatenate([[0.0], np.cumsum(centred**2)])
    least = np.full(count + 1, np.inf)
    least[0] = 0.0
    begin = np.zeros(count + 1, dtype=np.int64)
    price = PENALTY * math.log(count) + PENALTY_AMONG * math.log(among)
    for end in range(SHORTEST, count + 1):
        starts = np.arange(end - SHORTEST + 1)
        lengths = end - starts
        distances = squares[end] - squares[starts] - (sums[end] - sums[starts]) ** 2 / lengths
        totals = least[starts] + distances + price
        begin[end] = int(totals.argmin())
        least[end] = totals[begin[end]]
    found: list[Level] = []
    end = count
    while end:
        first = int(begin[end])
        found.append(Level(first=first, end=end, value=_mean(values[first:end])))
        end = first
    return tuple(reversed(found))


def drift(found: Sequence[Level]) -> float | None:
    """The last level over the lowest one before it; None of fewer than two levels.

    Many small changes, each within a gate's tolerance, add up here.
    """
    if len(found) < 2:
        return None
    return found[-1].value / min(level.value for level in found[:-1])


def _scatter(logs: np.ndarray) -> float:
    """Standard deviation of a value around its level."""
    steps = np.sort(np.abs(np.diff(logs)))
    kept = steps[: math.ceil(_TRIMMED * len(steps))]
    spread = math.sqrt(float(np.mean(kept**2))) / _RMS_OF_TRIMMED
    return max(spread / math.sqrt(2), _LEAST_SIGMA)


def _mean(values: Sequence[float]) -> float:
    return math.exp(math.fsum(math.log(value) for value in values) / len(values))
