"""Searches over parts of models, and over models joined to one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from pyarrow import parquet

from systems.errors import ConfigurationError
from tests.searching import TEXT, Searches

JOINT: Mapping[str, Any] = {"distribution": "joint_3", "models": 4, "items": 60, "threads": 1}
KINDS: Mapping[str, Mapping[str, Any]] = {
    "resnet18": JOINT,
    "vit_ti_16": {**JOINT, "architecture": "vit_ti_16", "resolution": 32},
    "bert_tiny": {**JOINT, **TEXT, "distribution": "joint_1"},
}


@pytest.mark.parametrize("name", KINDS)
def test_joined_models_give_the_answers_of_separate_ones(search: Searches, name: str) -> None:
    separate, joined = (search(system, **KINDS[name]) for system in ("baseline", "joint"))
    assert joined["answer"] == separate["answer"]  # digests, scores and ranking
    assert joined["counts"]["operations"] < separate["counts"]["operations"]
    assert joined["counts"]["bytes_read"] == joined["counts"]["unique_bytes"]
    assert joined["operation_ratio"] > 1


@pytest.mark.parametrize("name", KINDS)
def test_the_part_gives_the_answers_of_the_whole_models(search: Searches, name: str) -> None:
    part = "last_1" if name == "bert_tiny" else "last_3"
    whole, part_only = (search("baseline", part=p, **KINDS[name]) for p in ("full", part))
    assert part_only["answer"] == whole["answer"]
    assert part_only["counts"]["operations"] < whole["counts"]["operations"]
    assert part_only["counts"]["unique_bytes"] < whole["counts"]["unique_bytes"]
    assert part_only["counts"]["items_decoded"] == 0
    assert part_only["counts"]["input_bytes_read"] > 0
    assert not part_only["dataset"]["timing_only"]


def test_all_systems_agree_on_a_part(search: Searches) -> None:
    parameters = {**JOINT, "part": "last_50"}
    shift = search("shift", **parameters)
    for system in ("alsatian-paper", "alsatian"):
        found = search(system, **parameters)
        assert found["answer"] == shift["answer"]
        assert 0 < found["efficiency"] <= 1
    assert search("joint", **parameters)["answer"] == search("baseline", **parameters)["answer"]


def test_made_up_inputs_need_no_common_trunk_and_are_for_timing(search: Searches) -> None:
    parameters = {**JOINT, "distribution": "top_50", "part": "last_1"}
    found = [search(s, part_input="generated", **parameters) for s in ("shift", "alsatian")]
    assert found[0]["answer"] == found[1]["answer"]
    assert all(each["dataset"]["timing_only"] for each in found)
    with pytest.raises(ConfigurationError, match="share only their first"):
        search("shift", **parameters)


def test_each_architecture_has_a_trunk_of_its_own(search: Searches) -> None:
    parameters = {**JOINT, "architecture": "resnet18+vit_ti_16"}
    whole = search("baseline", **parameters)
    assert search("baseline", part="last_3", **parameters)["answer"] == whole["answer"]
    assert search("joint", part="last_3", **parameters)["answer"] == whole["answer"]


def test_a_part_that_is_the_whole_model_reads_items(search: Searches) -> None:
    parameters = {**JOINT, **TEXT}  # a model of three blocks
    whole, part = (search("alsatian", part=p, **parameters) for p in ("full", "last_3"))
    assert part["answer"] == whole["answer"]
    assert part["counts"]["items_decoded"] == whole["counts"]["items_decoded"] == 60


def test_heads_may_have_more_outputs_than_there_are_classes_but_not_fewer(
    search: Searches,
) -> None:
    own, same, more = (search("joint", head_classes=n, **JOINT) for n in (None, 10, 200))
    assert same["answer"] == own["answer"]
    segments = [
        [model["segments"] for model in found["answer"]["models"].values()] for found in (own, more)
    ]
    assert sorted(map(str, segments[0])) == sorted(map(str, segments[1]))  # heads only
    assert more["answer"]["ranking"][0] in more["answer"]["tied"]
    with pytest.raises(ConfigurationError, match="head_classes is 2, but digits has 10 classes"):
        search("joint", head_classes=2, **JOINT)


def test_warming_up_touches_nothing_that_is_timed(search: Searches) -> None:
    found = []
    for batches in (0, 2):
        found.append(search("alsatian", warm_up=batches, part="last_3", **JOINT))
        spans = parquet.read_table(search.out / "spans.parquet").to_pandas()
        found[-1]["inference_spans"] = int((spans.phase == "inference").sum())
    cold, warmed = found
    assert warmed["answer"] == cold["answer"]
    assert warmed["inference_spans"] == cold["inference_spans"]
    assert warmed["counts"]["bytes_read"] == cold["counts"]["bytes_read"]
    assert search("baseline", warm_up=1, **KINDS["bert_tiny"])["answer"]
