"""From any block on, on the kept input of that block, a model gives the bits of a whole run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from systems.data.halving import cut
from systems.data.kept_inputs import InputsWriter, KeptInputs
from systems.data.model_inputs import Batch
from systems.data.transform import Transform
from systems.models.architectures import architecture
from systems.models.build import ModelShape, block_architectures, build_plain, split
from systems.models.skeleton import BoundBlock, SkeletonPool

ITEMS, BATCH_SIZE = 4, 3  # the last batch has one item
PIXELS = {"vit_ti_16": 32, "efficientnet_v2_s": 40}


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    # The inputs are too small for two; where other processes run, two wait for each other.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def bound_blocks(name: str, memory_format: torch.memory_format) -> list[BoundBlock]:
    shape = ModelShape(architecture=name, resolution=PIXELS.get(name))
    torch.manual_seed(0)
    blocks = split(shape, build_plain(shape).eval())
    pool = SkeletonPool()
    return [
        pool.skeleton(block_name).bind(block.state_dict(), memory_format=memory_format)
        for block_name, block in zip(block_architectures(shape), blocks, strict=True)
    ]


def first_batches(name: str, memory_format: torch.memory_format) -> list[Batch]:
    generator = torch.Generator().manual_seed(1)
    batches = []
    for items in cut(range(ITEMS), BATCH_SIZE):
        if architecture(name).modality == "text":
            ids = torch.randint(5, 1000, (len(items), 16), generator=generator)
            mask = torch.ones_like(ids)
            mask[0, 9:] = ids[0, 9:] = 0
            batches.append(Batch(inputs=ids, side=(mask,), items=items))
        else:
            side = PIXELS.get(name, 32)
            images = torch.randn(len(items), 3, side, side, generator=generator)
            images = images.to(memory_format=memory_format)
            batches.append(Batch(inputs=images, side=(), items=items))
    return batches


def run(blocks: Sequence[BoundBlock], batch: Batch) -> list[torch.Tensor]:
    """The outputs of all blocks."""
    outputs, x = [], batch.inputs
    for block in blocks:
        x = block(x, *batch.side)
        outputs.append(x)
    return outputs


@pytest.mark.parametrize("layout", ["channels_last", "contiguous"])
@pytest.mark.parametrize(
    "name", ["resnet18", "mobilenet_v2", "efficientnet_v2_s", "vit_ti_16", "bert_tiny"]
)
def test_from_any_block_on_the_same_bits(name: str, layout: str, tmp_path: Path) -> None:
    if layout == "contiguous" and name in ("efficientnet_v2_s", "bert_tiny"):
        pytest.skip("text has one layout only, and one long model is enough")
    memory_format = torch.channels_last if layout == "channels_last" else torch.contiguous_format
    blocks = bound_blocks(name, memory_format)
    batches = first_batches(name, memory_format)
    outputs = [run(blocks, batch) for batch in batches]
    for start in range(1, len(blocks)):
        with InputsWriter(tmp_path / str(start), items=ITEMS) as writer:
            for batch, of_batch in zip(batches, outputs, strict=True):
                writer.add(of_batch[start - 1], *batch.side)
            writer.commit()
        kept = KeptInputs(
            tmp_path / str(start),
            trunk=str(start),
            base=Transform(resolution=32),
            item_order=np.arange(ITEMS),
            device="cpu",
        )
        for batch, of_batch in zip(batches, outputs, strict=True):
            found = run(blocks[start:], kept.batch(batch.items))
            for mine, expected in zip(found, of_batch[start:], strict=True):
                assert torch.equal(mine, expected), (start, len(batch.items))
