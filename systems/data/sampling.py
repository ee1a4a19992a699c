"""Choosing and ordering labelled items so that every class keeps its share.

Pure functions of labels and a seed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from systems.errors import DatasetError


def balanced_sequence(counts: np.ndarray, *, ties: np.ndarray) -> np.ndarray:
    """Arrange classes so that every prefix has each class within one item of its share.

    For classes of equal size every run of C positions from a multiple of C holds each class
    once. Earliest deadline first among the classes whose next item is due, as in R. Tijdeman,
    "The chairman assignment problem", Discrete Mathematics 32 (1980).

    Args:
        counts: int64 [C], items of each class, all at least 1.
        ties: int64 [C], rank of each class where two are equally urgent.

    Returns:
        int64 [sum of counts], a class in 0 … C−1 at each position.
    """
    if len(counts) == 1:
        return np.zeros(int(counts[0]), dtype=np.int64)
    by_rank = np.argsort(ties)
    sizes = counts[by_rank].astype(np.float64)
    total = sizes.sum()
    slack = 1.0 / (2 * len(sizes) - 2)
    release = slack / sizes
    deadline = (1.0 - slack) / sizes
    sequence = np.empty(int(total), dtype=np.int64)
    taken = np.zeros(len(sizes))
    for position in range(len(sequence)):
        # A relative 1e-9 lets exact ties through whichever way the division was rounded.
        released = release <= (position + 1) / total * (1 + 1e-9)
        chosen = int(np.argmin(np.where(released, deadline, np.inf)))
        sequence[position] = chosen
        taken[chosen] += 1
        release[chosen] = (taken[chosen] + slack) / sizes[chosen]
        deadline[chosen] = (taken[chosen] + 1.0 - slack) / sizes[chosen]
    return by_rank[sequence]


def interleaved_order(labels: np.ndarray, *, seed: Sequence[int]) -> np.ndarray:
    """A seeded order of all items in which every prefix has each class at its share.

    Args:
        labels: int64 [items].
        seed: numbers that seed the order within and between classes.

    Returns:
        int64 [items], a permutation of 0 … items−1.
    """
    generator = np.random.default_rng(list(seed))
    present, counts = np.unique(labels, return_counts=True)
    sequence = balanced_sequence(counts, ties=generator.permutation(len(present)))
    order = np.empty(len(labels), dtype=np.int64)
    for place, label in enumerate(present):
        order[sequence == place] = generator.permutation(np.flatnonzero(labels == label))
    return order


def stratified_counts(counts: np.ndarray, total: int, *, minimum: int) -> np.ndarray:
    """Share ``total`` items among classes in proportion, at least ``minimum`` for each.

    Largest remainders; what a small class lacks is taken from the class that has most above
    its share.

    Args:
        counts: int64 [C], the items that each class has, all at least ``minimum``.
        total: at least C × ``minimum``, at most the sum of ``counts``.
        minimum: the least that any class gets.

    Returns:
        int64 [C], summing to ``total``, none above ``counts``.
    """
    share = counts * (total / counts.sum())
    given = np.floor(share).astype(np.int64)
    short = total - int(given.sum())
    given[np.argsort(given - share, kind="stable")[:short]] += 1
    while (poor := given < minimum).any():
        rich = int(np.argmax(np.where(given > minimum, given - share, -np.inf)))
        given[rich] -= 1
        given[np.flatnonzero(poor)[0]] += 1
    return given


def choose_items(
    labels: np.ndarray, classes: Sequence[str], *, items: int | None, seed: int
) -> np.ndarray:
    """Choose ``items`` of the labelled items by class share, at least two of each class.

    Args:
        labels: int64 [available].
        classes: the names of the labels.
        items: how many to choose; None: all.
        seed: of the choice.

    Returns:
        int64 [items], ascending indexes into ``labels``.

    Raises:
        DatasetError: fewer items than asked for, one class, a class with fewer than two
            items, or too few items asked for to have two of each class.
    """
    if items is None:
        items = len(labels)
    counts = np.bincount(labels, minlength=len(classes))
    if len(classes) < 2:
        raise DatasetError(
            f"The data have one class only ({', '.join(classes)}): a search ranks models by how "
            "well they tell classes apart, so give at least two."
        )
    if counts.min() < 2:
        scarce = int(np.argmin(counts))
        raise DatasetError(
            f"The class '{classes[scarce]}' has {counts[scarce]} item(s); every class needs at "
            "least two, one to test and one to train. Add items or remove the class."
        )
    if items > len(labels):
        raise DatasetError(
            f"{items} items were asked for, but the data have {len(labels)}: ask for at most "
            f"{len(labels)}, or add data."
        )
    if items < 2 * len(classes):
        raise DatasetError(
            f"{items} items were asked for, but {len(classes)} classes need two each, one to "
            f"test and one to train: ask for at least {2 * len(classes)}."
        )
    if items == len(labels):
        return np.arange(items, dtype=np.int64)
    order = np.random.default_rng([seed, 0]).permutation(len(labels))
    wanted = stratified_counts(counts, items, minimum=2)
    chosen = [order[labels[order] == label][:count] for label, count in enumerate(wanted)]
    return np.sort(np.concatenate(chosen)).astype(np.int64)
