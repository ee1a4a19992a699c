"""The preparation job of a worker: data checked, snapshots in the store, nothing timed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from harness.inputs import ModelGroup, dataset_spec, model_groups
from systems.data.datasets import Dataset, open_dataset
from systems.data.halving import check_first_chunk, halving_schedule
from systems.data.item_source import ItemSource
from systems.data.model_inputs import InputMaker
from systems.data.sampling import interleaved_order
from systems.data.split import split_items
from systems.data.validation import validate_items
from systems.errors import ConfigurationError
from systems.models.snapshot_spec import SnapshotSetSpec
from systems.models.snapshots import SnapshotSet, generate
from systems.store.store import BlockStore

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
    sets: list[SnapshotSet] = []

    def progress(done: int, _: int) -> None:
        done += sum(len(each.model_ids) for each in sets)
        emit("preparing", number=done, of=spec["models"], what="snapshots")

    items = min(spec["items"], max(CALIBRATION_ITEMS, 2 * len(dataset.classes)))
    for group in model_groups(spec):
        # A small choice of the same data: the same for searches over more or fewer items.
        small = replace(dataset_spec(spec), items=items, resolution=group.transform.resolution)
        calibration = open_dataset(small, cache_dir=cache / "data")
        sets.append(_snapshots(group, spec, store, calibration=calibration, progress=progress))
    return {
        "set_id": "+".join(each.set_id for each in sets),
        "model_ids": [model_id for each in sets for model_id in each.model_ids],
        "ingest": {
            "data_s": data_s,
            "snapshots_s": time.monotonic() - started - data_s,
            "generated": any(each.generated for each in sets),
            "new_bytes": sum(each.new_bytes for each in sets),
        },
    }


def _snapshots(
    group: ModelGroup,
    spec: Mapping[str, Any],
    store: BlockStore,
    *,
    calibration: Dataset,
    progress: Callable[[int, int], None],
) -> SnapshotSet:
    """The models of one architecture: the same, whatever else the search is over."""
    return generate(
        SnapshotSetSpec(
            architecture=group.architecture,
            resolution=group.transform.resolution,
            count=group.models,
            distribution=spec["distribution"],
            seed=spec["model_seed"],
            base_weights=spec["weights"],
            calibration=calibration.content_id,
        ),
        store=store,
        calibration_batch=lambda: _first_items(calibration),
        progress=progress,
    )


def _first_items(dataset: Dataset) -> torch.Tensor:
    order = interleaved_order(dataset.labels, seed=(0,))  # the first items: of every class
    items, transform = order[:CALIBRATION_ITEMS], dataset.transform
    inputs = InputMaker(device="cpu", memory_format=torch.contiguous_format)
    rows = inputs.rows(len(items), transform)
    source = ItemSource(dataset, transforms=[transform], kept=None)
    source.fill(items, transform, rows.numpy(), is_last_use=True)
    return inputs.batch(items, transform, rows).inputs
