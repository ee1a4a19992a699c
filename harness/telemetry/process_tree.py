"""The worker and all its descendants, as they come and go."""

from __future__ import annotations

import os
from pathlib import Path

from harness.telemetry.procfs import KernelFile, fields

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class ProcessTree:
    """The processes below ``root``; those of the control group too, where one is given.

    Who has been seen once stays a member until it ends, also when its parent has ended.
    """

    def __init__(self, root: int, cgroup: Path | None = None) -> None:
        self.root = root
        self._members: dict[int, _Process] = {root: _Process(root)}
        self._group = None if cgroup is None else KernelFile(cgroup / "cgroup.procs")
        self._cpu_s = 0.0
        self._disk_bytes = (0, 0)

    @property
    def pids(self) -> frozenset[int]:
        """Who is in the tree, as of the last :meth:`refresh`."""
        return frozenset(self._members)

    def refresh(self) -> None:
        """Look for new children."""
        found = {int(pid) for pid in ((self._group and self._group.read()) or b"").split()}
        waiting = list(self._members)
        while waiting:
            new = [pid for pid in _children(waiting.pop()) if pid not in self._members]
            found.update(new)
            waiting += new
            for pid in new:
                self._members[pid] = _Process(pid)
        for pid in found - self._members.keys():
            self._members[pid] = _Process(pid)

    def sample(self) -> tuple[float, int, int] | None:
        """Processor seconds so far, resident bytes, number of processes; None: all gone."""
        ticks = resident = 0
        for pid, process in list(self._members.items()):
            text = process.stat.read()
            if text is None:
                self._members.pop(pid).close()
                continue
            # After the command's name, which may hold anything, blanks and ")" included.
            values = text[text.rindex(b")") + 2 :].split()
            # utime, stime, and of ended children that were waited for, cutime and cstime
            ticks += int(values[11]) + int(values[12]) + int(values[13]) + int(values[14])
            resident += int(values[21])
        if not self._members:
            return None
        # A child that nobody waited for takes its time with it: never count backwards.
        self._cpu_s = max(self._cpu_s, ticks / TICKS_PER_S)
        return self._cpu_s, resident * PAGE_BYTES, len(self._members)

    def disk_bytes(self) -> tuple[int, int] | None:
        """Bytes fetched from and sent to storage so far; None without permission."""
        totals = [0, 0]
        is_known = False
        for process in self._members.values():
            text = process.io.read()
            if text is not None:
                values = fields(text)
                totals[0] += values[b"read_bytes"]
                totals[1] += values[b"write_bytes"]
                is_known = True
        if not is_known:
            return None
        # An ended child's bytes pass to its parent only if that waits for it.
        self._disk_bytes = (
            max(self._disk_bytes[0], totals[0]),
            max(self._disk_bytes[1], totals[1]),
        )
        return self._disk_bytes

    def pss_bytes(self) -> int | None:
        """Resident bytes with shared pages divided; slow: the kernel walks the page tables."""
        total = None
        for pid in list(self._members):
            text = _read(f"/proc/{pid}/smaps_rollup")
            if text:
                total = (total or 0) + fields(text).get(b"Pss", 0) * 1024
        return total

    def peak_rss_bytes(self) -> int | None:
        """The root's own peak as the kernel keeps it."""
        peak = fields(_read(f"/proc/{self.root}/status") or b"").get(b"VmHWM")
        return None if peak is None else peak * 1024

    def cores(self) -> list[int] | None:
        """Where the root may run."""
        try:
            return sorted(os.sched_getaffinity(self.root))
        except OSError:
            return None


class _Process:
    __slots__ = ("io", "stat")

    def __init__(self, pid: int) -> None:
        self.stat = KernelFile(f"/proc/{pid}/stat")
        self.io = KernelFile(f"/proc/{pid}/io")

    def close(self) -> None:
        self.stat.close()
        self.io.close()


def _children(pid: int) -> list[int]:
    children: list[int] = []
    try:
        # A child is listed with the thread that has started it.
        for thread in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208 - once a second, cheap
            listed = _read(f"/proc/{pid}/task/{thread}/children")
            children += map(int, (listed or b"").split())
    except OSError:
        pass
    return children


def _read(path: str) -> bytes | None:
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - once a second, cheap
            return file.read()
    except OSError:
        return None
