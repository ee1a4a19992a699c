"""Whether a version of the code became slower: tests of paired times against a tolerance."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from reports.statistics import CLAIM_ROUNDS, Ratio, log_spread, student_t

Verdict = Literal["regressed", "improved", "same", "inconclusive", "invalid"]
DECIDED: tuple[Verdict, ...] = ("regressed", "improved", "same", "invalid")
"""Verdicts that more rounds are not to change."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PairedTimes:
    """time(head) / time(base) of one system on one search, round by round."""

    name: str
    ratios: tuple[float, ...]
    """Positive; above 1 where head is slower."""
    tolerance: float
    """Relative change that is let pass: 0.05 lets pass ratios from 1 / 1.05 to 1.05."""
    noise: float | None = None
    """Spread of a pair's log-ratio where both sides are the same code (A/A) on machines of
    this class; the spread of this sample is not believed to be less. None: not measured."""

    @property
    def rounds(self) -> int:
        """The number of pairs."""
        return len(self.ratios)

    @property
    def is_enough(self) -> bool:
        """Whether there are enough rounds for any verdict but ``inconclusive``."""
        return self.rounds >= CLAIM_ROUNDS

    @property
    def mean_log(self) -> float:
        """Mean log-ratio."""
        return math.fsum(math.log(ratio) for ratio in self.ratios) / self.rounds

    @property
    def standard_error(self) -> float | None:
        """Of the mean log-ratio; None with fewer than two rounds."""
        spread = log_spread(self.ratios)
        return None if spread is None else max(spread, self.noise or 0.0) / math.sqrt(self.rounds)

    @property
    def ratio(self) -> Ratio:
        """Geometric mean with its Student-t 95% interval (``reports.statistics.paired_ratio``)."""
        value, error = math.exp(self.mean_log), self.standard_error
        if error is None:
            return Ratio(value=value, low=None, high=None, rounds=self.rounds)
        half_width = student_t(self.rounds - 1) * error
        low, high = (math.exp(self.mean_log + side * half_width) for side in (-1, 1))
        return Ratio(value=value, low=low, high=high, rounds=self.rounds)

    @property
    def p_regressed(self) -> float:
        """One-sided p value of "not slower than the tolerance"; 1 where rounds are too few."""
        return self._p_above(self.mean_log)

    @property
    def p_improved(self) -> float:
        """One-sided p value of "not faster than the tolerance"; 1 where rounds are too few."""
        return self._p_above(-self.mean_log)

    @property
    def excludes_regression(self) -> bool:
        """Whether the 95% interval ends below the tolerance on the slow side."""
        return self.is_enough and _at_most(self.ratio.high, 1 + self.tolerance)

    @property
    def is_same(self) -> bool:
        """Whether the 95% interval lies inside ± tolerance."""
        low = self.ratio.low
        return self.excludes_regression and _at_most(
            None if low is None else 1 / low, 1 + self.tolerance
        )

    def _p_above(self, mean_log: float) -> float:
        """Of a t test (Student, Biometrika 6(1), 1908) of the mean against log(1 + tolerance)."""
        error = self.standard_error
        if not self.is_enough or error is None:
            return 1.0
        excess = mean_log - math.log1p(self.tolerance)
        if error == 0:
            return 0.0 if excess > 0 else 1.0
        from scipy.special import stdtr  # not scipy.stats, which takes a second to import

        return float(stdtr(self.rounds - 1, -excess / error))


def judge(
    measured: Sequence[PairedTimes], *, level: float, earlier: Mapping[str, Verdict] | None = None
) -> dict[str, Verdict]:
    """The verdict on each metric at one look.

    ``regressed`` and ``improved`` are those that one-sided t tests against the tolerance
    show, each family of tests corrected by ``benjamini_hochberg`` at ``level``. Of the rest,
    ``same`` have their interval inside ± tolerance.

    Args:
        measured: all metrics of the gate, decided ones too: with the rounds that they have.
        level: of this look (``reports.gating.looks.Looks.levels``).
        earlier: what earlier looks have decided; it stands.
    """
    slower = benjamini_hochberg([each.p_regressed for each in measured], level)
    faster = benjamini_hochberg([each.p_improved for each in measured], level)
    verdicts: dict[str, Verdict] = {}
    for each, is_slower, is_faster in zip(measured, slower, faster, strict=True):
        before = (earlier or {}).get(each.name)
        if before in DECIDED:
            verdicts[each.name] = before
        elif is_slower:
            verdicts[each.name] = "regressed"
        elif is_faster:
            verdicts[each.name] = "improved"
        else:
            verdicts[each.name] = "same" if each.is_same else "inconclusive"
    return verdicts


def benjamini_hochberg(p_values: Sequence[float], level: float) -> tuple[bool, ...]:
    """Which hypotheses are rejected, so that the expected share of false ones is ``level``.

    With p₍₁₎ ≤ … ≤ p₍ₘ₎ and the largest k for which p₍ₖ₎ ≤ k · level / m: the k smallest
    (Benjamini and Hochberg, "Controlling the false discovery rate", Journal of the Royal
    Statistical Society B 57(1), 1995). Where no hypothesis is wrong, the chance of rejecting
    any is at most ``level``.
    """
    count = len(p_values)
    cut = -1.0
    for place, p_value in enumerate(sorted(p_values), 1):
        if p_value <= place * level / count:
            cut = p_value
    return tuple(p_value <= cut for p_value in p_values)


def _at_most(value: float | None, bound: float) -> bool:
    return value is not None and value <= bound
