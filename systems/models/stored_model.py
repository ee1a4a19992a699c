"""A stored model as ordinary modules that can be trained."""

from __future__ import annotations

from torch import nn

from systems.models.build import ModelShape, build_plain, split
from systems.store.store import BlockStore


def load_blocks(store: BlockStore, model_id: str) -> tuple[nn.Module, ...]:
    """The blocks of a model on the CPU, with values of their own, in evaluation mode.

    Raises:
        StoreError: the store does not have the model, or a block of it is damaged.
    """
    model = store.model(model_id)
    shape = ModelShape.parse(model.architecture)
    blocks = split(shape, build_plain(shape).eval())
    for block, ref in zip(blocks, model.blocks, strict=True):
        block.load_state_dict(store.read_block(ref.hash))
    return blocks
