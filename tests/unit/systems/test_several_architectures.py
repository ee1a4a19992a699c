"""One search over models of several architectures: one ranking, each photo decoded once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.searching import Searches
from tests.unit.systems.test_same_answer import assert_base_agrees

TWO: Mapping[str, Any] = {
    "architecture": "resnet18@32+vit_ti_16@48",
    "resolution": None,
    "models": 5,
    "items": 60,
    "threads": 1,
}
ONE_SIZE = {**TWO, "architecture": "resnet18+vit_ti_16", "resolution": 32}


def test_all_systems_agree_on_one_ranking(search: Searches) -> None:
    shift = search("shift", **TWO)
    names = [model.partition("-")[0] for model in shift["answer"]["ranking"]]
    assert sorted(names) == ["resnet18"] * 3 + ["vit_ti_16"] * 2
    for system in ("alsatian-paper", "alsatian"):
        assert search(system, **TWO)["answer"] == shift["answer"]
    assert_base_agrees(search("baseline", **TWO), shift["answer"])


def test_a_model_is_the_same_whatever_else_is_searched(search: Searches) -> None:
    both = search("baseline", **TWO)["answer"]["models"]
    of_one = {"architecture": "resnet18", "resolution": 32, "models": 3}
    alone = search("baseline", **{**TWO, **of_one})["answer"]["models"]
    assert len(alone) == 3
    for model, answer in alone.items():
        assert both[model]["score"] == answer["score"]
        assert both[model]["segments"]["test"] == answer["segments"]["test"]


@pytest.mark.parametrize("workers", [0, 2])
def test_each_item_is_decoded_once_and_resized_at_most_once_for_each_size(
    search: Searches, workers: int
) -> None:
    counts = search("alsatian", **TWO, data_workers=workers)["counts"]
    assert counts["items_decoded"] == 60
    # Late chunks only for the architectures of the survivors, if of them alone.
    assert 60 < counts["items_resized"] <= 120
    counts = search("alsatian", **ONE_SIZE, data_workers=workers)["counts"]
    assert (counts["items_decoded"], counts["items_resized"]) == (60, 60)


def test_base_decodes_for_every_model_unless_it_decodes_once(search: Searches) -> None:
    published = search("baseline", **TWO)
    assert published["counts"]["items_decoded"] == published["counts"]["items_resized"] == 5 * 60
    strong = search("baseline", {"decode_once": True}, **TWO)
    assert strong["answer"] == published["answer"]
    counts = strong["counts"]
    assert (counts["items_decoded"], counts["items_resized"]) == (60, 120)
    assert counts["decoded_spilled_bytes"] == 0


def test_a_budget_that_is_too_small_changes_nothing_but_the_place(search: Searches) -> None:
    expected = search("baseline", {"decode_once": True}, **TWO)
    spilled = search("baseline", {"decode_once": True}, **TWO, decoded_budget=50_000)
    assert spilled["answer"] == expected["answer"]
    assert spilled["counts"]["items_decoded"] == 60
    assert spilled["counts"]["decoded_peak_bytes"] <= 50_000
    assert spilled["counts"]["decoded_spilled_bytes"] > 0


def test_what_can_be_folded_is_found_before_anything_is_loaded_ahead(search: Searches) -> None:
    two = {**TWO, "architecture": "resnet18@32+resnet34@48", "fold_batch_norm": True}
    shift = search("shift", **two)
    assert search("alsatian", **two)["answer"] == shift["answer"]
