from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from systems.models.build import block_architectures, build_plain, split
from systems.models.folding import foldable_pairs
from systems.models.skeleton import Skeleton, SkeletonPool
from tests.unit.models.conftest import small_inputs, small_shape

CONVOLUTIONAL = ["resnet18", "resnet50", "mobilenet_v2", "efficientnet_v2_s"]


def with_statistics(module: nn.Module) -> nn.Module:
    """Batch norms as a trained model has them: no two channels alike."""
    generator = torch.Generator().manual_seed(3)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            for tensor, low, high in (
                (part.running_mean, -0.2, 0.2),
                (part.running_var, 0.5, 1.5),
                (part.weight.data, 0.7, 1.3),
                (part.bias.data, -0.2, 0.2),
            ):
                tensor.uniform_(low, high, generator=generator)
    return module.eval()


@pytest.mark.parametrize("name", CONVOLUTIONAL)
def test_folding_changes_features_by_rounding_only(name: str) -> None:
    shape = small_shape(name)
    torch.manual_seed(0)
    blocks = split(shape, with_statistics(build_plain(shape)))
    pool = SkeletonPool(fold_batch_norm=True)
    (plain,) = (x,) = small_inputs(name)
    for architecture, block in zip(block_architectures(shape), blocks, strict=True):
        x = pool.skeleton(architecture).bind(block.state_dict())(x)
        with torch.inference_mode():
            plain = block(plain)
    assert (x - plain).abs().max() <= 2e-5 * plain.abs().max()
    assert not torch.equal(x, plain)  # or nothing was folded


@pytest.mark.parametrize("name", CONVOLUTIONAL)
def test_every_batch_norm_is_folded(name: str) -> None:
    for block in split(small_shape(name), build_plain(small_shape(name), device="meta").eval()):
        norms = [part for part in block.modules() if isinstance(part, nn.BatchNorm2d)]
        assert len(foldable_pairs(block)) == len(norms)


@pytest.mark.parametrize("name", ["vit_ti_16", "bert_tiny"])
def test_models_without_batch_norm_stay_as_they_are(name: str) -> None:
    for block in split(small_shape(name), build_plain(small_shape(name), device="meta").eval()):
        assert foldable_pairs(block) == ()


def test_what_is_stored_of_a_block_does_not_depend_on_folding() -> None:
    folding, plain = SkeletonPool(fold_batch_norm=True), SkeletonPool()
    assert folding.skeleton("resnet18/3").slots == plain.skeleton("resnet18/3").slots


def test_folding_leaves_the_tensors_of_the_store_alone() -> None:
    block = with_statistics(split(small_shape("resnet18"), build_plain(small_shape("resnet18")))[3])
    state = block.state_dict()
    before = copy.deepcopy(state)
    SkeletonPool(fold_batch_norm=True).skeleton("resnet18/3").bind(state)
    assert all(torch.equal(state[name], before[name]) for name in before)


@pytest.mark.parametrize("memory_format", [torch.channels_last, torch.contiguous_format])
def test_folded_weights_keep_their_layout(memory_format: torch.memory_format) -> None:
    state = split(small_shape("resnet18"), build_plain(small_shape("resnet18")))[3].state_dict()
    skeleton = SkeletonPool(fold_batch_norm=True).skeleton("resnet18/3")
    bound = skeleton.bind(state, memory_format=memory_format)
    weights = [t for _, tensors, _ in bound._values for t in tensors.values() if t.dim() == 4]
    assert len(weights) == 3
    assert all(w.is_contiguous(memory_format=memory_format) for w in weights)


class _Shared(nn.Module):
    """The convolution's output goes past its batch norm too."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, bias=True)
        self.norm = nn.BatchNorm2d(4)
        self.passes_by = True

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv(x)
        return self.norm(y) + y if self.passes_by else self.norm(y)


def test_a_convolution_that_others_read_is_not_folded() -> None:
    assert foldable_pairs(_Shared().eval()) == ()


def test_a_bias_of_the_convolution_is_kept() -> None:
    module = with_statistics(_Shared())
    module.passes_by = False
    state = module.state_dict()
    x = torch.randn(2, 3, 8, 8)
    with torch.inference_mode():
        expected = module(x)
    bound = Skeleton("shared/0", copy.deepcopy(module), fold_batch_norm=True).bind(state)
    assert torch.allclose(bound(x), expected, atol=1e-5)
