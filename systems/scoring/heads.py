"""Training linear heads on extracted features, many models in one product.

One kernel serves all systems. Each head's arithmetic is the same whatever heads stand
beside it and however many threads there are: on a CPU, several threads split a lone product
differently from a batch of products. So a head's products are cut into tiles of its features,
how many depends on its size alone. Small heads are one tile, and threads work on different
heads; a large head has several, and threads work on its tiles, so that a lone one is not at
a disadvantage.
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

from systems.precision import full_precision

TILES = 4
LARGE_HEAD = 2**16
"""Parameters from which on a head is cut into tiles; below, threads cost more than they give."""


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
    """The settings of ``linear`` or ``linear-paper``."""
    if scorer == "linear-paper":
        return HeadTraining(standardise=False, learning_rate=0.1, minibatch_items=minibatch_items)
    return HeadTraining(standardise=True, learning_rate=1.0, minibatch_items=minibatch_items)


@dataclass(frozen=True, kw_only=True, slots=True)
class HeadTask:
    """One model's features and where they come from."""

    model_id: str
    train: Tensor  # [m, d]
    test: Tensor  # [t, d]


def linear(*, classes: int, minibatch_items: int) -> HeadTrainer:
    """The scorer ``linear``."""
    return HeadTrainer(head_training("linear", minibatch_items=minibatch_items), classes=classes)


def linear_paper(*, classes: int, minibatch_items: int) -> HeadTrainer:
    """The scorer ``linear-paper``."""
    training = head_training("linear-paper", minibatch_items=minibatch_items)
    return HeadTrainer(training, classes=classes)


class HeadTrainer:
    """A ``Scorer``: trains a head on the train features, counts correct test items."""

    def __init__(self, training: HeadTraining, *, classes: int) -> None:
        self._training = training
        self._classes = classes

    @full_precision()
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

            if not train.is_cpu:
                counts = count(slice(None))
            elif _tiles(train.shape[2], self._classes) > 1:
                counts = _on_tile_threads(count)
            else:
                counts = _on_single_threads(count, len(group))
            for place, value in zip(places, counts.tolist(), strict=True):
                results[place] = value
        return results

    def _count_correct(
        self, train: Tensor, test: Tensor, seeds: Sequence[int], y_train: Tensor, y_test: Tensor
    ) -> Tensor:
        if self._training.standardise:
            train, test = _standardise(train, test)
        weight, bias = self._train(train, y_train, seeds)
        predicted = _logits(test, weight, bias).argmax(2)  # [G, t]
        return (predicted == y_test).sum(1)

    def _train(self, x: Tensor, y: Tensor, seeds: Sequence[int]) -> tuple[Tensor, Tensor]:
        heads, _, size = x.shape
        tiles = _tiles(size, self._classes)
        weight, bias = _initial_heads(seeds, size, self._classes, x.device)
        weight = weight.view(heads * tiles, size // tiles, self._classes)  # [GK, d/K, C]
        target = one_hot(y, self._classes).to(x.dtype)  # [m, C]
        minibatches = [
            (tiled := _tiled(inputs, tiles), tiled.transpose(1, 2), wanted)
            for inputs, wanted in zip(
                x.split(self._training.minibatch_items, 1),
                target.split(self._training.minibatch_items),
                strict=True,
            )
        ]
        for _ in range(self._training.epochs):
            for inputs, inputs_t, wanted in minibatches:
                logits = torch.bmm(inputs, weight)  # [GK, n, C]: a part of the sum each
                logits = logits.unflatten(0, (heads, tiles)).sum(1) + bias  # [G, n, C]
                # d(mean cross-entropy)/d(logits) = (softmax − target) / n
                gradient = logits.softmax(2).sub_(wanted)
                step = -self._training.learning_rate / len(wanted)
                of_each_tile = gradient.repeat_interleave(tiles, 0) if tiles > 1 else gradient
                weight.baddbmm_(inputs_t, of_each_tile, alpha=step)
                bias.add_(gradient.sum(1, keepdim=True), alpha=step)
        return weight.view(heads, size, self._classes), bias  # [G, d, C], [G, 1, C]


def _logits(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """[G, n, C] of x [G, n, d]; a large product in tiles, as in training: a product over all
    features would depend, in its last bits, on how many threads compute it."""
    heads, size, classes = weight.shape
    tiles = _tiles(size, classes)
    if tiles == 1:
        return torch.baddbmm(bias, x, weight)
    parts = torch.bmm(_tiled(x, tiles), weight.reshape(heads * tiles, size // tiles, classes))
    return parts.unflatten(0, (heads, tiles)).sum(1) + bias


def _tiles(features: int, classes: int) -> int:
    """How many parts a head's features are cut into: by its size alone."""
    is_large = features * classes >= LARGE_HEAD and features % TILES == 0
    return TILES if is_large else 1


def _tiled(x: Tensor, tiles: int) -> Tensor:
    """[G, n, d] → [GK, n, d/K]."""
    return x.unflatten(2, (tiles, -1)).transpose(1, 2).flatten(0, 1).contiguous()


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


def _on_tile_threads(count: Callable[[slice], Tensor]) -> Tensor:
    # With more threads than tiles, a lone head's products would be split further.
    threads = torch.get_num_threads()
    torch.set_num_threads(min(threads, TILES))
    try:
        return count(slice(None))
    finally:
        torch.set_num_threads(threads)
