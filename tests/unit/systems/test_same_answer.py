"""Invariant 1: all systems give the same answer, whatever they share and in any order."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from systems.errors import ConfigurationError
from systems.registry import system_info
from tests.searching import TEXT, Searches

ALSATIANS = ("alsatian-paper", "alsatian")
SMALL: Mapping[str, Mapping[str, Any]] = {
    "resnet18": {},
    "mobilenet_v2": {"architecture": "mobilenet_v2"},
    "efficientnet_v2_s": {
        "architecture": "efficientnet_v2_s",
        "models": 3,
        "items": 50,
        "resolution": 40,
    },
    "vit_ti_16": {"architecture": "vit_ti_16", "resolution": 64},
    "bert_tiny": TEXT,
}

SEARCHED_OPTIONS_OFF: Mapping[str, Any] = {
    "schedule": "auto",
    "traversal": "dfs_plus",
    "in_place": False,
    "siblings_together": False,
    "recompute": False,
    "cache_budget": None,
    "memory_budget": None,
    "prefetch": False,
    "decode_once": False,
    "keep_blocks": False,
    "batched_heads": False,
}


def smallest_budget(
    search: Searches, budget: str, options: Mapping[str, Any], **parameters: Any
) -> int:
    """The smallest budget that Alsatian accepts with these options, as its refusal names it."""
    with pytest.raises(ConfigurationError, match=f"{budget}.*at least") as refusal:
        search("alsatian", {**options, budget: 1}, **parameters)
    found = re.search(r"at least (\d+)", str(refusal.value))
    assert found
    return int(found[1])


def assert_base_agrees(
    base: Mapping[str, Any], halving: Mapping[str, Any], *, tolerance: float = 1e-4
) -> None:
    """Base's features are near on the items both have seen; final scores nearly equal."""
    item = 1 / base["dataset"]["test_items"]
    compared = 0
    for model, found in halving["models"].items():
        expected = base["answer"]["models"][model]
        for name, proof in found["segments"].items():
            a = np.array(expected["segments"][name]["sketch"])
            b = np.array(proof["sketch"])
            assert np.abs(a - b).max() <= tolerance * np.abs(a).max()
            compared += 1
        if found["train_items"] == expected["train_items"]:
            assert abs(found["score"] - expected["score"]) <= item + 1e-12
    assert compared > len(halving["models"])


@pytest.mark.slow
@pytest.mark.parametrize("distribution", ["top_50", "top_layers"])
@pytest.mark.parametrize("name", SMALL)
def test_four_systems_agree(search: Searches, name: str, distribution: str) -> None:
    parameters = {**SMALL[name], "distribution": distribution}
    shift = search("shift", **parameters)
    for system in ALSATIANS:
        assert search(system, **parameters)["answer"] == shift["answer"]
    assert_base_agrees(search("baseline", **parameters), shift["answer"])


@pytest.mark.parametrize("name", ["resnet18", "vit_ti_16"])
def test_every_cache_budget_gives_the_same_answer(search: Searches, name: str) -> None:
    parameters = SMALL[name]
    expected = search("alsatian", **parameters)["answer"]
    published = system_info("alsatian-paper").options
    least = smallest_budget(search, "cache_budget", published, **parameters)
    for budget in (least, 2 * least, 5 * least):
        found = search("alsatian-paper", {"cache_budget": budget}, **parameters)
        assert found["answer"] == expected
        assert found["counts"]["cache_peak_bytes"] <= budget


@pytest.mark.slow
@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    models=st.sampled_from([1, 2, 3, 5, 8]),
    batch_size=st.sampled_from([1, 7, 16, 33]),
    seed=st.integers(0, 1),
    options=st.fixed_dictionaries(
        {
            "schedule": st.sampled_from(["auto", "block_major", "batch_major"]),
            "traversal": st.sampled_from(["optimal", "depth_first", "dfs_plus"]),
            "in_place": st.booleans(),
            "siblings_together": st.booleans(),
            "recompute": st.booleans(),
            "cache_budget": st.sampled_from([None, 1, 3]),
            "memory_budget": st.sampled_from([None, 1, 2]),
            "prefetch": st.booleans(),
            "decode_once": st.booleans(),
            "keep_blocks": st.booleans(),
            "batched_heads": st.booleans(),
        }
    ),
)
@example(  # the first round holds most intermediates, the second most parameters
    models=3,
    batch_size=16,
    seed=0,
    options={
        **SEARCHED_OPTIONS_OFF,
        "traversal": "optimal",
        "recompute": True,
        "cache_budget": 1,
        "memory_budget": 1,
        "keep_blocks": True,
    },
)
def test_no_option_changes_the_answer(
    search: Searches, models: int, batch_size: int, seed: int, options: Mapping[str, Any]
) -> None:
    parameters = {
        "architecture": "vit_ti_16", "resolution": 16, "models": models, "model_seed": seed,
        "batch_size": batch_size, "items": 60,
    }  # fmt: skip
    expected = search("shift", **parameters)
    for budget in ("cache_budget", "memory_budget"):
        if options[budget] is not None:  # so many times the smallest that would do
            least = smallest_budget(search, budget, options, **parameters)
            options = {**options, budget: least * options[budget]}
    found = search("alsatian", options, **parameters)
    assert found["answer"] == expected["answer"]
    counts = found["counts"]
    if options["cache_budget"] is not None:
        assert counts["cache_peak_bytes"] <= options["cache_budget"]
    if options["memory_budget"] is not None:
        assert counts["held_peak_bytes"] <= options["memory_budget"]
    assert_base_agrees(search("baseline", **parameters), expected["answer"])


def test_threads_grouping_and_workers_do_not_change_the_ranking(search: Searches) -> None:
    expected = search("alsatian", threads=1)["answer"]
    assert len({answer["score"] for answer in expected["models"].values()}) > 1
    for parameters in ({"threads": 2}, {"data_workers": 3}, {"threads": 1, "data_workers": 1}):
        assert search("alsatian", **parameters)["answer"] == expected
        assert search("shift", **parameters)["answer"] == expected


def test_stopping_when_decided_skips_one_round_and_keeps_the_winner(search: Searches) -> None:
    whole = search("alsatian", models=5)
    stopped = search("alsatian", {"stop_when_decided": True}, models=5)
    assert stopped["answer"]["winner"] == whole["answer"]["winner"]
    assert stopped["answer"]["ranking"] == whole["answer"]["ranking"]
    assert stopped["counts"]["items_inferred"] < whole["counts"]["items_inferred"]
    assert max(answer["round"] for answer in stopped["answer"]["models"].values()) == 2
    assert max(answer["round"] for answer in whole["answer"]["models"].values()) == 3
