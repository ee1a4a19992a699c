"""Control groups, version 1: a run's memory group below the process's own."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from harness.limits.groups import members, read_field, read_number, write
from harness.limits.hierarchies import own_group_v1
from harness.limits.memory import MemoryUse, machine_swaps

MEMSW_MARGIN_BYTES = 2**20
"""Memory and swap together may exceed memory by this, so that the kernel judges by memory."""


class CgroupV1:
    """A run's group in the memory hierarchy of cgroup v1."""

    mechanism = "cgroup-v1"
    is_weaker = False

    def __init__(self, name: str, *, memory_bytes: int | None) -> None:
        self.group = own_group_v1("memory") / name
        self._memory_bytes = memory_bytes
        self._swap_off = not machine_swaps()

    @property
    def groups(self) -> list[Path]:
        """The folder that this makes."""
        return [self.group]

    @property
    def joined(self) -> list[Path]:
        """The files that a process writes 0 to in order to enter."""
        return [self.group / "cgroup.procs"]

    def open(self) -> None:
        """Make the group and set its limits.

        Raises:
            LookupError: the group may not be made here, with the reason.
            OSError: the kernel refuses.
        """
        if reason := obstacle(self.group.parent):
            raise LookupError(reason)
        self.group.mkdir()
        if self._memory_bytes is None:
            return
        try:
            self._set_limits(self._memory_bytes)
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Nothing but the group itself is to be undone."""
        with suppress(OSError):
            self.group.rmdir()

    def processes(self) -> list[int]:
        """Who is inside."""
        return members(self.group)

    def memory_use(self) -> MemoryUse:
        """What the kernel has counted.

        Never ``memory.failcnt``: it also rises when page cache is reclaimed.
        """
        return MemoryUse(
            limit_bytes=None
            if self._memory_bytes is None
            else read_number(self.group, "memory.limit_in_bytes"),
            peak_bytes=read_number(self.group, "memory.max_usage_in_bytes"),
            oom_kills=read_field(self.group, "memory.oom_control", "oom_kill"),
            swap_off=self._swap_off,
        )

    def _set_limits(self, limit_bytes: int) -> None:
        write(self.group, "memory.limit_in_bytes", str(limit_bytes))
        # Without swap accounting (a boot option) there is no such file: swappiness 0 then
        # keeps anonymous pages in memory, which v1 heeds within a group's own limit.
        if (self.group / "memory.memsw.limit_in_bytes").exists():
            total = limit_bytes + MEMSW_MARGIN_BYTES
            write(self.group, "memory.memsw.limit_in_bytes", str(total))
        write(self.group, "memory.swappiness", "0")
        self._swap_off = True


def obstacle(own: Path) -> str | None:
    """Why no group can be made below ``own``; None if one can."""
    if not os.access(own, os.W_OK):
        return f"the group {own} may not be written to"
    return None
