"""What it costs to make a stored model runnable while its files are in memory.

``channels_last`` is the layout in which convolution weights are stored: binding is a view.
``contiguous`` has to copy them, as both had before weights were stored as they run.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from systems.models.build import ModelShape, block_architectures, build_plain, split
from systems.models.skeleton import BoundBlock, SkeletonPool
from systems.store.blocks import BlockContent
from systems.store.store import BlockStore

ARCHITECTURE = "resnet18"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BlockStore]:
    shape = ModelShape(architecture=ARCHITECTURE)
    torch.manual_seed(0)
    blocks = zip(block_architectures(shape), split(shape, build_plain(shape)), strict=True)
    with BlockStore.open(tmp_path_factory.mktemp("bench") / "store") as store:
        store.add_model(
            ARCHITECTURE,
            architecture=ARCHITECTURE,
            blocks=[BlockContent(architecture=n, tensors=b.state_dict()) for n, b in blocks],
            metadata={},
        )
        yield store


@pytest.mark.parametrize(
    ("memory_format", "is_copied"),
    [(torch.channels_last, False), (torch.contiguous_format, True)],
    ids=["channels_last", "contiguous"],
)
def test_read_and_bind_a_resnet18(
    benchmark: BenchmarkFixture,
    store: BlockStore,
    memory_format: torch.memory_format,
    is_copied: bool,
) -> None:
    refs = store.model(ARCHITECTURE).blocks
    skeletons = SkeletonPool()
    for ref in refs:
        skeletons.skeleton(ref.architecture)

    def prepare() -> list[BoundBlock]:
        return [
            skeletons.skeleton(ref.architecture).bind(
                store.read_block(ref.hash), memory_format=memory_format
            )
            for ref in refs
        ]

    bound = benchmark.pedantic(prepare, rounds=10, warmup_rounds=1)
    # A view keeps the whole file as its storage, a copy has one of its own size.
    large = [t for block in bound for t in block.tensors() if t.dim() == 4 and t.shape[2] > 1]
    assert large
    assert all((t.untyped_storage().nbytes() == t.nbytes) is is_copied for t in large)
