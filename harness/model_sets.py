"""Where the models of a search come from, by kind of model set."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from harness.inputs import ModelGroup, dataset_spec, model_groups
from harness.trained_models import trained_sets
from systems.data.datasets import Dataset, open_dataset
from systems.data.item_source import ItemSource
from systems.data.model_inputs import InputMaker
from systems.data.sampling import interleaved_order
from systems.models.snapshot_spec import SnapshotSetSpec
from systems.models.snapshots import SnapshotSet, generate
from systems.store.store import BlockStore

CALIBRATION_ITEMS = 64
"""Items on which new normalisation layers get their running statistics."""


def prepare_models(
    spec: Mapping[str, Any],
    store: BlockStore,
    *,
    cache: Path,
    classes: int,
    emit: Callable[..., None],
) -> Sequence[SnapshotSet]:
    """The models of a search in the store, made or imported where they are not there yet.

    Args:
        spec: the canonical specification.
        store: where they go.
        cache: folder of generated data.
        classes: of the search's dataset.
        emit: told ``preparing`` events with number, of and what.
    """
    if spec["model_set"] == "trained":
        return trained_sets(spec, store, cache=cache, emit=emit)
    sets: list[SnapshotSet] = []

    def progress(done: int, _: int) -> None:
        done += sum(len(each.model_ids) for each in sets)
        emit("preparing", number=done, of=spec["models"], what="snapshots")

    items = min(spec["items"], max(CALIBRATION_ITEMS, 2 * classes))
    for group in model_groups(spec):
        # A small choice of the same data: the same for searches over more or fewer items.
        small = replace(dataset_spec(spec), items=items, resolution=group.transform.resolution)
        calibration = open_dataset(small, cache_dir=cache / "data")
        sets.append(_synthetic(group, spec, store, calibration=calibration, progress=progress))
    return sets


def _synthetic(
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
        calibration_batch=lambda: first_items(calibration),
        progress=progress,
    )


def first_items(dataset: Dataset) -> torch.Tensor:
    """The first items in class-interleaved order, of every class some: [B, 3, R, R]."""
    order = interleaved_order(dataset.labels, seed=(0,))
    items, transform = order[:CALIBRATION_ITEMS], dataset.transform
    inputs = InputMaker(device="cpu", memory_format=torch.contiguous_format)
    rows = inputs.rows(len(items), transform)
    source = ItemSource(dataset, transforms=[transform], kept=None)
    source.fill(items, transform, rows.numpy(), is_last_use=True)
    return inputs.batch(items, transform, rows).inputs
