"""The preparation job of a worker: data checked, snapshots in the store, nothing timed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from harness.inputs import dataset_spec
from harness.measurement import search_substrate
from harness.model_sets import prepare_models
from harness.part_inputs import keep_part_inputs
from harness.snapshot_models import check_vocabulary, imported_models, snapshot_set
from systems.data.datasets import open_dataset
from systems.data.halving import check_first_chunk, halving_schedule
from systems.data.split import split_items
from systems.data.validation import validate_items
from systems.errors import ConfigurationError
from systems.precision import set_products
from systems.scoring import check_head
from systems.store.store import BlockStore
from systems.tracing import NoTracer


def prepare(job: Mapping[str, Any], *, emit: Callable[..., None]) -> dict[str, Any]:
    """Prepare data and snapshots of the job's ``spec``.

    Everything that is wrong with the data is found here, before any model runs.
    """
    spec, cache = job["spec"], Path(job["cache"])
    _check_device(spec["device"])
    emit("preparing", number=0, of=1, what=spec["dataset"])
    with BlockStore.open(cache / "store") as store:
        prepared = _prepare_one(spec, store, cache=cache, emit=emit)
        if spec["part"] != "full":
            set_products(spec["precision"])
            substrate = search_substrate({**job, "prepared": prepared}, store, NoTracer())
            kept = keep_part_inputs(substrate, spec, cache=cache, emit=emit)
            prepared["ingest"] |= kept
        return {"prepared": prepared}


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
    imported = None
    if spec["model_set"] == "snapshots":  # they say what size the items have to be
        imported = snapshot_set(spec, store, cache=cache, emit=emit)
    imported_s = time.monotonic() - started
    stored = [store.model(model_id) for model_id in imported.model_ids] if imported else []
    dataset = open_dataset(dataset_spec(spec, stored), cache_dir=cache / "data")
    check_head(spec["head_classes"], classes=len(dataset.classes), dataset=spec["dataset"])
    validate_items(dataset, cache_dir=cache / "data")
    split = split_items(dataset.labels, test_fraction=spec["test_fraction"], seed=spec["data_seed"])
    check_first_chunk(
        dataset.labels[split.train],
        halving_schedule(len(stored) or spec["models"], train_items=len(split.train)),
        allow_tiny=spec["allow_tiny"],
        test_fraction=spec["test_fraction"],
    )
    data_s = time.monotonic() - started - imported_s
    if imported is not None:
        check_vocabulary(store, imported, dataset)
        return imported_models(imported, data_s=data_s, snapshots_s=imported_s)
    sets = prepare_models(spec, store, cache=cache, classes=len(dataset.classes), emit=emit)
    return {
        "set_id": "+".join(each.set_id for each in sets),
        "model_ids": [model_id for each in sets for model_id in each.model_ids],
        "ingest": {
            "data_s": data_s,
            "snapshots_s": time.monotonic() - started - data_s,
            "generated": any(each.generated for each in sets),
            "new_bytes": sum(each.new_bytes for each in sets),
            "training_s": _total([each.training_s for each in sets]),
            "store_s": _total([each.store_s for each in sets]),
        },
    }


def _total(seconds: Sequence[float | None]) -> float | None:
    """The sum; None if a part of it is not known."""
    known = [each for each in seconds if each is not None]
    return sum(known) if len(known) == len(seconds) else None
