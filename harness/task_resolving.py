"""What the models of a trained set are fine-tuned on, with all folders found; torch-free."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from harness.dataset_paths import dataset_path
from systems.data.datasets import available_datasets, dataset_kind
from systems.data.task_sources import TaskSource, parse_tasks, write_tasks
from systems.errors import ConfigurationError


def resolve_tasks(
    text: str, *, modality: str, has_vocabulary: bool, find: Callable[[str], str | None]
) -> str:
    """The tasks in ``text`` with absolute folders, in the same form.

    Args:
        text: ``digits``, or ``dataset=folder+dataset=folder``.
        modality: what the models read.
        has_vocabulary: whether a file says which tokens texts are made of.
        find: the absolute path of a folder as it is written; refuses what is not there.

    Raises:
        ConfigurationError: a task is unknown, for another kind of model, or its data are not
            there.
    """
    if modality == "text" and not has_vocabulary:
        raise ConfigurationError(
            "Models that read texts can only be trained on several tasks with one vocabulary: "
            "give its file under 'vocabulary'."
        )
    return write_tasks(tuple(_resolved(each, modality, find) for each in parse_tasks(text)))


def _resolved(source: TaskSource, modality: str, find: Callable[[str], str | None]) -> TaskSource:
    kind = dataset_kind(source.dataset)
    if kind.modality != modality:
        fitting = [
            each.name
            for each in available_datasets().values()
            if each.modality == modality and not each.timing_only
        ]
        raise ConfigurationError(
            f"The task '{source.dataset}' has {kind.modality}s, but the models of the search read "
            f"{modality}s: choose of {', '.join(fitting)}."
        )
    if not kind.needs_path:
        return source
    given = None if source.path is None else find(source.path)
    return replace(source, path=dataset_path(kind, given))
