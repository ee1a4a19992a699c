"""Head training: right, independent of company and threads, stable against tiny changes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from systems.scoring.heads import HeadTask, HeadTrainer, HeadTraining, head_training

TRAIN, TEST, SIZE, CLASSES = 90, 30, 48, 5


@pytest.fixture
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def problem(models: int, *, noise: float = 1.0) -> tuple[list[HeadTask], Tensor, Tensor]:
    generator = torch.Generator().manual_seed(7)
    y_train = torch.arange(TRAIN) % CLASSES
    y_test = torch.arange(TEST) % CLASSES
    tasks = []
    for number in range(models):
        centres = torch.randn(CLASSES, SIZE, generator=generator) * (1 + number % 3)
        tasks.append(
            HeadTask(
                model_id=f"m{number}",
                train=centres[y_train]
                + noise * torch.randn(TRAIN, SIZE, generator=generator) * (1 + number % 3)
                + 5.0,
                test=centres[y_test]
                + noise * torch.randn(TEST, SIZE, generator=generator) * (1 + number % 3)
                + 5.0,
            )
        )
    return tasks, y_train, y_test


def train(tasks: list[HeadTask], y: Tensor, training: HeadTraining) -> tuple[Tensor, Tensor]:
    trainer = HeadTrainer(training, classes=CLASSES)
    stacked = torch.stack([task.train for task in tasks])
    return trainer._train(stacked, y, list(range(len(tasks))))


@pytest.mark.parametrize("scorer", ["linear", "linear-paper"])
def test_separable_features_are_separated(scorer: str) -> None:
    tasks, y_train, y_test = problem(3, noise=0.1)
    trainer = HeadTrainer(head_training(scorer, minibatch_items=32), classes=CLASSES)
    assert trainer.correct(tasks, y_train, y_test) == [TEST] * 3


def test_the_gradient_is_that_of_mean_cross_entropy() -> None:
    tasks, y_train, _ = problem(2)
    training = HeadTraining(standardise=False, learning_rate=0.01, epochs=3, minibatch_items=32)
    weight, bias = train(tasks, y_train, training)
    for number, task in enumerate(tasks):
        still = HeadTraining(standardise=False, learning_rate=0.0, epochs=1, minibatch_items=32)
        w0, b0 = (t[number].clone() for t in train(tasks, y_train, still))
        head = torch.nn.Linear(SIZE, CLASSES)
        with torch.no_grad():
            head.weight.copy_(w0.T)
            head.bias.copy_(b0[0])
        optimiser = torch.optim.SGD(head.parameters(), lr=0.01)
        for _ in range(3):
            for x, y in zip(task.train.split(32), y_train.split(32), strict=True):
                optimiser.zero_grad()
                cross_entropy(head(x), y).backward()
                optimiser.step()
        torch.testing.assert_close(weight[number], head.weight.T, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(bias[number, 0], head.bias, rtol=1e-4, atol=1e-5)


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("scorer", ["linear", "linear-paper"])
def test_a_score_does_not_depend_on_company_or_threads(scorer: str) -> None:
    tasks, y_train, y_test = problem(17, noise=4.0)
    trainer = HeadTrainer(head_training(scorer, minibatch_items=32), classes=CLASSES)
    torch.set_num_threads(1)
    alone = [trainer.correct([task], y_train, y_test)[0] for task in tasks]
    assert len(set(alone)) > 1
    for count in (1, 2, 3):
        torch.set_num_threads(count)
        assert trainer.correct(tasks, y_train, y_test) == alone
        assert trainer.correct(tasks[::-1], y_train, y_test) == alone[::-1]
        assert trainer.correct(tasks[:2], y_train, y_test) == alone[:2]
        assert torch.get_num_threads() == count


def test_weights_are_the_same_bits_in_any_company() -> None:
    tasks, y_train, _ = problem(9)
    training = head_training("linear", minibatch_items=32)
    together, _ = train(tasks, y_train, training)
    alone, _ = train(tasks[:1], y_train, training)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        together, _ = train(tasks, y_train, training)
        alone, _ = train(tasks[:1], y_train, training)
    finally:
        torch.set_num_threads(before)
    assert torch.equal(together[:1], alone)


@pytest.mark.usefixtures("threads")
def test_large_heads_are_cut_into_tiles_and_stay_the_same_in_any_company() -> None:
    generator = torch.Generator().manual_seed(5)
    classes, size, items = 64, 1024, 96
    y = torch.arange(items) % classes
    tasks = [
        HeadTask(
            model_id=f"m{number}",
            train=torch.randn(items, size, generator=generator),
            test=torch.randn(items, size, generator=generator),
        )
        for number in range(3)
    ]
    trainer = HeadTrainer(HeadTraining(standardise=True, learning_rate=1.0, epochs=5),
                          classes=classes)  # fmt: skip
    stacked = torch.stack([task.train for task in tasks])
    found = []
    for count in (1, 2, 3, 4):
        torch.set_num_threads(count)
        together, _ = trainer._train(stacked, y, [0, 1, 2])
        alone, _ = trainer._train(stacked[:1], y, [0])
        assert torch.equal(together[:1], alone)
        found.append(together)
    assert all(torch.equal(found[0], other) for other in found[1:])
    torch.set_num_threads(2)
    expected = [trainer.correct([task], y, y)[0] for task in tasks]
    assert trainer.correct(tasks, y, y) == expected


def test_features_of_different_sizes_are_scored_together() -> None:
    tasks, y_train, y_test = problem(3, noise=2.0)
    narrow = [HeadTask(model_id=t.model_id, train=t.train[:, :20], test=t.test[:, :20])
              for t in tasks]  # fmt: skip
    trainer = HeadTrainer(head_training("linear", minibatch_items=32), classes=CLASSES)
    mixed = [tasks[0], narrow[1], tasks[2], narrow[0]]
    expected = [trainer.correct([task], y_train, y_test)[0] for task in mixed]
    assert trainer.correct(mixed, y_train, y_test) == expected


def test_standardised_scores_survive_changes_in_the_last_bits() -> None:
    tasks, y_train, y_test = problem(8, noise=4.0)
    trainer = HeadTrainer(head_training("linear", minibatch_items=32), classes=CLASSES)
    noise = torch.Generator().manual_seed(11)
    moved = [
        HeadTask(
            model_id=task.model_id,
            train=task.train * (1 + 1e-6 * torch.randn(TRAIN, SIZE, generator=noise)),
            test=task.test * (1 + 1e-6 * torch.randn(TEST, SIZE, generator=noise)),
        )
        for task in tasks
    ]
    before = trainer.correct(tasks, y_train, y_test)
    after = trainer.correct(moved, y_train, y_test)
    assert all(abs(a - b) <= 1 for a, b in zip(before, after, strict=True))


def test_a_constant_feature_and_a_single_item_do_no_harm() -> None:
    tasks, y_train, y_test = problem(1)
    constant = HeadTask(
        model_id="c",
        train=torch.cat([tasks[0].train, torch.full((TRAIN, 1), 3.0)], 1),
        test=torch.cat([tasks[0].test, torch.full((TEST, 1), 1e9)], 1),
    )
    trainer = HeadTrainer(head_training("linear", minibatch_items=32), classes=CLASSES)
    assert trainer.correct([constant], y_train, y_test)[0] >= TEST // 2
    single = HeadTask(model_id="s", train=tasks[0].train[:1], test=tasks[0].test)
    assert 0 <= trainer.correct([single], y_train[:1], y_test)[0] <= TEST
