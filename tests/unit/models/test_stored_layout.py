"""Blocks from the store give the bits of the plain model, in every layout, without copies."""

from __future__ import annotations

import shutil

import pytest
import torch

from systems.models.build import block_architectures, plain_features, split
from systems.models.skeleton import SkeletonPool
from systems.store.blocks import BlockContent
from systems.store.store import BlockStore
from tests.unit.models.conftest import small_inputs, small_plain, small_shape


@pytest.fixture(scope="module")
def stored(name: str, tmp_path_factory: pytest.TempPathFactory):
    """The store with the architecture's plain model, and its blocks there."""
    names = block_architectures(small_shape(name))
    contents = [
        BlockContent(architecture=architecture, tensors=block.state_dict())
        for architecture, block in zip(
            names, split(small_shape(name), small_plain(name)), strict=True
        )
    ]
    folder = tmp_path_factory.mktemp("stored")
    with BlockStore.open(folder / "store") as store:
        store.add_model(name, architecture=name, blocks=contents, metadata={})
        yield store, store.model(name).blocks
    shutil.rmtree(folder)


@pytest.mark.parametrize("memory_format", [torch.channels_last, torch.contiguous_format])
def test_bits_are_those_of_the_plain_model(name, stored, memory_format) -> None:
    store, refs = stored
    x, *side = small_inputs(name)
    plain = small_plain(name)
    if x.dim() == 4:
        x = x.contiguous(memory_format=memory_format)
    try:
        plain.to(memory_format=memory_format)
        with torch.inference_mode():
            expected = plain_features(small_shape(name), plain, x, *side)
    finally:
        plain.to(memory_format=torch.contiguous_format)
    pool = SkeletonPool()
    for ref in refs:
        block = pool.skeleton(ref.architecture)
        x = block.bind(store.read_block(ref.hash), memory_format=memory_format)(x, *side)
    assert torch.equal(x, expected)


def test_binding_channels_last_copies_nothing_large(name, stored) -> None:
    store, refs = stored
    pool = SkeletonPool()
    for ref in refs:
        tensors = store.read_block(ref.hash)
        bound = pool.skeleton(ref.architecture).bind(tensors, memory_format=torch.channels_last)
        used = {t.data_ptr() for _, filled, _ in bound._values for t in filled.values()}
        large = {t.data_ptr() for t in tensors.values() if t.nbytes % 64 == 0 and t.nbytes}
        assert large <= used
