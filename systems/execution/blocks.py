"""Blocks on the device: read from the store, bound to their skeletons, kept or dropped."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from torch import Tensor

from systems.store.store import BlockRef
from systems.tracing import Tracer

RunnableBlock = Callable[..., Tensor]


class BlockSource:
    """Hands out runnable blocks by hash, and counts what that reads from the store."""

    def __init__(
        self,
        refs: Mapping[str, BlockRef],
        *,
        load: Callable[[BlockRef], RunnableBlock],
        tracer: Tracer,
    ) -> None:
        self._refs = refs
        self._load = load
        self._tracer = tracer
        self._resident: dict[str, RunnableBlock] = {}
        self._resident_bytes = 0

    def acquire(self, block: str) -> RunnableBlock:
        """The block with hash ``block``, read now if it is not resident."""
        runnable = self._resident.get(block)
        if runnable is None:
            ref = self._refs[block]
            with self._tracer.span("prepare_model", block=ref.architecture, bytes=ref.tensor_bytes):
                runnable = self._load(ref)
            self._resident[block] = runnable
            self._tracer.count("blocks_read", 1)
            self._tracer.count("bytes_read", ref.tensor_bytes)
            self._resident_bytes += ref.tensor_bytes
            self._tracer.peak("resident_parameters_peak_bytes", self._resident_bytes)
        return runnable

    def release(self, block: str) -> None:
        """Drop one block."""
        with self._tracer.span("prepare_model"):
            del self._resident[block]
        self._resident_bytes -= self._refs[block].tensor_bytes

    def retain(self, blocks: Collection[str]) -> None:
        """Drop all resident blocks but ``blocks``."""
        for block in [block for block in self._resident if block not in blocks]:
            self.release(block)
