"""What probes look at: a model of each architecture, runnable, and a batch of real items."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch

from systems.api import SearchRequest
from systems.data.model_inputs import Batch
from systems.execution.blocks import RunnableBlock
from systems.store.store import StoredModel
from systems.substrate import Substrate


def subjects(request: SearchRequest, substrate: Substrate) -> list[StoredModel]:
    """The first model of each architecture of the request."""
    first: dict[str, StoredModel] = {}
    for model_id in request.model_ids:
        model = substrate.models[model_id]
        first.setdefault(model.architecture, model)
    return list(first.values())


def full_batch(model: StoredModel, substrate: Substrate) -> Batch:
    """A batch of exactly the scenario's size; where there are fewer items, some come again."""
    transform = substrate.transform_of(model.id)
    items = np.resize(substrate.split.train, substrate.settings.batch_size)
    return substrate.loader({transform}, decode_once=False).batch(items, transform=transform)


@contextmanager
def resident_blocks(model: StoredModel, substrate: Substrate) -> Iterator[Sequence[RunnableBlock]]:
    """The model's blocks on the device, in order."""
    hashes = [ref.hash for ref in model.blocks]
    source = substrate.block_source(keep=True)
    try:
        source.expect([hashes])
        source.begin_stage()
        yield [source.acquire(block) for block in hashes]
    finally:
        source.close()


def forward(blocks: Sequence[RunnableBlock], batch: Batch) -> torch.Tensor:
    """Features [B, d] of a batch."""
    x = batch.inputs
    for block in blocks:
        x = block(x, *batch.side)
    return x
