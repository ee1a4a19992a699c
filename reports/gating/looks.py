"""When a gate looks at its rounds, and how much error each look may spend."""

from __future__ import annotations

import math
from dataclasses import dataclass

from reports.statistics import CLAIM_ROUNDS

ALPHA = 0.01
"""Chance of a false alarm, for all metrics and looks of a gate together, where the truth lies
exactly at the tolerance; far less where nothing has changed."""

STEP_ROUNDS = 4
"""Rounds between looks: even, so that each order of the two sides is run equally often."""


def pocock_spent(alpha: float, fraction: float) -> float:
    """Error that may be spent when a ``fraction`` of the rounds is there.

    α · ln(1 + (e − 1) · t), the spending function near Pocock's boundary (Lan and DeMets,
    "Discrete sequential boundaries for clinical trials", Biometrika 70(3), 1983). It spends
    much of α at the first look, where nearly all gates are decided. O'Brien and Fleming's
    would keep it for the last one, and ask t quantiles of few rounds for tails of 1 in 10,000.

    Args:
        alpha: all that may be spent, in (0, 1).
        fraction: of the most rounds, in [0, 1].
    """
    return alpha * math.log1p((math.e - 1) * fraction)


@dataclass(frozen=True, kw_only=True, slots=True)
class Looks:
    """Numbers of rounds after which a gate is judged, fixed before anything is measured."""

    rounds: tuple[int, ...] = (8, 12, 16)
    alpha: float = ALPHA

    @classmethod
    def spaced(cls, first: int, most: int) -> Looks:
        """A look after ``first`` rounds, and after every ``STEP_ROUNDS`` more up to ``most``."""
        most = max(first, most)
        return cls(rounds=(*range(first, most, STEP_ROUNDS), most))

    @property
    def levels(self) -> tuple[float, ...]:
        """The level of the tests at each look: what it may spend beyond the looks before it.

        A look before ``reports.statistics.CLAIM_ROUNDS`` rounds decides nothing but that answers
        differ, and spends nothing.

        The levels add up to α. By the union bound the chance that any look gives a false
        alarm is then at most α, whatever the dependence between looks: no approximation of
        the joint distribution of t statistics is needed, for a little power that is lost.
        """
        spent = [
            pocock_spent(self.alpha, rounds / self.rounds[-1]) if rounds >= CLAIM_ROUNDS else 0.0
            for rounds in self.rounds
        ]
        return tuple(now - before for now, before in zip(spent, [0.0, *spent], strict=False))
