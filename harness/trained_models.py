"""The fine-tuned models of a search, and what they may have learned from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.inputs import ModelGroup, dataset_spec, model_groups
from systems.data.datasets import Dataset, DatasetSpec, dataset_kind, open_dataset
from systems.data.task_sources import DIGITS, TaskSource, parse_tasks
from systems.data.training_tasks import TaskRequest, TrainingTask, digits_tasks, whole_task
from systems.data.unused_items import held_out_items, item_names, others
from systems.models.ingest_log import IngestLog
from systems.models.snapshots import SnapshotSet
from systems.models.trained_set import TrainedSetMaker, TrainedSetSpec
from systems.store.store import BlockStore


def trained_sets(
    spec: Mapping[str, Any], store: BlockStore, *, cache: Path, emit: Callable[..., None]
) -> list[SnapshotSet]:
    """The trained models of a search in the store, one set per architecture.

    Models that are there already are not trained again, whoever has made them: a preparation
    that was killed goes on. No item that the search uses is learned from, and none of those
    that are held out to judge its choice by (``systems.data.unused_items``).

    Args:
        spec: the canonical specification.
        store: where they go.
        cache: folder of generated data; what training took is noted there too.
        emit: told ``preparing`` events with number, of and what.

    Raises:
        ConfigurationError: base weights cannot be loaded.
        DatasetError: the data of a task are missing, damaged or too few.
    """
    sets: list[SnapshotSet] = []
    for group in model_groups(spec):
        before = sum(len(each.model_ids) for each in sets)

        def progress(done: int, _: int, before: int = before) -> None:
            what = f"trained models (after model {before + done})"
            emit("preparing", number=before + done, of=spec["models"], what=what)

        tasks = training_tasks(group, spec, cache=cache)
        asked = TrainedSetSpec(
            architecture=group.architecture,
            resolution=group.transform.resolution,
            count=group.models,
            distribution=spec["distribution"],
            seed=spec["model_seed"],
            tasks=tuple((task.name, task.content_id) for task in tasks),
            epochs=spec["train_epochs"],
            device=spec["device"],
            base_weights=spec["weights"],
        )
        log = IngestLog(cache / "trained" / f"{asked.family_id()}.jsonl")
        emit("preparing", number=before, of=spec["models"], what="trained models")
        sets.append(TrainedSetMaker(asked, tasks, store=store, log=log).make(progress))
    return sets


def training_tasks(
    group: ModelGroup, spec: Mapping[str, Any], *, cache: Path
) -> tuple[TrainingTask, ...]:
    """The tasks that a search's models are trained on, at their architecture's resolution."""
    reserved = _reserved(spec, cache=cache)
    tasks: list[TrainingTask] = []
    for source in parse_tasks(spec["tasks"]):
        dataset = open_dataset(
            DatasetSpec(
                name=source.dataset,
                path=source.path,
                items=None,
                resolution=group.transform.resolution,
                sequence_length=group.transform.sequence_length,
                vocabulary=spec["vocabulary"],
            ),
            cache_dir=cache / "data",
        )
        request = TaskRequest(
            transform=group.transform,
            allowed=others(dataset, reserved),
            most_items=spec["train_items"],
            seed=spec["data_seed"],
        )
        if source.dataset == DIGITS:
            tasks += digits_tasks(dataset, request)
        else:
            tasks.append(whole_task(dataset, request, name=_name(source)))
    return tuple(tasks)


def _reserved(spec: Mapping[str, Any], *, cache: Path) -> frozenset[str]:
    """Names of the items that the search uses, and of those that its choice is judged by."""
    used = frozenset(item_names(open_dataset(dataset_spec(spec), cache_dir=cache / "data")))
    if dataset_kind(spec["dataset"]).timing_only:
        return used  # there is nothing to judge
    whole = whole_dataset(spec, cache=cache)
    names = item_names(whole)
    held_out = held_out_items(whole, used=used, seed=spec["data_seed"])
    return used.union(names[item] for item in held_out.tolist())


def _name(source: TaskSource) -> str:
    return source.dataset if source.path is None else f"{source.dataset} {Path(source.path).name}"


def whole_dataset(spec: Mapping[str, Any], *, cache: Path) -> Dataset:
    """All items of the dataset that a search is for, as the search sees them."""
    return open_dataset(replace(dataset_spec(spec), items=None), cache_dir=cache / "data")
