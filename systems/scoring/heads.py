"""Training linear heads on extracted features, many models in one product.

One kernel serves all systems. Each head's arithmetic is the same whatever heads stand
beside it: on a CPU every product runs on one thread (several threads split a lone product
differently from a batch of them), and threads work on different heads instead.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import one_hot


@dataclass(frozen=True, kw_only=True, slots=True)
class HeadTraining:
    """Softmax regression by plain SGD; minibatches in item order, every epoch the same."""

    standardise: bool
    """Shift and scale each feature by its mean and standard deviation over the train
    items, and by the root of their number, so that an item has a norm of about one."""
    learning_rate: float
    epochs: int = 100
    minibatch_items: int = 32


def head_training(scorer: str, *, minibatch_items: int) -> HeadTraining:
    """The settings behind a scorer's name (``systems.scoring.SCORERS``)."""
    if scorer == "linear-paper":
        return HeadTraining(standardise=False, learning_rate=0.1, minibatch_items=minibatch_items)
    return HeadTraining(standardise=True, learning_rate=1.0, minibatch_items=minibatch_items)


@dataclass(frozen=True, kw_only=True, slots=True)
class HeadTask:
    """One model's features and where they come from."""

    model_id: str
    train: Tensor  # [m, d]
    test: Tensor  # [t, d]


class HeadTrainer:
    """Scores models: trains a head on the train features, counts correct test items."""

    def __init__(self, training: HeadTraining, *, classes: int) -> None:
        self._training = training
        self._classes = classes

    def correct(
        self, tasks: Sequence[HeadTask], train_labels: Tensor, test_labels: Tensor
    ) -> list[int]:
        """The number of test items each task's head gets right, in the order of ``tasks``.

        Labels are int64 [m] and [t] on the features' device. A task's result does not
        depend on the other tasks (on CUDA: up to rounding in the last bits).
        """
        results = [0] * len(tasks)
        for places in _group_by_shape(tasks):
            group = [tasks[place] for place in places]
            train = torch.stack([task.train for task in group])  # [G, m, d]
            test = torch.stack([task.test for task in group])  # [G, t, d]
            seeds = [_seed(task.model_id) for task in group]

            def count(heads: slice, train=train, test=test, seeds=seeds) -> Tensor:  # type: ignore[no-untyped-def]
                return self._count_correct(
                    train[heads], test[heads], seeds[heads], train_labels, test_labels
                )

            counts = _on_single_threads(count, len(group)) if train.is_cpu else count(slice(None))
            for place, value in zip(places, counts.tolist(), strict=True):
                results[place] = value
        return results

    def _count_correct(
        self, train: Tensor, test: Tensor, seeds: Sequence[int], y_train: Tensor, y_test: Tensor
    ) -> Tensor:
        if self._training.standardise:
            train, test = _standardise(train, test)
        weight, bias = self._train(train, y_train, seeds)
        predicted = torch.baddbmm(bias, test, weight).argmax(2)  # [G, t]
        return (predicted == y_test).sum(1)

    def _train(self, x: Tensor, y: Tensor, seeds: Sequence[int]) -> tuple[Tensor, Tensor]:
        weight, bias = _initial_heads(seeds, x.shape[2], self._classes, x.device)
        target = one_hot(y, self._classes).to(x.dtype)  # [m, C]
        size = self._training.minibatch_items
        minibatches = [
            (inputs, inputs.transpose(1, 2), wanted)
            for inputs, wanted in zip(x.split(size, 1), target.split(size), strict=True)
        ]
        for _ in range(self._training.epochs):
            for inputs, inputs_t, wanted in minibatches:
                # d(mean cross-entropy)/d(logits) = (softmax − target) / n
                gradient = torch.baddbmm(bias, inputs, weight).softmax(2).sub_(wanted)
                step = -self._training.learning_rate / len(wanted)
                weight.baddbmm_(inputs_t, gradient, alpha=step)
                bias.add_(gradient.sum(1, keepdim=True), alpha=step)
        return weight, bias  # [G, d, C], [G, 1, C]


def _standardise(train: Tensor, test: Tensor) -> tuple[Tensor, Tensor]:
    deviation, mean = torch.std_mean(train, 1, correction=0, keepdim=True)  # [G, 1, d]
    # A feature that is constant over the train items says nothing about them.
    scale = torch.where(deviation > 0, deviation, torch.inf).reciprocal_()
    scale /= train.shape[2] ** 0.5
    return (train - mean).mul_(scale), (test - mean).mul_(scale)


def _initial_heads(
    seeds: Sequence[int], features: int, classes: int, device: torch.device
) -> tuple[Tensor, Tensor]:
    bound = features**-0.5
    weights, biases = [], []
    for seed in seeds:
        generator = torch.Generator().manual_seed(seed)
        weights.append(torch.empty(features, classes).uniform_(-bound, bound, generator=generator))
        biases.append(torch.empty(1, classes).uniform_(-bound, bound, generator=generator))
    return torch.stack(weights).to(device), torch.stack(biases).to(device)


def _seed(model_id: str) -> int:
    return int.from_bytes(hashlib.blake2b(model_id.encode(), digest_size=7).digest(), "little")


def _group_by_shape(tasks: Sequence[HeadTask]) -> list[list[int]]:
    groups: dict[tuple[int, ...], list[int]] = {}
    for place, task in enumerate(tasks):
        groups.setdefault((*task.train.shape, *task.test.shape), []).append(place)
    return list(groups.values())


def _on_single_threads(count: Callable[[slice], Tensor], heads: int) -> Tensor:
    workers = min(heads, torch.get_num_threads(), os.cpu_count() or 1)
    bounds = [heads * i // workers for i in range(workers + 1)]

    def alone(i: int) -> Tensor:
        torch.set_num_threads(1)  # of this thread alone: OpenMP and MKL keep it per thread
        with torch.inference_mode():
            return count(slice(bounds[i], bounds[i + 1]))

    with ThreadPoolExecutor(workers) as pool:
        return torch.cat(list(pool.map(alone, range(workers))))
