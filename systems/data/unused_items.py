"""Which items of a dataset a search leaves for the question whether its choice was good."""

from __future__ import annotations

import os
from collections.abc import Collection

import numpy as np

from systems.data.datasets import Dataset
from systems.data.sampling import interleaved_order

HELD_OUT_SHARE = 0.3
"""Of the items that the search leaves: neither searched nor learned from."""
MOST_HELD_OUT = 2000


def item_names(dataset: Dataset) -> list[str]:
    """A name for each item that is the same however the dataset was opened."""
    if dataset.files:
        return [os.path.realpath(path) for path in dataset.files]
    return [dataset.describe(index) for index in range(len(dataset.labels))]


def held_out_items(whole: Dataset, *, used: Collection[str], seed: int) -> np.ndarray:
    """Items that fine-tuned models are judged by, which nothing may have learned from.

    Args:
        whole: all items of the dataset.
        used: names (``item_names``) of the items that the search uses, tests included.
        seed: of the choice.

    Returns:
        int64, indexes into ``whole``, classes at their share; none of ``used``.
    """
    rest = others(whole, used)
    if not len(rest):
        return rest
    order = rest[interleaved_order(whole.labels[rest], seed=(seed, 4))]
    return order[: min(MOST_HELD_OUT, round(HELD_OUT_SHARE * len(rest)))]


def others(dataset: Dataset, names: Collection[str]) -> np.ndarray:
    """int64, ascending: the items of ``dataset`` that are not called by one of ``names``."""
    found = [at for at, name in enumerate(item_names(dataset)) if name not in names]
    return np.array(found, dtype=np.int64)
