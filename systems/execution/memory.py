"""How much memory a search may count on."""

from __future__ import annotations

import psutil
import torch

SHARE = 0.7
"""Of the free memory; the rest is for decoded items, features, heads and the kernels' own."""


def available_bytes(device: str, *, limit_bytes: int | None = None) -> int:
    """Bytes that parameters and intermediates may take on ``device``.

    Args:
        device: ``cpu`` or a CUDA device.
        limit_bytes: the most that the process may take there, if it is limited.
    """
    if device == "cpu":
        free_bytes = psutil.virtual_memory().available
        taken_bytes = psutil.Process().memory_info().rss
    else:
        free_bytes = torch.cuda.mem_get_info(device)[0]
        taken_bytes = torch.cuda.memory_reserved(device)
    if limit_bytes is not None:
        free_bytes = min(free_bytes, max(0, limit_bytes - taken_bytes))
    return int(SHARE * free_bytes)
