"""Reading blocks in a simulated search: what stays, and what the page cache still holds."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable, Sequence
from typing import Any

from systems.intents.manager import IntentManager
from systems.intents.staged import StagedValues, name_of
from systems.intents.tier import TierSpec
from systems.planning.cost_model import CostModel

PASSES = 3
"""Passes over the batches that are gone through; each further one reads as the last of them."""


class SimulatedReads:
    """Adds up the seconds of reading blocks, each by its own number.

    Which blocks stay from stage to stage is decided as in a real search, by the same code. A
    block that has not been read, or has left the page cache since (least recently used first),
    is read at the store's rate, any other at the page cache's.

    Args:
        model: says what a read takes.
        size_of: bytes of the block with a number.
        keep: whether blocks outlive their stage.
        page_cache_bytes: what the page cache holds at most.
        in_model_files: whether each model has a file of its own.
    """

    def __init__(
        self,
        model: CostModel,
        *,
        size_of: Callable[[int], int],
        keep: bool,
        page_cache_bytes: float = math.inf,
        in_model_files: bool = False,
    ) -> None:
        self.seconds = 0.0
        """Of all reads so far."""
        self.bytes = 0
        self._model = model
        self._size_of = size_of
        self._page_cache_bytes = page_cache_bytes
        self._in_model_files = in_model_files
        self._cached: OrderedDict[int, int] = OrderedDict()
        self._cached_bytes = 0
        self._staged = StagedValues(
            IntentManager(
                [TierSpec(name="memory", load=self._read)],
                size_of=lambda key: self._size(name_of(key)),
                is_ahead=False,
            ),
            size_of=self._size,
            keep=keep,
            is_ahead=False,
        )

    def expect(
        self, plans: Sequence[tuple[Sequence[Sequence[int]], int]], *, budget_bytes: int | None
    ) -> None:
        """Announce the stages, as lists of block numbers, and the passes of each plan."""
        stages = [stage for each, passes in plans for stage in [*each] * min(passes, PASSES)]
        self._staged.expect(stages, budget_bytes=budget_bytes)

    def go_through(self, stages: Sequence[Sequence[int]], passes: int) -> None:
        """Read what the stages of a plan need in all its passes."""
        seconds, size = self.seconds, self.bytes
        for _ in range(min(passes, PASSES)):
            seconds, size = self.seconds, self.bytes
            for blocks in stages:
                self._staged.begin_stage()
                for block in blocks:
                    self._staged.acquire(block)
                self._staged.end_stage()
        more = max(0, passes - PASSES)
        self.seconds += more * (self.seconds - seconds)
        self.bytes += more * (self.bytes - size)

    def resident(self) -> list[int]:
        """The blocks that are there and stay until ``retain`` drops them."""
        return [number for number in self._staged.resident() if isinstance(number, int)]

    def retain(self, blocks: Collection[int]) -> None:
        """Drop all resident blocks but ``blocks``."""
        self._staged.retain(frozenset(blocks))

    def _size(self, name: Hashable) -> int:
        assert isinstance(name, int)
        return self._size_of(name)

    def _read(self, key: Hashable, _: Any) -> None:
        block = name_of(key)
        assert isinstance(block, int)
        size_bytes = self._size_of(block)
        self.seconds += self._model.load_s(
            size_bytes,
            again=self._is_cached(block, size_bytes),
            in_model_file=self._in_model_files,
        )
        self.bytes += size_bytes

    def _is_cached(self, block: int, size_bytes: int) -> bool:
        is_cached = self._cached.pop(block, None) is not None
        self._cached[block] = size_bytes
        if not is_cached:
            self._cached_bytes += size_bytes
            while self._cached_bytes > self._page_cache_bytes:
                _, gone_bytes = self._cached.popitem(last=False)
                self._cached_bytes -= gone_bytes
        return is_cached
