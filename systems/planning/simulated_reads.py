"""Reading blocks in a simulated search: what is resident, what the page cache still holds."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterable, Set
from dataclasses import dataclass, field

from systems.planning.cost_model import CostModel


@dataclass(kw_only=True, slots=True)
class SimulatedReads:
    """Adds up the seconds of reading blocks, each by its own number.

    A block that has not been read, or has left the page cache since (least recently used
    first), is read at the store's rate, any other at the page cache's.
    """

    model: CostModel
    page_cache_bytes: float = math.inf
    in_model_files: bool = False
    """Whether each model has a file of its own."""
    seconds: float = 0.0
    """Of all reads so far."""
    blocks: int = 0
    bytes: int = 0
    _resident: set[int] = field(default_factory=set)
    _cached: OrderedDict[int, int] = field(default_factory=OrderedDict)
    _cached_bytes: int = 0

    def acquire(self, block: int, size_bytes: int) -> float:
        """Seconds until block ``block`` is resident; 0 if it is."""
        if block in self._resident:
            return 0.0
        self._resident.add(block)
        taken_s = self.model.load_s(
            size_bytes,
            again=self._is_cached(block, size_bytes),
            in_model_file=self.in_model_files,
        )
        self.seconds += taken_s
        self.blocks += 1
        self.bytes += size_bytes
        return taken_s

    @property
    def resident(self) -> Set[int]:
        """The blocks that are there."""
        return self._resident

    def retain(self, blocks: Set[int] | Iterable[int]) -> None:
        """Drop all resident blocks but ``blocks``."""
        self._resident &= set(blocks)

    def _is_cached(self, block: int, size_bytes: int) -> bool:
        is_cached = self._cached.pop(block, None) is not None
        self._cached[block] = size_bytes
        if not is_cached:
            self._cached_bytes += size_bytes
            while self._cached_bytes > self.page_cache_bytes:
                _, gone_bytes = self._cached.popitem(last=False)
                self._cached_bytes -= gone_bytes
        return is_cached
