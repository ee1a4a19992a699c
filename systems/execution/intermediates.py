"""The intermediate cache: outputs that later blocks still need."""

from __future__ import annotations

from torch import Tensor


class IntermediateCache:
    """Intermediates by (vertex, batch), with their bytes added up and their peak kept."""

    def __init__(self) -> None:
        self._held: dict[tuple[int, int], Tensor] = {}
        self.resident_bytes = 0
        self.peak_bytes = 0

    def put(self, vertex: int, batch: int, value: Tensor) -> None:
        """Keep ``value``."""
        self._held[vertex, batch] = value
        self.resident_bytes += value.nbytes
        self.peak_bytes = max(self.peak_bytes, self.resident_bytes)

    def get(self, vertex: int, batch: int) -> Tensor:
        """The value that was put there."""
        return self._held[vertex, batch]

    def discard(self, vertex: int, batch: int) -> None:
        """Forget the value that was put there, if any (a streamed input never was)."""
        value = self._held.pop((vertex, batch), None)
        if value is not None:
            self.resident_bytes -= value.nbytes
