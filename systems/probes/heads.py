"""Training the heads of many models: one by one, and together in one product."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from systems.api import SearchRequest
from systems.probes import Reading
from systems.probes.subject import subjects
from systems.probes.timing import in_turns
from systems.scoring.heads import HeadTask
from systems.substrate import Substrate

_SEED = 0


class HeadsProbe:
    """Two rows for each of 1, 2, 4 … models, up to those of the request."""

    def measure(self, request: SearchRequest, substrate: Substrate) -> Sequence[Reading]:
        """The time to train and evaluate heads on all items, one by one and together.

        Features are random numbers in the size of the first architecture's: the time does not
        depend on their values. ``same_result`` says whether both ways get the same number of
        test items right, for every head; ``speed_up`` is that over one by one.
        """
        sizes = list(_counts(len(request.model_ids)))
        tasks = _tasks(max(sizes), request, substrate)
        rows: list[Reading] = []
        for number, models in enumerate(sizes):
            what = f"heads of {models} models"
            substrate.tracer.progress(step=number, steps=len(sizes), what=what)
            rows += _rows(tasks[:models], substrate)
        return rows


def _counts(models: int) -> Iterator[int]:
    """1, 2, 4 … and the number of models itself."""
    count = 1
    while count < models:
        yield count
        count *= 2
    yield models


def _tasks(models: int, request: SearchRequest, substrate: Substrate) -> list[HeadTask]:
    last = subjects(request, substrate)[0].blocks[-1]
    features = substrate.profile(last).output_shape[-1]
    generator = torch.Generator().manual_seed(_SEED)

    def made_up(items: int) -> Tensor:
        numbers = torch.randn(items, features, generator=generator)
        return numbers.to(substrate.settings.device)

    return [
        HeadTask(
            model_id=f"model {number}",
            train=made_up(len(substrate.split.train)),
            test=made_up(len(substrate.split.test)),
        )
        for number in range(models)
    ]


def _rows(tasks: list[HeadTask], substrate: Substrate) -> list[Reading]:
    trainer = substrate.scorer()
    labels = torch.from_numpy(substrate.dataset.labels)
    train, test = (
        labels[items].to(substrate.settings.device)
        for items in (substrate.split.train, substrate.split.test)
    )
    results: dict[str, list[int]] = {}

    def one_by_one() -> None:
        results["one by one"] = [trainer.correct([task], train, test)[0] for task in tasks]

    def together() -> None:
        results["together"] = trainer.correct(tasks, train, test)

    with substrate.tracer.span("proxy_scoring", items=len(tasks)):
        times = in_turns(
            {"one by one": one_by_one, "together": together}, device=substrate.settings.device
        )
    reference = times["one by one"]
    return [
        {
            "models": len(tasks),
            "way": way,
            "train_items": len(train),
            "test_items": len(test),
            "features": tasks[0].train.shape[1],
            "classes": substrate.settings.head_classes or len(substrate.dataset.classes),
            **taken.columns("time_s"),
            "speed_up": taken.speed_up_over(reference),
            "same_result": results[way] == results["one by one"],
        }
        for way, taken in times.items()
    ]
