"""Copies of blocks to a CUDA device beside its computation.

Not measured yet: written to the rules of CUDA streams and of PyTorch's caching allocators,
without a device at hand.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from systems.models.skeleton import BoundBlock


class CopiedBlock:
    """A runnable block whose tensors may still be on their way to the device."""

    __slots__ = ("_bound", "_copied", "_device", "is_joined")

    def __init__(
        self, bound: BoundBlock, *, device: torch.device, copied: torch.cuda.Event
    ) -> None:
        self._bound = bound
        self._device = device
        self._copied = copied
        self.is_joined = False
        """Whether the computing stream waits for the copy; it must before the block runs."""

    def __call__(self, x: Tensor, *side: Tensor) -> Tensor:
        """Run the block on one batch, in inference mode."""
        return self._bound(x, *side)

    def join(self) -> None:
        """Let the calling thread's current stream wait for the copy; the thread itself goes on.

        The tensors are recorded on that stream, so that the allocator does not give their
        memory, which belongs to the copying stream, to a later copy while a computation
        that was handed out still reads it.
        """
        stream = torch.cuda.current_stream(self._device)
        stream.wait_event(self._copied)
        for tensor in self._bound.tensors():
            tensor.record_stream(stream)
        self.is_joined = True


class CopyStream:
    """A stream of its own for copies to ``device``."""

    def __init__(self, device: str) -> None:
        self._device = torch.device(device)
        self._stream = torch.cuda.Stream(self._device)

    def place(self, bind: Callable[[], BoundBlock]) -> CopiedBlock:
        """Run ``bind``, which copies pinned tensors to the device and makes a block of them.

        The calling thread waits for its copies; the computing stream does not.
        """
        with torch.cuda.stream(self._stream):
            bound = bind()
            copied = self._stream.record_event()
        return CopiedBlock(bound, device=self._device, copied=copied)
