"""Labelled items in memory, decoded once, as training goes over them many times."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from systems.data.datasets import Dataset
from systems.data.transform import Transform


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelledItems:
    """Compact items on the host."""

    rows: Tensor
    """uint8 [n, R, R, 3] for images; int32 [n, L] for text."""
    labels: Tensor
    """int64 [n], from 0."""
    classes: int
    transform: Transform

    def __len__(self) -> int:
        return len(self.labels)

    def with_labels(self, labels: np.ndarray, *, classes: int) -> LabelledItems:
        """The same items, labelled otherwise (int64 [n])."""
        return LabelledItems(
            rows=self.rows,
            labels=torch.from_numpy(labels.astype(np.int64)),
            classes=classes,
            transform=self.transform,
        )


def read_labelled(dataset: Dataset, items: np.ndarray, *, transform: Transform) -> LabelledItems:
    """Decode ``items`` (int64 [n], indexes into ``dataset``) in their order.

    Raises:
        DatasetError: an item is damaged; the sentence names it.
    """
    dtype = np.uint8 if transform.resolution is not None else np.int32
    rows = np.empty((len(items), *transform.shape), dtype=dtype)
    for row, item in enumerate(items.tolist()):
        rows[row] = dataset.fit(dataset.read(item), transform.compact)
    return LabelledItems(
        rows=torch.from_numpy(rows),
        labels=torch.from_numpy(dataset.labels[items].astype(np.int64)),
        classes=len(dataset.classes),
        transform=transform,
    )
