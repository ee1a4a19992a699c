"""No group to be had: processes are found by a mark, memory limited per process or not."""

from __future__ import annotations

from pathlib import Path

from harness.limits.groups import marked
from harness.limits.memory import MemoryUse, machine_swaps


class Unfenced:
    """A run whose processes carry its name in their environment.

    ``RLIMIT_DATA`` fits torch better than ``RLIMIT_AS`` (which counts reserved addresses),
    but it counts per process, without page cache, and ends in a MemoryError: weaker.
    """

    groups: tuple[Path, ...] = ()
    joined: tuple[Path, ...] = ()

    def __init__(self, name: str, *, memory_bytes: int | None) -> None:
        self._name = name
        self.data_limit_bytes = memory_bytes
        self.mechanism = None if memory_bytes is None else "rlimit"
        self.is_weaker = memory_bytes is not None

    def open(self) -> None:
        """Nothing to make."""

    def close(self) -> None:
        """Nothing to undo."""

    def processes(self) -> list[int]:
        """Who carries the mark."""
        return marked(self._name)

    def memory_use(self) -> MemoryUse:
        """Only what was asked for: nobody counts."""
        return MemoryUse(limit_bytes=self.data_limit_bytes, swap_off=not machine_swaps())
