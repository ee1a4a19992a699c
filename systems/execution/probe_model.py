"""A model whose values mean nothing, to time its blocks before any real one is read."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import torch

from systems.data.model_inputs import Batch, InputMaker
from systems.data.transform import Transform
from systems.models.skeleton import BoundBlock, Skeleton, SkeletonPool


class ProbeModel:
    """A model's blocks with all values zero: they take the time of real ones.

    Args:
        blocks: their architectures in order, such as ``resnet18/0``, ``resnet18/1`` …
        transform: what the inputs are.
        skeletons: those of the search, so that what is timed is what will run.
        device: where the blocks run.
        memory_format: of images and convolution weights.
    """

    def __init__(
        self,
        blocks: Sequence[str],
        transform: Transform,
        *,
        skeletons: SkeletonPool,
        device: str,
        memory_format: torch.memory_format,
    ) -> None:
        self._transform = transform
        self._inputs = InputMaker(
            device=device, memory_format=memory_format, number_type=skeletons.number_type
        )
        self._blocks = [
            _bound(skeletons.skeleton(name), device=device, memory_format=memory_format)
            for name in blocks
        ]
        self._device = torch.device(device)

    def batch(self, items: int) -> Batch:
        """Inputs for so many items; their values mean nothing either."""
        # Ones, not zeros: a text of nothing but padding has no attention.
        rows = self._inputs.rows(items, self._transform).fill_(1)
        return self._inputs.batch(np.arange(items), self._transform, rows)

    def pass_s(self, batch: Batch) -> float:
        """Seconds that the batch takes through all blocks; waits for the device."""
        started_s = self._now_s()
        x = batch.inputs
        for block in self._blocks:
            x = block(x, *batch.side)
        return self._now_s() - started_s

    def _now_s(self) -> float:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        return time.perf_counter()


def _bound(skeleton: Skeleton, *, device: str, memory_format: torch.memory_format) -> BoundBlock:
    # Filled, not asked for as zeros: those would share one page of memory, and stay in the
    # processor's cache.
    tensors = {
        slot.name: torch.empty(slot.shape, dtype=slot.dtype, device=device).fill_(0)
        for slot in skeleton.slots
    }
    return skeleton.bind(tensors, device=device, memory_format=memory_format)
