"""SHiFT's choice between halving and the full search."""

from __future__ import annotations

from dataclasses import replace

from systems.planning.cost_model import CostModel
from systems.planning.search_choice import choose_search
from tests.unit.planning.test_simulation import SEARCH, SHIFT, only


def test_halving_is_chosen_where_running_models_is_what_takes_time() -> None:
    choice = choose_search(SEARCH, SHIFT, only(execution_s=1.0))
    assert choice.halves
    assert (choice.halving_s, choice.full_s) == (42.0, 60.0)
    assert "Chose successive halving: predicted 42 s with halving and 60 s without" in choice.reason


def test_the_full_search_is_chosen_where_preparing_models_is() -> None:
    choice = choose_search(SEARCH, replace(SHIFT, halves=True), only(block_read_s=1.0))
    assert not choice.halves
    # blocks of 4 models against those of 4 and then 2 survivors
    assert (choice.halving_s, choice.full_s) == (18.0, 12.0)
    assert "Chose the full search" in choice.reason


def test_the_reason_names_the_profile_and_says_if_it_is_a_guess() -> None:
    assert "'takes no time'." in choose_search(SEARCH, SHIFT, only()).reason
    guessed = choose_search(SEARCH, SHIFT, CostModel())
    assert guessed.is_fallback
    assert "'fallback', which is a guess." in guessed.reason
