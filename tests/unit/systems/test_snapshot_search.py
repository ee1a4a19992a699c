"""Searches over checkpoints: several families, one ranking, the same answer of all systems."""

from __future__ import annotations

import pytest

from tests.searching import Searches

MIXED = {
    "architecture": "hf_vit+hf_resnet+hf_conditional_detr",
    "model_set": "snapshots",
    "models_path": "generated",
    "distribution": None,
    "models": 7,
    "items": 60,
    "resolution": 32,
}


def test_systems_agree_over_checkpoints_of_several_families(search: Searches) -> None:
    base, shift, alsatian = (
        search(system, **MIXED)["answer"] for system in ("baseline", "shift", "alsatian")
    )

    assert len(shift["models"]) == 7
    assert shift["ranking"] == alsatian["ranking"]
    for name, answer in shift["models"].items():
        same = alsatian["models"][name]
        assert answer["score"] == same["score"]
        digests = {part: proof["digest"] for part, proof in answer["segments"].items()}
        assert digests == {part: proof["digest"] for part, proof in same["segments"].items()}
        assert base["models"][name]["segments"]["test"]["items"] == 12


def test_a_search_shares_what_checkpoints_share(search: Searches) -> None:
    alone, shared = (
        search(system, **MIXED)["counts"]["operations"] for system in ("shift", "alsatian")
    )
    assert shared < 0.8 * alone


def test_each_item_is_decoded_once_whatever_normalisation_families_want(search: Searches) -> None:
    counts = search("alsatian", **MIXED)["counts"]  # ViT subtracts 0.5, ResNet ImageNet's means
    assert (counts["items_decoded"], counts["items_resized"]) == (60, 60)


@pytest.mark.slow
def test_texts_are_searched_with_text_checkpoints(search: Searches) -> None:
    text = {
        **MIXED, "architecture": "hf_bert+hf_roberta", "models": 3, "dataset": "docstrings",
        "resolution": None, "sequence_length": 16, "memory_format": "contiguous",
    }  # fmt: skip
    shift, alsatian = (search(system, **text)["answer"] for system in ("shift", "alsatian"))
    assert shift["ranking"] == alsatian["ranking"]
    assert {name.partition("-")[0] for name in shift["models"]} == {"hf_bert", "hf_roberta"}
