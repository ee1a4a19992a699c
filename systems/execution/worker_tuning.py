"""How many threads shall decode ahead: chosen in the run, from a short calibration."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import numpy as np

from systems.data.item_source import ItemSource
from systems.execution.probe_model import ProbeModel
from systems.substrate import Substrate

CALIBRATION_ITEMS = 8
WORTH_SHARE = 0.05
"""Of the time of an item; where decoding takes less, threads gain nothing that one could see."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerChoice:
    """The number of threads that was chosen, and why."""

    workers: int
    reason: str
    """A sentence for a person."""
    decode_s: float | None = None
    """Per item; None where it was not measured."""
    inference_s: float | None = None
    """Per item, of one model; None where it was not measured."""


def choose_workers(*, decode_s: float, inference_s: float, spare_cores: int) -> WorkerChoice:
    """Enough threads to keep one model busy, of the cores that do not compute.

    ``decode_s`` and ``inference_s`` are seconds per item on one core and on the device.
    """
    share = decode_s / (decode_s + inference_s)
    facts = (
        f"Decoding takes {1e3 * decode_s:.2f} ms per item, a model {1e3 * inference_s:.2f} ms "
        f"({100 * share:.0f}%)"
    )
    if share < WORTH_SHARE:
        workers, why = 0, f"less than {100 * WORTH_SHARE:.0f}% is not worth a thread"
    else:
        wanted = max(1, math.ceil(decode_s / inference_s))
        workers = min(wanted, spare_cores)
        why = f"{wanted} would keep up, and {spare_cores} cores do not compute"
    return WorkerChoice(
        workers=workers,
        reason=f"Threads that decode ahead: {workers}. {facts}; {why}.",
        decode_s=decode_s,
        inference_s=inference_s,
    )


def tune_workers(substrate: Substrate, *, cores: int, compute_threads: int) -> WorkerChoice:
    """Measure what decoding and one model take on this search's items, and choose.

    Args:
        substrate: of the search that is about to begin.
        cores: that the process may use.
        compute_threads: of them, those that run blocks where the device is the CPU.
    """
    device = substrate.settings.device
    busy = compute_threads if device == "cpu" else 1  # one thread hands out work
    spare_cores = cores - busy
    if spare_cores < 1:
        # Measured: decoding beside the computation then takes from it what it gains.
        return WorkerChoice(
            workers=0,
            reason=f"Threads that decode ahead: 0. The search computes on all {cores} cores.",
        )
    decoded = [m for m, each in substrate.transforms.items() if each not in substrate.part_inputs]
    if not decoded:
        return WorkerChoice(
            workers=0, reason="Threads that decode ahead: 0. There is nothing to decode."
        )
    model_id = decoded[0]
    return choose_workers(
        decode_s=_decode_s(substrate, model_id),
        inference_s=_inference_s(substrate, model_id),
        spare_cores=spare_cores,
    )


def _decode_s(substrate: Substrate, model_id: str) -> float:
    """Seconds per item; the first item opens files and imports decoders, and does not count."""
    transform = substrate.transform_of(model_id)
    source = ItemSource(substrate.dataset, transforms=[transform], kept=None)
    items = substrate.split.train[: 1 + CALIBRATION_ITEMS]
    room = np.empty(
        (1, *transform.shape), dtype=np.uint8 if transform.resolution is not None else np.int32
    )
    times_s = []
    for item in items:
        started_s = time.perf_counter()
        source.fill(np.array([item]), transform, room, is_last_use=True)
        times_s.append(time.perf_counter() - started_s)
    return float(np.median(times_s[1:] or times_s))


def _inference_s(substrate: Substrate, model_id: str) -> float:
    """Seconds per item in a batch of a few; the first pass builds kernels and does not count."""
    settings = substrate.settings
    probe = ProbeModel(
        [ref.architecture for ref in substrate.models[model_id].blocks],
        substrate.transform_of(model_id),
        skeletons=substrate.skeletons,
        device=settings.device,
        memory_format=substrate.torch_memory_format,
    )
    items = min(CALIBRATION_ITEMS, settings.batch_size)
    batch = probe.batch(items)
    probe.pass_s(batch)
    return probe.pass_s(batch) / items
