"""What the kernel counts of a run's memory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True, slots=True)
class MemoryUse:
    """One reading; None is "not known"."""

    limit_bytes: int | None = None
    """As the kernel holds it: rounded to pages."""
    peak_bytes: int | None = None
    """The most that was charged at once, page cache and children included."""
    oom_kills: int | None = None
    """Processes that the kernel killed for want of memory."""
    swap_off: bool = False


def machine_swaps() -> bool:
    """Whether this machine has swap space in use or to use."""
    try:
        return len(Path("/proc/swaps").read_text().splitlines()) > 1
    except OSError:
        return False
