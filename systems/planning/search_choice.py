"""Whether successive halving pays: SHiFT's choice between it and the full search.

Halving runs models on fewer items but prepares every survivor again in each round, so that
over few items of large models the full search can be the faster one (Renggli et al., PVLDB
16(2), choose by cost too).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from systems.planning.cost_model import CostModel
from systems.planning.search import SearchShape, Strategy
from systems.planning.simulation import predict


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchChoice:
    """Which search was chosen, and what both would have taken."""

    halves: bool
    """Successive halving; otherwise every model sees every item."""
    halving_s: float
    """Predicted seconds of successive halving."""
    full_s: float
    """Predicted seconds of the full search."""
    model: str
    """The hardware profile that the prediction rests on."""
    is_fallback: bool
    """Whether that profile is a guess."""

    @property
    def reason(self) -> str:
        """The choice as a sentence for the record."""
        chosen = "successive halving" if self.halves else "the full search"
        guess = ", which is a guess" if self.is_fallback else ""
        return (
            f"Chose {chosen}: predicted {self.halving_s:.3g} s with halving and "
            f"{self.full_s:.3g} s without, by the hardware profile '{self.model}'{guess}."
        )


def choose_search(search: SearchShape, strategy: Strategy, model: CostModel) -> SearchChoice:
    """Predict the search with halving and without, and choose the cheaper; halving if equal.

    ``strategy`` says what else the system does; whether it halves is left open.
    """
    halving = predict(search, replace(strategy, halves=True), model)
    full = predict(search, replace(strategy, halves=False), model)
    return SearchChoice(
        halves=halving.wall_s <= full.wall_s,
        halving_s=halving.wall_s,
        full_s=full.wall_s,
        model=model.name,
        is_fallback=model.is_fallback,
    )
