"""How the items of a batch tensor lie as rows of bytes, and how rows become that tensor again."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True, slots=True)
class RowLayout:
    """The items of batches [B, *shape], one row of bytes each, and the batches' own layout.

    Kernels go by the layout of their inputs, and their last bits with them: a batch that is
    put together from rows has the strides of the one that the rows were taken from.
    """

    dtype: str
    """As torch names it, such as ``float32``."""
    shape: tuple[int, ...]
    """Of one item."""
    order: tuple[int, ...]
    """The dimensions of a batch (0: items) from the outermost to the innermost in memory:
    (0, 1, 2, 3) for contiguous, (0, 2, 3, 1) for channels-last images."""

    @classmethod
    def of(cls, batch: Tensor) -> RowLayout:
        """The layout of a batch of two items or more, which is dense."""
        return cls(
            dtype=str(batch.dtype).removeprefix("torch."),
            shape=tuple(batch.shape[1:]),
            order=_order(batch),
        )

    @property
    def row_bytes(self) -> int:
        """Of one item."""
        return math.prod(self.shape) * self._torch_dtype.itemsize

    def rows(self, batch: Tensor) -> Tensor:
        """uint8 [B, row_bytes] on the CPU, contiguous: the items of ``batch``.

        Raises:
            ValueError: the batch has items of another type or shape.
        """
        if batch.dtype != self._torch_dtype or tuple(batch.shape[1:]) != self.shape:
            raise ValueError(
                f"A batch of {batch.dtype} {tuple(batch.shape[1:])} does not fit rows of "
                f"{self.dtype} {self.shape}."
            )
        items = batch.permute(self._within_rows).contiguous().cpu()
        return items.view(len(batch), -1).view(torch.uint8)

    def batch(self, rows: Tensor) -> Tensor:
        """The batch [B, *shape] of uint8 rows [B, row_bytes], which it may be a view of."""
        stored = [self.shape[dimension - 1] for dimension in self._within_rows[1:]]
        items = rows.view(self._torch_dtype).view(len(rows), *stored)
        batch = items.permute(_inverse(self._within_rows))
        if self.order[0] == 0:
            return batch
        return batch.permute(self.order).contiguous().permute(_inverse(self.order))

    @property
    def _within_rows(self) -> tuple[int, ...]:
        """The order in a file: items are outermost there, whatever they are in memory."""
        return (0, *(dimension for dimension in self.order if dimension != 0))

    @property
    def _torch_dtype(self) -> torch.dtype:
        return getattr(torch, self.dtype)


def _order(batch: Tensor) -> tuple[int, ...]:
    dimensions = tuple(range(batch.dim()))
    strides = batch.stride()
    by_stride = tuple(sorted(dimensions, key=lambda d: -strides[d]))
    # Dimensions of length one fit several orders; those that kernels know come first.
    known = [dimensions, (0, 2, 3, 1)] if batch.dim() == 4 else [dimensions]
    for order in (*known, by_stride):
        if _strides(batch.shape, order) == strides:
            return order
    return by_stride


def _strides(shape: Sequence[int], order: Sequence[int]) -> tuple[int, ...]:
    strides = [0] * len(shape)
    step = 1
    for dimension in reversed(order):
        strides[dimension] = step
        step *= shape[dimension]
    return tuple(strides)


def _inverse(order: Sequence[int]) -> tuple[int, ...]:
    places = [0] * len(order)
    for place, dimension in enumerate(order):
        places[dimension] = place
    return tuple(places)
