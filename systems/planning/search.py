"""A search and a system, as far as the time of the one in the hands of the other goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from systems.data.halving import HalvingSchedule, halving_schedule
from systems.planning.cost_model import BlockCosts
from systems.planning.planner import Planning


class BlockSizes(BlockCosts, Protocol):
    """What the simulation has to know of a block (``systems.models.profile.BlockProfile``)."""

    @property
    def input_bytes(self) -> int:
        """Bytes of one item before the block."""
        ...

    @property
    def output_bytes(self) -> int:
        """Bytes of one item after it."""
        ...

    @property
    def scratch_bytes(self) -> int:
        """Bytes that it needs for one item besides, while it computes."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchShape:
    """A search, as far as its time goes: M models of B blocks at most, K distinct blocks."""

    rows: np.ndarray
    """int32 [M, B]: each model's block numbers in order; -1 behind the end of shorter ones."""
    kind: np.ndarray
    """int32 [K]: which of ``profiles`` each block has."""
    profiles: Sequence[BlockSizes] = field(hash=False)
    test_items: int
    train_items: int
    batch_size: int
    features: int
    """Numbers per item that a head is trained on (of the widest architecture)."""
    classes: int
    data_workers: int | None = None
    """Threads or processes that decode ahead; None for the hardware profile's."""

    @property
    def schedule(self) -> HalvingSchedule:
        """Of successive halving."""
        return halving_schedule(len(self.rows), train_items=self.train_items)

    def batches(self, items: int) -> list[int]:
        """Items of each batch of a segment."""
        full, rest = divmod(items, self.batch_size)
        return [self.batch_size] * full + ([rest] if rest else [])


@dataclass(frozen=True, kw_only=True, slots=True)
class Strategy:
    """What a system shares and in which order it works (``systems.api.SearchOptions``)."""

    halves: bool
    """Successive halving; otherwise every model sees every item."""
    shares: bool
    """Lay the survivors together in one task tree; otherwise each runs alone."""
    planning: Planning = field(default_factory=Planning)
    keep_blocks: bool = False
    decode_once: bool = False
    batched_heads: bool = False
    prefetch: bool = False
    stop_when_decided: bool = False
