"""Which items test and which train, and in which order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from systems.data.sampling import interleaved_order, stratified_counts
from systems.errors import ConfigurationError, DatasetError


@dataclass(frozen=True, kw_only=True, slots=True)
class Split:
    """Item indexes in the order in which they are used; disjoint, together all items."""

    test: np.ndarray
    """int64 [test items]."""
    train: np.ndarray
    """int64 [train items]; every prefix holds each class within one item of its share."""


def split_items(labels: np.ndarray, *, test_fraction: float, seed: int) -> Split:
    """Split items into test and train by class share, each in a seeded, interleaved order.

    Classes keep their share in every prefix, not equal counts: minibatches follow the item
    order, and an order that used up the rare classes first would end in minibatches of one
    class.

    Args:
        labels: int64 [items], every label from 0 to the largest present.
        test_fraction: share of the items that test, between 0 and 1.
        seed: of the choice and the order.

    Raises:
        ConfigurationError: ``test_fraction`` is not between 0 and 1.
        DatasetError: a class would have no item to test or none to train.
    """
    if not 0.0 < test_fraction < 1.0:
        raise ConfigurationError(
            f"test_fraction is {test_fraction}; it must lie between 0 and 1, such as 0.2."
        )
    counts = np.bincount(labels)
    test_items = round(test_fraction * len(labels))
    train_items = len(labels) - test_items
    if counts.min() < 2 or min(test_items, train_items) < len(counts):
        raise DatasetError(
            f"{len(labels)} items at test_fraction {test_fraction} are {test_items} to test and "
            f"{train_items} to train, but each of the {len(counts)} classes (the smallest has "
            f"{counts.min()} items) needs at least one of either: use at least "
            f"{_smallest(len(counts), test_fraction)} items and two of every class."
        )
    # What a class keeps for training is bounded from below like what it gives to the test.
    spare = np.minimum(stratified_counts(counts, test_items, minimum=1), counts - 1)
    while (missing := test_items - int(spare.sum())) > 0:
        room = np.flatnonzero(spare < counts - 1)[:missing]
        spare[room] += 1
    order = interleaved_order(labels, seed=(seed, 1))
    in_test = np.zeros(len(labels), dtype=bool)
    for label, count in enumerate(spare):
        in_test[order[labels[order] == label][:count]] = True
    test, train = np.flatnonzero(in_test), np.flatnonzero(~in_test)
    return Split(
        test=test[interleaved_order(labels[test], seed=(seed, 2))],
        train=train[interleaved_order(labels[train], seed=(seed, 3))],
    )


def _smallest(classes: int, test_fraction: float) -> int:
    """The fewest items that leave every class one to test and one to train."""
    items = 2 * classes
    while min(test := round(test_fraction * items), items - test) < classes:
        items += 1
    return items
