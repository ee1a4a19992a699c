"""Reduced precision is the same for all systems, and leaves what must be exact alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from harness.skeletons import skeleton_pool
from systems.models.build import block_architectures, split
from systems.models.profile import profile_model
from systems.models.skeleton import SkeletonPool
from systems.precision import full_precision, reducible, set_products
from systems.scoring.heads import HeadTask, HeadTrainer, head_training
from tests.searching import TEXT, Searches
from tests.unit.models.conftest import small_inputs, small_plain, small_shape
from tests.unit.systems.test_same_answer import assert_base_agrees

BF16: Mapping[str, Mapping[str, Any]] = {
    "resnet18": {},
    "vit_ti_16": {"architecture": "vit_ti_16", "resolution": 32, "models": 4},
    "bert_tiny": {**TEXT, "models": 4},
}


def sketches(found: Mapping[str, Any]) -> np.ndarray:
    return np.array(
        [m["segments"]["test"]["sketch"] for _, m in sorted(found["answer"]["models"].items())]
    )


@pytest.mark.parametrize("name", BF16)
def test_systems_agree_bit_for_bit_in_bf16(search: Searches, name: str) -> None:
    parameters = {**BF16[name], "precision": "bf16"}
    shift = search("shift", **parameters)
    for system in ("alsatian-paper", "alsatian"):
        assert search(system, **parameters)["answer"] == shift["answer"]
    base = search("baseline", **parameters)
    assert_base_agrees(base, shift["answer"], tolerance=0.0)  # it cuts the same batches
    full = search("shift", **BF16[name])
    difference = np.abs(sketches(shift) - sketches(full)).max() / np.abs(sketches(full)).max()
    assert 1e-4 < difference < 0.2  # rounded to 8 bits at every layer, and no more than that
    half, whole = shift["counts"], full["counts"]
    assert half["cache_peak_bytes"] * 2 == whole["cache_peak_bytes"]
    parameters_bytes = half["resident_parameters_peak_bytes"] * 2
    if name == "resnet18":  # its batch norms stay as they are
        assert parameters_bytes > whole["resident_parameters_peak_bytes"]
    else:
        assert parameters_bytes == whole["resident_parameters_peak_bytes"]
    for count in ("bytes_read", "operations", "block_executions"):
        assert half[count] == whole[count]


@pytest.mark.parametrize("name", ["resnet18", "vit_ti_16", "bert_tiny"])
def test_a_profile_in_bf16_says_what_blocks_take(name: str) -> None:
    shape = small_shape(name)
    inputs, *side = small_inputs(name)
    size = {"sequence_length": inputs.shape[1]} if side else {"resolution": inputs.shape[2]}
    profiles = profile_model(shape, number_type=torch.bfloat16, **size)
    pool = SkeletonPool(number_type=torch.bfloat16)
    x = inputs if side else inputs.to(torch.bfloat16)
    blocks = split(shape, small_plain(name))
    for profile, id_, block in zip(profiles, block_architectures(shape), blocks, strict=True):
        assert x.nbytes == profile.input_bytes * len(x)
        bound = pool.skeleton(id_).bind(block.state_dict())
        x = bound(x, *side)
        assert x.dtype == torch.bfloat16
        assert x.nbytes == profile.output_bytes * len(x)
        assert sum(tensor.nbytes for tensor in bound.tensors()) == profile.parameter_bytes


def test_batch_norms_and_whole_numbers_are_left_alone() -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Flatten(), nn.LayerNorm(4))
    module.register_buffer("places", torch.arange(3))
    assert reducible(module) == {"0.weight", "0.bias", "3.weight", "3.bias"}
    assert reducible(nn.BatchNorm2d(4)) == set()


def test_folded_batch_norms_are_reduced_with_the_convolution() -> None:
    spec = {"fold_batch_norm": True, "precision": "bf16", "compile": False}
    bound = (
        skeleton_pool(spec)
        .skeleton("resnet18/3")
        .bind(split(small_shape("resnet18"), small_plain("resnet18"))[3].state_dict())
    )
    assert {tensor.dtype for tensor in bound.tensors()} == {torch.bfloat16}


def test_products_are_rounded_on_request_only_and_never_in_heads() -> None:
    seen = []

    class Watched(HeadTrainer):
        def _count_correct(self, *arguments: Any) -> Any:
            seen.append(torch.backends.cuda.matmul.allow_tf32)
            return super()._count_correct(*arguments)

    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    try:
        assert set_products("fp32") == {"products": "fp32", "convolutions": "fp32"}
        assert set_products("bf16") == {"products": "fp32", "convolutions": "fp32"}
        assert set_products("tf32") == {"products": "tf32", "convolutions": "tf32"}
        with full_precision():
            assert not torch.backends.cudnn.allow_tf32
        task = HeadTask(model_id="m", train=torch.randn(8, 3), test=torch.randn(4, 3))
        labels = torch.tensor([0, 1] * 4)
        trainer = Watched(head_training("linear", minibatch_items=4), classes=2)
        trainer.correct([task], labels, labels[:4])
        assert seen == [False]
        assert torch.backends.cuda.matmul.allow_tf32
        assert torch.backends.cudnn.allow_tf32
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before
