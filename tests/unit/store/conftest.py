"""Small blocks and stores on real folders."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from systems.store.blocks import BlockContent
from systems.store.store import BlockStore


def make_block(seed: int, *, size: int = 512) -> BlockContent:
    """A block of three tensors, two of which do not fill whole 64 bytes."""
    generator = torch.Generator().manual_seed(seed)
    return BlockContent(
        architecture=f"tiny/{seed}",
        tensors={
            "conv.weight": torch.randn(size, 3, 3, generator=generator),
            "norm.num_batches_tracked": torch.tensor(seed),
            "norm.bias": torch.randn(5, generator=generator),
        },
    )


@pytest.fixture
def block() -> Callable[..., BlockContent]:
    return make_block


@pytest.fixture
def store(tmp_path: Path) -> Iterator[BlockStore]:
    with BlockStore.open(tmp_path / "store") as store:
        yield store
