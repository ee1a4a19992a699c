"""SHiFT's choice at the start of a search, made and written down."""

from __future__ import annotations

from typing import TYPE_CHECKING

from systems.api import SearchRequest
from systems.planning.search_choice import choose_search
from systems.search_shape import search_shape, strategy_of

if TYPE_CHECKING:
    from systems.substrate import Substrate


def halving_pays(request: SearchRequest, substrate: Substrate) -> bool:
    """Whether successive halving is predicted to take no longer than the full search.

    The prediction is made by the substrate's cost model, in the phase ``plan``; it goes into
    the record with both times and the profile that they rest on.
    """
    with substrate.tracer.span("plan"):
        choice = choose_search(
            search_shape(request.model_ids, substrate),
            strategy_of(request.options, halves=True, shares=False),
            substrate.cost_model,
        )
    substrate.tracer.decide(
        "search",
        halves=choice.halves,
        halving_s=choice.halving_s,
        full_s=choice.full_s,
        reason=choice.reason,
    )
    return choice.halves
