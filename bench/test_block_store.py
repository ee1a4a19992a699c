"""What it costs to name, store and read blocks; the files are in the system's cache."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from systems.models.build import ModelShape, block_architectures, build_plain, split
from systems.store.blocks import BlockContent, block_hash
from systems.store.checksum import checksum
from systems.store.store import BlockRef, BlockStore
from systems.store.stored import Added

SHAPE = ModelShape(architecture="resnet18")
"""45 MB in ten blocks."""


@pytest.fixture(scope="module")
def blocks() -> list[BlockContent]:
    torch.manual_seed(0)
    modules = split(SHAPE, build_plain(SHAPE))
    return [
        BlockContent(architecture=name, tensors=module.state_dict())
        for name, module in zip(block_architectures(SHAPE), modules, strict=True)
    ]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[BlockStore]:
    with BlockStore.open(tmp_path / "store") as store:
        yield store


def tensor_bytes(blocks: list[BlockContent]) -> int:
    return sum(tensor.nbytes for block in blocks for tensor in block.tensors.values())


def last_bit_flipped(block: BlockContent) -> BlockContent:
    name, tensor = next((n, t) for n, t in block.tensors.items() if t.dtype == torch.float32)
    bits = tensor.clone().view(torch.int32)
    bits.view(-1)[-1] ^= 1
    return BlockContent(
        architecture=block.architecture,
        tensors={**block.tensors, name: bits.view(torch.float32)},
    )


def test_naming_the_blocks_of_a_resnet18(
    benchmark: BenchmarkFixture, blocks: list[BlockContent]
) -> None:
    names = benchmark.pedantic(
        lambda: [block_hash(block) for block in blocks], rounds=5, warmup_rounds=1
    )
    assert len(set(names)) == len(blocks)
    turned = BlockContent(
        architecture=blocks[3].architecture,
        tensors=dict(reversed(list(blocks[3].tensors.items()))),
    )
    assert block_hash(turned) == names[3]  # contents count, not their order
    assert block_hash(last_bit_flipped(blocks[3])) != names[3]


def test_checksum_of_64_mib(benchmark: BenchmarkFixture) -> None:
    data = np.random.default_rng(0).integers(0, 256, 64 * 2**20, dtype=np.uint8)
    found = benchmark.pedantic(checksum, args=(data,), rounds=10, warmup_rounds=1)
    data[12_345_678] ^= 1
    assert checksum(data) != found
    data[12_345_678] ^= 1
    assert checksum(data) == found


def test_adding_a_resnet18(
    benchmark: BenchmarkFixture, store: BlockStore, blocks: list[BlockContent]
) -> None:
    """Hashed, written and on the disk; each model is new in all of its blocks."""
    numbers = itertools.count(1)

    def another() -> tuple[tuple[()], dict[str, object]]:
        number = next(numbers)
        marked = [
            BlockContent(
                architecture=block.architecture,
                tensors={**block.tensors, "number": torch.tensor(number)},
            )
            for block in blocks
        ]
        return (), {"number": number, "blocks": marked}

    def add(number: int, blocks: list[BlockContent]) -> Added:
        return store.add_model(
            f"m{number}", architecture=SHAPE.id, blocks=blocks, metadata={"number": number}
        )

    added = benchmark.pedantic(add, setup=another, rounds=5, warmup_rounds=1)
    assert (added.new_blocks, added.shared_blocks) == (len(blocks), 0)
    assert added.new_bytes == tensor_bytes(blocks) + 8 * len(blocks)
    assert len(store.model_ids()) == next(numbers) - 1
    assert store.verify() == []


def test_adding_a_model_that_shares_all_but_its_last_block(
    benchmark: BenchmarkFixture, store: BlockStore, blocks: list[BlockContent]
) -> None:
    """What is there is given by its name: a model costs its own blocks and an entry."""
    store.add_model("base", architecture=SHAPE.id, blocks=blocks, metadata={})
    shared: list[BlockRef] = list(store.model("base").blocks[:-1])
    numbers = itertools.count(1)

    def add() -> Added:
        number = next(numbers)
        last = BlockContent(
            architecture=blocks[-1].architecture, tensors={"weight": torch.full((512,), number)}
        )
        return store.add_model(
            f"m{number}", architecture=SHAPE.id, blocks=[*shared, last], metadata={}
        )

    added = benchmark.pedantic(add, rounds=50, warmup_rounds=2)
    assert (added.new_blocks, added.shared_blocks) == (1, len(shared))
    assert store.sizes().blocks == len(blocks) + next(numbers) - 1


def test_reading_a_resnet18(
    benchmark: BenchmarkFixture, store: BlockStore, blocks: list[BlockContent]
) -> None:
    """Every byte is verified."""
    store.add_model("m", architecture=SHAPE.id, blocks=blocks, metadata={})
    refs = store.model("m").blocks
    read = benchmark.pedantic(
        lambda: [store.read_block(ref.hash) for ref in refs], rounds=10, warmup_rounds=1
    )
    for block, tensors in zip(blocks, read, strict=True):
        assert block.tensors.keys() == tensors.keys()
        assert all(torch.equal(block.tensors[name], tensors[name]) for name in tensors)
