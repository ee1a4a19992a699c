"""Decoded items in the form that a model reads, each decoded again, or once for all."""

from __future__ import annotations

import threading
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from systems.data.datasets import Dataset
from systems.data.decoded_items import DecodedItems
from systems.data.transform import Transform

_LOCKS = 64
"""Enough that two threads seldom want the same one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """What was really done for some rows."""

    decoded: int = 0
    """Items that were read and decoded."""
    fitted: int = 0
    """Pictures resized, or texts tokenised."""

    def __add__(self, other: Work) -> Work:
        return Work(decoded=self.decoded + other.decoded, fitted=self.fitted + other.fitted)


class ItemSource:
    """Fills rows of compact items; several threads may use one source.

    Args:
        dataset: where items come from.
        transforms: all that will be asked for. An item that is decoded for one of them is
            fitted to all of them at once.
        kept: where that is kept; None keeps nothing, and every use decodes again.
    """

    def __init__(
        self, dataset: Dataset, *, transforms: Collection[Transform], kept: DecodedItems | None
    ) -> None:
        self.dataset = dataset
        self.kept = kept
        self._transforms = {transform.compact for transform in transforms}
        self._locks = [threading.Lock() for _ in range(_LOCKS)]

    def retain(self, transforms: Collection[Transform]) -> None:
        """From now on, fit items to these at most: nobody asks for others any more."""
        self._transforms &= {transform.compact for transform in transforms}

    def holds(self, items: np.ndarray, transform: Transform) -> bool:
        """Whether items that are asked for together were kept in that form: by their first."""
        return self.kept is not None and self.kept.holds(int(items[0]), transform.compact)

    def fill(
        self, items: np.ndarray, transform: Transform, out: np.ndarray, *, is_last_use: bool
    ) -> Work:
        """Put items into ``out`` [items, *transform.shape], uint8 or int32.

        With ``is_last_use`` they are not asked for in this form again, and not kept in it.

        Raises:
            DatasetError: an item is damaged, or there is no room to keep it.
        """
        work = Work()
        form = transform.compact
        for row, item in enumerate(items.tolist()):
            if self.kept is None:
                out[row] = self.dataset.fit(self.dataset.read(item), form)
                work += Work(decoded=1, fitted=1)
                continue
            with self._locks[item % _LOCKS]:  # two batches with one item: one decode
                if not self.kept.read_into(item, form, out[row]):
                    work += self._make(item, form, out[row], is_last_use=is_last_use)
                elif is_last_use:
                    self.kept.forget(item, form)
        return work

    def _make(self, item: int, form: Transform, out: np.ndarray, *, is_last_use: bool) -> Work:
        """Decode an item, fit it to all transforms, and keep what will be asked for."""
        assert self.kept is not None
        source = self.dataset.read(item)
        wanted = self._transforms | {form}
        for each in wanted:
            value = self.dataset.fit(source, each)
            if each == form:
                out[...] = value
            if each != form or not is_last_use:
                self.kept.put(item, each, value)
        return Work(decoded=1, fitted=len(wanted))
