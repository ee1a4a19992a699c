"""The tuning job of a worker: throughput by batch size, without data and without snapshots."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import torch

from harness.inputs import model_groups
from harness.skeletons import skeleton_pool
from systems.execution.batch_size_tuning import device_peak_bytes, tune_batch_size
from systems.execution.memory import available_bytes
from systems.execution.probe_model import ProbeModel
from systems.models.build import block_architectures
from systems.precision import set_products

MEMORY_SHARE = 0.5
"""Of the memory that a run may take; a search keeps intermediates of several blocks besides."""


def tune(job: Mapping[str, Any], *, emit: Callable[..., None]) -> dict[str, Any]:
    """Measure the architectures of the job's ``spec`` and choose a batch size."""
    spec = job["spec"]
    emit("preparing", number=0, of=1, what="the batch size")
    torch.set_num_threads(spec["threads"] or len(os.sched_getaffinity(0)))
    device = spec["device"]
    is_channels_last = spec["memory_format"] == "channels_last"
    set_products(spec["precision"])
    skeletons = skeleton_pool(spec)
    peak_bytes = device_peak_bytes(device)
    with torch.inference_mode():
        models = [
            ProbeModel(
                block_architectures(group.shape),
                group.transform,
                skeletons=skeletons,
                device=device,
                memory_format=torch.channels_last if is_channels_last else torch.contiguous_format,
            )
            for group in model_groups(spec)
        ]
        limit_bytes = spec["memory_limit" if device == "cpu" else "gpu_allocator_cap"]
        if limit_bytes is None:
            limit_bytes = peak_bytes() + available_bytes(device)
        choice = tune_batch_size(
            models, peak_bytes=peak_bytes, limit_bytes=int(MEMORY_SHARE * limit_bytes)
        )
    return {"tuning": asdict(choice)}
