"""Training the heads of a round's models: in one product, and one by one, to the same scores."""

from __future__ import annotations

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture
from torch import Tensor

from bench.devices import DEVICES, finish
from systems.scoring.heads import HeadTask
from systems.scoring.registry import load_scorer

MODELS, TRAIN, TEST, SIZE, CLASSES = 16, 160, 80, 512, 10
SCALE = 0.1
"""Of features, so that they are about as large as those of real models."""


def made_up(device: str) -> tuple[list[HeadTask], Tensor, Tensor]:
    """Features that tell the classes apart, some models' better than others'."""
    random = torch.Generator().manual_seed(0)
    train_labels, test_labels = torch.arange(TRAIN) % CLASSES, torch.arange(TEST) % CLASSES
    tasks = []
    for number in range(MODELS):
        centres = torch.randn(CLASSES, SIZE, generator=random)

        def features(labels: Tensor, centres: Tensor = centres, noise: int = number) -> Tensor:
            scatter = torch.randn(len(labels), SIZE, generator=random)
            return (SCALE * (centres[labels] + (1 + noise) * scatter)).to(device)

        tasks.append(
            HeadTask(
                model_id=f"m{number}", train=features(train_labels), test=features(test_labels)
            )
        )
    return tasks, train_labels.to(device), test_labels.to(device)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("scorer", ["linear", "linear-paper"])
@pytest.mark.parametrize("way", ["together", "one by one"])
def test_heads_of_16_models(
    benchmark: BenchmarkFixture, scorer: str, way: str, device: str
) -> None:
    benchmark.group = f"heads of {MODELS} models, {scorer}, {device}"
    tasks, *labels = made_up(device)
    head = load_scorer(scorer, classes=CLASSES, minibatch_items=32)

    def together() -> list[int]:
        return head.correct(tasks, *labels)  # counts are read: the device has finished

    def one_by_one() -> list[int]:
        return [count for task in tasks for count in head.correct([task], *labels)]

    with torch.inference_mode():
        found = benchmark.pedantic(
            together if way == "together" else one_by_one, rounds=5, warmup_rounds=1
        )
        other = one_by_one() if way == "together" else together()
    finish(device)
    most = 0 if device == "cpu" else 1  # on CUDA up to the last bits: an item may fall over
    assert all(abs(a - b) <= most for a, b in zip(found, other, strict=True))
    assert found[0] == TEST  # what is far apart is told apart
    assert found[-1] < TEST
