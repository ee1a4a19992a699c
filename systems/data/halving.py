"""The schedule of successive halving: how many models see which train items when."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from systems.errors import ConfigurationError, DatasetError


@dataclass(frozen=True, kw_only=True, slots=True)
class HalvingSchedule:
    """Rounds of successive halving; round i scores ``model_counts[i]`` models."""

    model_counts: tuple[int, ...]
    """Models scored in each round: n, floor(n/2), …, at least 1."""
    chunks: tuple[range, ...]
    """Positions in the train order that each round adds; consecutive, covering all."""

    @property
    def rounds(self) -> int:
        """Number of rounds."""
        return len(self.chunks)


def round_count(models: int) -> int:
    """Rounds for ``models`` models: max(1, ceil(log2 models))."""
    return max(1, (models - 1).bit_length())


def halving_schedule(models: int, *, train_items: int) -> HalvingSchedule:
    """The schedule of SHiFT (Renggli et al., PVLDB 16(2)).

    l = max(1, ceil(log2 n)) rounds over chunks of s, 2s, 4s, … train items with
    s = ceil(m / 2^l); the last round takes the rest. After a round the better floor(n_i / 2)
    models stay, at least one.

    Args:
        models: n, at least 1.
        train_items: m.

    Raises:
        ConfigurationError: there is no model.
        DatasetError: too few train items for every round to have one.
    """
    if models < 1:
        raise ConfigurationError(f"{models} models were given; a search needs at least 1.")
    rounds = round_count(models)
    # m in ((s−1)·2^l, s·2^l] leaves s(2^(l−1)−1) < m for every s but 1, where 2^(l−1) is least.
    smallest = 2 ** (rounds - 1)
    if train_items < smallest:
        raise DatasetError(
            f"{train_items} train items are too few to halve {models} models in {rounds} rounds: "
            f"use at least {smallest} train items, or fewer models."
        )
    first = math.ceil(train_items / 2**rounds)
    bounds = [first * (2**done - 1) for done in range(rounds)] + [train_items]
    return HalvingSchedule(
        model_counts=tuple(max(1, models >> done) for done in range(rounds)),
        chunks=tuple(range(start, stop) for start, stop in itertools.pairwise(bounds)),
    )


def check_first_chunk(
    train_labels: np.ndarray,
    schedule: HalvingSchedule,
    *,
    allow_tiny: bool,
    test_fraction: float = 0.0,
) -> None:
    """Refuse a schedule whose first chunk has fewer than two items of some class.

    Models eliminated on such a chunk are eliminated by chance.

    Args:
        train_labels: int64 [train items], in train order.
        schedule: made for as many train items.
        allow_tiny: accept it all the same.
        test_fraction: share of all items that test, to name the smallest number of items;
            0 names train items.

    Raises:
        DatasetError: the first chunk is too small; names the smallest number of items.
    """
    if allow_tiny:
        return
    first = train_labels[: len(schedule.chunks[0])]
    classes = np.unique(train_labels)
    counts = np.array([np.count_nonzero(first == label) for label in classes])
    if counts.min() >= 2:
        return
    second_places = [np.flatnonzero(train_labels == label)[1:2] for label in classes]
    if any(len(places) == 0 for places in second_places):
        fix = "give every class at least two train items"
    else:
        needed = max(int(places[0]) for places in second_places) + 1
        if schedule.rounds > 1:
            needed = (needed - 1) * 2**schedule.rounds + 1
        what = "train items" if test_fraction == 0.0 else "items"
        fix = f"use at least {_items_that_train(needed, test_fraction)} {what}, fewer models"
    raise DatasetError(
        f"The first of {schedule.rounds} halving rounds has {len(first)} train items for "
        f"{len(classes)} classes, {counts.min()} of one class; below two of each, models are "
        f"eliminated by chance: {fix}, or say 'allow_tiny: true'."
    )


def _items_that_train(train_items: int, test_fraction: float) -> int:
    """The fewest items of which ``split_items`` leaves at least that many to train."""
    items = math.floor(train_items / (1.0 - test_fraction)) - 1
    while items - round(test_fraction * items) < train_items:
        items += 1
    return items


def cut(items: Sequence[int] | range | np.ndarray, batch_size: int) -> list[np.ndarray]:
    """Cut items into batches in their order; the last one may be smaller.

    Args:
        items: int64 [n] item indexes, or positions.
        batch_size: at least 1.

    Returns:
        ceil(n / batch_size) arrays of int64.

    Raises:
        ConfigurationError: ``batch_size`` is below 1.
    """
    if batch_size < 1:
        raise ConfigurationError(f"batch_size is {batch_size}; it must be at least 1.")
    array = np.asarray(items, dtype=np.int64)
    return [array[start : start + batch_size] for start in range(0, len(array), batch_size)]
