"""Models as chains of blocks: what it costs to make them, and to run them as such."""

from __future__ import annotations

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture
from torch import Tensor

from systems.models.build import (
    ModelShape,
    block_architectures,
    build_plain,
    plain_features,
    split,
)
from systems.models.skeleton import BoundBlock, Skeleton, SkeletonPool

MODELS = 35


@pytest.mark.parametrize("architecture", ["resnet18", "resnet152", "vit_l_32"])
def test_skeletons(benchmark: BenchmarkFixture, architecture: str) -> None:
    """Of a whole model, on the meta device: once per search, whatever the number of models."""
    shape = ModelShape(architecture=architecture)
    names = block_architectures(shape)

    def make() -> list[Skeleton]:
        pool = SkeletonPool()
        return [pool.skeleton(name) for name in names]

    skeletons = benchmark.pedantic(make, rounds=3, warmup_rounds=1)
    plain = [block.state_dict() for block in split(shape, build_plain(shape, device="meta"))]
    found = [{slot.name: slot.shape for slot in skeleton.slots} for skeleton in skeletons]
    assert found == [{name: tuple(t.shape) for name, t in block.items()} for block in plain]


def test_binding_35_models(benchmark: BenchmarkFixture) -> None:
    """Parameters are in memory and in the layout in which they run: nothing is copied."""
    shape = ModelShape(architecture="resnet18")
    names, pool = block_architectures(shape), SkeletonPool()
    blocks = [block.state_dict() for block in split(shape, build_plain(shape))]
    stored = [{name: _channels_last(tensor) for name, tensor in block.items()} for block in blocks]

    def bind() -> list[list[BoundBlock]]:
        return [
            [
                pool.skeleton(name).bind(tensors, memory_format=torch.channels_last)
                for name, tensors in zip(names, stored, strict=True)
            ]
            for _ in range(MODELS)
        ]

    models = benchmark.pedantic(bind, rounds=5, warmup_rounds=1)
    places = {tensor.data_ptr() for block in stored for tensor in block.values()}
    bound = [tensor for model in models for block in model for tensor in block.tensors()]
    assert len(bound) == MODELS * sum(map(len, stored))
    assert all(tensor.data_ptr() in places for tensor in bound)


@pytest.mark.benchmark(group="a batch of eight through MobileNetV2")
@pytest.mark.parametrize("way", ["plain", "composed"])
def test_running_a_chain(benchmark: BenchmarkFixture, way: str) -> None:
    """The plain model's own forward, and its blocks one after another: the same bits."""
    shape = ModelShape(architecture="mobilenet_v2")
    torch.manual_seed(0)
    plain = build_plain(shape).eval()
    pool = SkeletonPool()
    chain = [
        pool.skeleton(name).bind(block.state_dict())
        for name, block in zip(block_architectures(shape), split(shape, plain), strict=True)
    ]
    images = torch.randn(8, 3, 32, 32)

    def composed() -> Tensor:
        x = images
        for block in chain:
            x = block(x)
        return x

    with torch.inference_mode():
        expected = plain_features(shape, plain, images)
        if way == "plain":
            features = benchmark.pedantic(
                plain_features, args=(shape, plain, images), rounds=30, warmup_rounds=3
            )
        else:
            features = benchmark.pedantic(composed, rounds=30, warmup_rounds=3)
    assert torch.equal(features, expected)


def _channels_last(tensor: Tensor) -> Tensor:
    return tensor.contiguous(memory_format=torch.channels_last) if tensor.dim() == 4 else tensor
