"""From the store to the device: reading a block's tensors and binding them to its skeleton."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from systems.execution.device_copies import CopiedBlock, CopyStream
from systems.models.skeleton import BoundBlock, Skeleton, SkeletonPool
from systems.store.store import BlockRef, BlockStore


class BlockLoading:
    """Makes stored blocks runnable; for several threads at once.

    Binding does not run a skeleton's module, so it may happen while another thread runs it.
    """

    def __init__(
        self,
        store: BlockStore,
        skeletons: SkeletonPool,
        *,
        device: str,
        memory_format: torch.memory_format,
    ) -> None:
        self._store = store
        self._skeletons = skeletons
        self._device = device
        self._memory_format = memory_format
        self._building = threading.Lock()

    def load(self, ref: BlockRef) -> BoundBlock:
        """Read a block and bind it, on the calling thread and its stream."""
        return self._bind(ref, self._store.read_block(ref.hash))

    def read_pinned(self, ref: BlockRef) -> dict[str, Tensor]:
        """Read a block into memory that the device can copy from by itself."""
        return {name: t.pin_memory() for name, t in self._store.read_block(ref.hash).items()}

    def copying(self) -> Callable[[BlockRef, Mapping[str, Tensor]], CopiedBlock]:
        """What copies a block that was read to the device and binds it, on a stream of its own."""
        copies = CopyStream(self._device)

        def place(ref: BlockRef, tensors: Mapping[str, Tensor]) -> CopiedBlock:
            return copies.place(lambda: self._bind(ref, tensors))

        return place

    def _bind(self, ref: BlockRef, tensors: Mapping[str, Tensor]) -> BoundBlock:
        return self._skeleton(ref).bind(
            tensors, device=self._device, memory_format=self._memory_format
        )

    def _skeleton(self, ref: BlockRef) -> Skeleton:
        with self._building:
            return self._skeletons.skeleton(ref.architecture)
