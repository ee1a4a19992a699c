"""Medians and ratios with confidence intervals: pure functions of numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

CONFIDENCE = 0.95
CLAIM_ROUNDS = 8
"""Interleaved rounds below which a number is shown with its rounds, and claims nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ratio:
    """A ratio of two times, over paired rounds unless its maker says otherwise."""

    value: float
    low: float | None
    """Lower end of the 95% interval; None where one round leaves the spread unknown."""
    high: float | None
    rounds: int

    @property
    def is_claim(self) -> bool:
        """Whether there are enough rounds to rest a claim on the ratio."""
        return self.rounds >= CLAIM_ROUNDS

    @property
    def excludes_one(self) -> bool:
        """Whether the interval shows a difference in time at all."""
        return self.low is not None and self.high is not None and not self.low <= 1 <= self.high


def median(values: Sequence[float]) -> float | None:
    """The middle value, or the mean of the two middle ones; None of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2


def paired_ratio(numerators: Sequence[float], denominators: Sequence[float]) -> Ratio:
    """The ratio of paired times, with a Student-t 95% interval.

    exp(mean of log(a_i / b_i)): the geometric mean, the only mean for which ratios do not
    depend on which side is the reference (Fleming and Wallace, "How not to lie with
    statistics", CACM 29(3), 1986). The interval is Student's (Biometrika 6(1), 1908) for
    the mean of the paired log-ratios, mapped back by exp. Pairs that were measured side by
    side cancel the drift that both share. A bootstrap would be too narrow here: with six
    pairs its nominal 95% covers about 87%.

    Args:
        numerators: positive times a_i, one per round.
        denominators: positive times b_i of the same rounds, in the same order.

    Raises:
        ValueError: no pairs, unequal lengths, or a time that is not positive and finite.
    """
    if not numerators or len(numerators) != len(denominators):
        raise ValueError(
            f"A paired ratio needs as many numerators as denominators, and at least one of each; "
            f"got {len(numerators)} and {len(denominators)}."
        )
    if not all(0 < time < math.inf for time in (*numerators, *denominators)):
        raise ValueError("A paired ratio needs positive, finite times.")
    logs = [math.log(a / b) for a, b in zip(numerators, denominators, strict=True)]
    rounds = len(logs)
    mean = math.fsum(logs) / rounds
    if rounds == 1:
        return Ratio(value=math.exp(mean), low=None, high=None, rounds=1)
    variance = math.fsum((value - mean) ** 2 for value in logs) / (rounds - 1)
    half_width = student_t(rounds - 1) * math.sqrt(variance / rounds)
    return Ratio(
        value=math.exp(mean),
        low=math.exp(mean - half_width),
        high=math.exp(mean + half_width),
        rounds=rounds,
    )


def unpaired_ratio(numerators: Sequence[float], denominators: Sequence[float]) -> Ratio:
    """The ratio of times that were measured at different moments, with Welch's 95% interval.

    exp(mean of log a − mean of log b); the interval does not suppose that both scatter alike
    (Welch, "The generalization of Student's problem when several different population
    variances are involved", Biometrika 34(1–2), 1947). Nothing cancels here: drift of the
    machine between the two sets is in the ratio. ``rounds`` is the smaller number of times.

    Raises:
        ValueError: a side without times, or a time that is not positive and finite.
    """
    if not numerators or not denominators:
        raise ValueError("An unpaired ratio needs at least one time on each side.")
    if not all(0 < time < math.inf for time in (*numerators, *denominators)):
        raise ValueError("An unpaired ratio needs positive, finite times.")
    sides = [[math.log(time) for time in times] for times in (numerators, denominators)]
    means = [math.fsum(logs) / len(logs) for logs in sides]
    value = math.exp(means[0] - means[1])
    rounds = min(map(len, sides))
    if rounds < 2:
        return Ratio(value=value, low=None, high=None, rounds=rounds)
    errors = [
        math.fsum((log - mean) ** 2 for log in logs) / (len(logs) - 1) / len(logs)
        for logs, mean in zip(sides, means, strict=True)
    ]
    total = sum(errors)
    if total == 0:
        return Ratio(value=value, low=value, high=value, rounds=rounds)
    freedom = total**2 / sum(
        error**2 / (len(logs) - 1) for error, logs in zip(errors, sides, strict=True)
    )
    half_width = student_t(freedom) * math.sqrt(total)
    return Ratio(
        value=value,
        low=value * math.exp(-half_width),
        high=value * math.exp(half_width),
        rounds=rounds,
    )


def log_spread(ratios: Sequence[float]) -> float | None:
    """The standard deviation of log-ratios (n - 1 below); None of fewer than two.

    For small values it is the relative spread: 0.02 are 2%.
    """
    if len(ratios) < 2:
        return None
    logs = [math.log(ratio) for ratio in ratios]
    mean = math.fsum(logs) / len(logs)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in logs) / (len(logs) - 1))


def smallest_shown(spread: float, rounds: int, *, level: float = (1 - CONFIDENCE) / 2) -> float:
    """The smallest slow-down that ``rounds`` paired rounds are nearly sure to show.

    exp((t_{1 − level} + t_95%) · spread / √rounds): a true ratio of that size is shown in about
    95% of comparisons (the usual sum of the two quantiles in place of the noncentral t; Cohen,
    "Statistical power analysis", 1988, chapter 2).

    Args:
        spread: ``log_spread`` of the paired ratios of the machine.
        rounds: at least 2.
        level: of the one-sided test; as it stands, an interval of 95% that lies above 1.

    Raises:
        ValueError: fewer than two rounds show nothing, whatever the spread.
    """
    if rounds < 2:
        raise ValueError(f"A comparison needs at least two rounds to show anything, not {rounds}.")
    quantiles = student_t(rounds - 1, below=1 - level) + student_t(rounds - 1, below=CONFIDENCE)
    return math.exp(quantiles * spread / math.sqrt(rounds))


def student_t(degrees_of_freedom: float, *, below: float = (1 + CONFIDENCE) / 2) -> float:
    """The quantile of Student's t below which a share ``below`` lies.

    The default is the half-width of the two-sided 95% interval in standard errors.
    """
    from scipy.special import stdtrit  # not scipy.stats, which takes a second to import

    return float(stdtrit(degrees_of_freedom, below))


def kendall_tau(a: Sequence[float], b: Sequence[float]) -> float | None:
    """Kendall's τ-b of two rankings of the same things, given by a number for each.

    (concordant − discordant) / √((pairs − ties in a)(pairs − ties in b)): 1 for equal
    rankings, −1 for opposite ones (Kendall, "The treatment of ties in ranking problems",
    Biometrika 33(3), 1945). None where either ranks nothing: fewer than two things, or all
    of them tied.

    Raises:
        ValueError: the lengths differ.
    """
    difference = untied_a = untied_b = 0
    pairs = list(zip(a, b, strict=True))
    for place, (a_1, b_1) in enumerate(pairs):
        for a_2, b_2 in pairs[:place]:
            sign_a, sign_b = (a_1 > a_2) - (a_1 < a_2), (b_1 > b_2) - (b_1 < b_2)
            difference += sign_a * sign_b
            untied_a += sign_a != 0
            untied_b += sign_b != 0
    return difference / math.sqrt(untied_a * untied_b) if untied_a and untied_b else None
