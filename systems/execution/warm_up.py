"""Warming a device up before the clock starts, without touching what a search will read."""

from __future__ import annotations

import numpy as np
import torch

from systems.data.model_inputs import Batch, InputMaker
from systems.data.transform import Transform
from systems.execution.probe_model import ProbeModel
from systems.substrate import Substrate


def warm_up(substrate: Substrate, *, batches: int) -> None:
    """Run that many batches of random numbers through the blocks of the first model.

    With several architectures, through those of the first model of each. Parameters are made
    up, and nothing is read from the store or the data, so that cold files stay cold. Blocks run
    as they are written: compiling them belongs to the search. Waits for the device.
    """
    settings = substrate.settings
    different: dict[tuple[str, ...], Transform] = {}
    for model_id, model in substrate.models.items():
        blocks = tuple(ref.architecture for ref in model.blocks)
        different.setdefault(blocks, substrate.transform_of(model_id))
    for blocks, transform in different.items():
        probe = ProbeModel(
            blocks,
            transform,
            skeletons=substrate.skeletons.uncompiled(),
            device=settings.device,
            memory_format=substrate.torch_memory_format,
        )
        batch = _random_batch(substrate, transform)
        for _ in range(batches):
            probe.pass_s(batch)
    if settings.device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats(settings.device)


def _random_batch(substrate: Substrate, transform: Transform) -> Batch:
    items = min(substrate.settings.batch_size, len(substrate.dataset.labels))
    if transform in substrate.part_inputs:
        return substrate.part_inputs[transform].random(items)
    inputs = InputMaker(
        device=substrate.settings.device,
        memory_format=substrate.torch_memory_format,
        number_type=substrate.skeletons.number_type,
    )
    generator = torch.Generator().manual_seed(0)
    rows = inputs.rows(items, transform)
    # Of texts all tokens are equal: how many different ones a model knows does not matter.
    rows.fill_(1) if transform.resolution is None else rows.random_(0, 256, generator=generator)
    return inputs.batch(np.arange(items), transform, rows)
