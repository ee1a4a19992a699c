"""Running statistics for freshly initialised normalisation layers.

A batch norm layer that was never trained claims mean 0 and variance 1 of whatever it sees;
in a deep network activations then grow by orders of magnitude from block to block, and
scores mean nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


def set_statistics(block: nn.Module, inputs: Tensor) -> None:
    """Set the running statistics of the block's batch norm layers to those of ``inputs``.

    ``inputs`` is [B, …], what the block before gives for one batch of real items. All else
    of the block stays as it is, and it is in evaluation mode afterwards.
    """
    layers = [layer for layer in block.modules() if isinstance(layer, _BatchNorm)]
    momenta = [layer.momentum for layer in layers]
    block.eval()
    for layer in layers:
        layer.train()
        layer.momentum = 1.0  # the batch's statistics replace the old ones
    with torch.inference_mode():
        block(inputs)
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
    block.eval()


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one thread, so that sums have one order and results one set of bits."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
