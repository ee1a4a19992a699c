"""The tasks that models are fine-tuned on: whole datasets, or questions about the digits."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from systems.data.content import content_hash
from systems.data.datasets import Dataset
from systems.data.labelled_items import LabelledItems, read_labelled
from systems.data.sampling import choose_items
from systems.data.transform import Transform
from systems.errors import DatasetError

TURNS = 4
"""Quarter turns that tell the classes of the rotation task."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingTask:
    """A labelled task; equal ``content_id`` means equal items, labels and order."""

    name: str
    content_id: str
    read: Callable[[], LabelledItems]
    """Decodes all of its items."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskRequest:
    """What is made of a dataset."""

    transform: Transform
    allowed: np.ndarray
    """int64: indexes of the items that may be learned from."""
    most_items: int | None
    """Of each task, chosen by class share; None for all."""
    seed: int


def whole_task(dataset: Dataset, request: TaskRequest, *, name: str) -> TrainingTask:
    """The dataset with its own labels.

    Raises:
        DatasetError: the items that may be learned from are too few.
    """
    chosen = _choose(dataset.labels, dataset.classes, request, name=name)
    return TrainingTask(
        name=name,
        content_id=_content_id(dataset, chosen, name, dataset.labels[chosen]),
        read=lambda: read_labelled(dataset, chosen, transform=request.transform),
    )


def digits_tasks(digits: Dataset, request: TaskRequest) -> tuple[TrainingTask, ...]:
    """Several questions about the ten handwritten digits, rotation first.

    The rotation task needs features of all digits and none of their names, so that a model
    that was trained on it is a fair start for the others. The last two ask for the size of
    the number and for the shape of its line.

    Raises:
        DatasetError: the items that may be learned from are too few.
    """
    turns = ("0°", "90°", "180°", "270°")
    number_of = digits.labels
    # By place among all digits, so that a digit is turned alike whatever else is allowed.
    turn_of = np.random.default_rng([request.seed, 5]).permutation(len(number_of)) % TURNS
    questions: Sequence[tuple[str, np.ndarray, Sequence[str]]] = (
        ("rotation", turn_of, turns),
        ("0_4", np.where(number_of < 5, number_of, -1), "01234"),
        ("5_9", np.where(number_of >= 5, number_of - 5, -1), "56789"),
        ("parity", number_of % 2, ("even", "odd")),
        ("large", number_of // 5, ("below 5", "5 or more")),
        ("loops", np.isin(number_of, (0, 6, 8, 9)).astype(np.int64), ("no loop", "a loop")),
    )
    return tuple(
        _question(digits, request, name=f"digits_{name}", labels=labels, classes=classes)
        for name, labels, classes in questions
    )


def _question(
    digits: Dataset,
    request: TaskRequest,
    *,
    name: str,
    labels: np.ndarray,
    classes: Collection[str],
) -> TrainingTask:
    """The digits with other labels; −1 leaves one out. Those of ``rotation`` are turned."""
    chosen = _choose(labels, tuple(classes), request, name=name)
    answers = labels[chosen]

    def read() -> LabelledItems:
        items = read_labelled(digits, chosen, transform=request.transform)
        if name.endswith("rotation"):
            for row, turn in enumerate(answers.tolist()):
                items.rows[row] = torch.rot90(items.rows[row], turn)
        return items.with_labels(answers, classes=len(classes))

    content_id = _content_id(digits, chosen, name, answers)
    return TrainingTask(name=name, content_id=content_id, read=read)


def _choose(
    labels: np.ndarray, classes: Sequence[str], request: TaskRequest, *, name: str
) -> np.ndarray:
    allowed = request.allowed[labels[request.allowed] >= 0]
    try:
        wanted = None if request.most_items is None else min(request.most_items, len(allowed))
        return allowed[choose_items(labels[allowed], classes, items=wanted, seed=request.seed)]
    except DatasetError as error:
        raise DatasetError(
            f"The task {name} cannot be learned from the {len(allowed)} items that the search "
            f"leaves for it. {error}"
        ) from None


def _content_id(dataset: Dataset, chosen: np.ndarray, name: str, labels: np.ndarray) -> str:
    """Hash of what training sees, short of the transform, which the models' own hash has."""

    def parts() -> Iterator[bytes | str | int]:
        yield from (name, labels.tobytes())
        if dataset.files:
            yield from (dataset.files[item].read_bytes() for item in chosen.tolist())
        else:
            yield from (dataset.content_id, chosen.tobytes())

    return content_hash(parts())
