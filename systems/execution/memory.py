"""How much memory a search may count on."""

from __future__ import annotations

import sys
from pathlib import Path

import psutil

_LIMITS = ("memory.max", "memory/memory.limit_in_bytes")
"""Of cgroups version 2 and 1, as a container sees its own."""
SHARE = 0.7
"""Of the free memory; the rest is for decoded items, features, heads and the kernels' own."""


def available_bytes(device: str, *, limit_bytes: int | None = None) -> int:
    """Bytes that parameters, intermediates and scratch memory of blocks may take on ``device``.

    Args:
        device: ``cpu`` or a CUDA device.
        limit_bytes: the most that the process may take there, if it is limited.
    """
    if device == "cpu":
        free_bytes = psutil.virtual_memory().available
        taken_bytes = psutil.Process().memory_info().rss
        limits = [limit for limit in (limit_bytes, container_limit()) if limit is not None]
        limit_bytes = min(limits, default=None)
    else:
        import torch  # predictions ask for SHARE without it

        free_bytes = torch.cuda.mem_get_info(device)[0]
        taken_bytes = torch.cuda.memory_reserved(device)
    if limit_bytes is not None:
        free_bytes = min(free_bytes, max(0, limit_bytes - taken_bytes))
    return int(SHARE * free_bytes)


def memory_size_bytes(device: str) -> int:
    """All memory of ``device``, or what the container may take of it."""
    if device != "cpu":
        import torch

        return int(torch.cuda.get_device_properties(device).total_memory)
    return min(psutil.virtual_memory().total, container_limit() or sys.maxsize)


def container_limit(cgroups: Path = Path("/sys/fs/cgroup")) -> int | None:
    """The memory that the container may take, in bytes; None where nothing says so.

    The machine's free memory says nothing of it.
    """
    for name in _LIMITS:
        try:
            limit = int((cgroups / name).read_text())
        except (OSError, ValueError):  # not there, or the word "max"
            continue
        if limit < psutil.virtual_memory().total:
            return limit
    return None
