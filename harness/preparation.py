"""The preparation job of a worker: data checked, snapshots in the store, nothing timed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from harness.inputs import dataset_spec
from systems.data.datasets import Dataset, open_dataset
from systems.data.halving import check_first_chunk, halving_schedule
from systems.data.loader import BatchLoader
from systems.data.sampling import interleaved_order
from systems.data.split import split_items
from systems.data.validation import validate_items
from systems.errors import ConfigurationError
from systems.models.snapshot_spec import SnapshotSetSpec
from systems.models.snapshots import generate
from systems.store.store import BlockStore
from systems.tracing import NoTracer

CALIBRATION_ITEMS = 64
"""Items on which new normalisation layers get their running statistics."""


def prepare(job: Mapping[str, Any], *, emit: Callable[..., None]) -> dict[str, Any]:
    """Prepare data and snapshots of the job's ``spec``.

    Everything that is wrong with the data is found here, before any model runs.
    """
    spec, cache = job["spec"], Path(job["cache"])
    _check_device(spec["device"])
    emit("preparing", number=0, of=1, what=spec["dataset"])
    with BlockStore.open(cache / "store") as store:
        return {"prepared": _prepare_one(spec, store, cache=cache, emit=emit)}


def _check_device(device: str) -> None:
    """Refuse a device that this machine or this build of PyTorch does not have."""
    kind, _, number = device.partition(":")
    if kind == "cuda" and int(number or 0) >= torch.cuda.device_count():
        has = f"{torch.cuda.device_count()} CUDA devices" if torch.cuda.is_available() else "none"
        raise ConfigurationError(
            f"device is {device}, but PyTorch {torch.__version__} finds {has} on this machine: "
            "choose 'device: cpu', or install a CUDA build of PyTorch and a driver for it."
        )


def _prepare_one(
    spec: Mapping[str, Any], store: BlockStore, *, cache: Path, emit: Callable[..., None]
) -> dict[str, Any]:
    started = time.monotonic()
    dataset = open_dataset(dataset_spec(spec), cache_dir=cache / "data")
    validate_items(dataset, cache_dir=cache / "data")
    split = split_items(dataset.labels, test_fraction=spec["test_fraction"], seed=spec["data_seed"])
    check_first_chunk(
        dataset.labels[split.train],
        halving_schedule(spec["models"], train_items=len(split.train)),
        allow_tiny=spec["allow_tiny"],
        test_fraction=spec["test_fraction"],
    )
    data_s = time.monotonic() - started
    calibration = _calibration_data(spec, dataset, cache=cache)
    snapshots = generate(
        SnapshotSetSpec(
            architecture=spec["architecture"],
            resolution=spec["resolution"],
            count=spec["models"],
            distribution=spec["distribution"],
            seed=spec["model_seed"],
            base_weights=spec["weights"],
            calibration=calibration.content_id,
        ),
        store=store,
        calibration_batch=lambda: _first_items(calibration),
        progress=lambda done, of: emit("preparing", number=done, of=of, what="snapshots"),
    )
    return {
        "set_id": snapshots.set_id,
        "model_ids": list(snapshots.model_ids),
        "ingest": {
            "data_s": data_s,
            "snapshots_s": time.monotonic() - started - data_s,
            "generated": snapshots.generated,
            "new_bytes": snapshots.new_bytes,
        },
    }


def _calibration_data(spec: Mapping[str, Any], dataset: Dataset, *, cache: Path) -> Dataset:
    """A small choice of the same data: the same for searches over more or fewer items."""
    items = min(spec["items"], max(CALIBRATION_ITEMS, 2 * len(dataset.classes)))
    return open_dataset(replace(dataset_spec(spec), items=items), cache_dir=cache / "data")


def _first_items(dataset: Dataset) -> torch.Tensor:
    loader = BatchLoader(
        dataset,
        decode_once=False,
        workers=0,
        device="cpu",
        memory_format=torch.contiguous_format,
        tracer=NoTracer(),
    )
    order = interleaved_order(dataset.labels, seed=(0,))  # the first items: of every class
    return loader.batch(order[:CALIBRATION_ITEMS]).inputs
