"""A limit on how fast a run reads from the disk that holds the store, by the kernel.

The kernel holds *all* reads of the run from that disk to the rate, in slices of 100 ms, so
that short reads overshoot: at 200 MB/s on one machine 202 MB/s over 420 MB, 228 over 210,
465 over 17. Pages that are cached pass. Pacing in the store has neither flaw and is the
default; this stands for what reads past the store.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from harness.limits import cgroup_v2
from harness.limits.groups import write
from harness.limits.hierarchies import own_group_v1


class DiskThrottle:
    """A blkio group of cgroup v1, or a line in the run's own group of cgroup v2."""

    def __init__(self, name: str, *, path: Path, bytes_per_s: int) -> None:
        self._device = disk_of(path)
        self._bytes_per_s = bytes_per_s
        self._is_v1 = _v1_parent() is not None
        parent = _v1_parent() or cgroup_v2.origin()
        self.group = parent / name

    @property
    def joined(self) -> list[Path]:
        """The files that a process writes 0 to in order to enter."""
        return [self.group / "cgroup.procs"]

    def open(self) -> None:
        """Set the limit.

        Raises:
            LookupError: nothing can throttle here, with the reason.
            OSError: the kernel refuses (a disk that cannot be throttled, say).
        """
        if self._is_v1:
            self.group.mkdir()
            name, value = "blkio.throttle.read_bps_device", f"{self._device} {self._bytes_per_s}"
        else:
            cgroup_v2.hand_down(self.group.parent, "io")
            self.group.mkdir(exist_ok=True)
            name, value = "io.max", f"{self._device} rbps={self._bytes_per_s}"
        try:
            write(self.group, name, value)
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Remove the group if nothing else uses it."""
        with suppress(OSError):
            self.group.rmdir()
        cgroup_v2.withdraw(self.group.parent)


def disk_of(path: Path) -> str:
    """Major and minor number of the whole disk that holds ``path``.

    Raises:
        LookupError: the file system is on no disk of its own, with the reason.
    """
    device = path.stat().st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    entry = Path("/sys/dev/block") / number
    if not entry.exists():
        raise LookupError(f"the file system of {path} is on no disk that could be throttled")
    if (entry / "partition").exists():
        return (entry.resolve().parent / "dev").read_text().strip()
    return number


def obstacle(path: Path) -> str | None:
    """Why the kernel cannot throttle reads from the disk of ``path``; None if it can."""
    try:
        disk_of(path)
        parent = _v1_parent()
        if parent is None:
            return cgroup_v2.obstacle(cgroup_v2.origin(), "io")
    except (LookupError, OSError) as error:
        return str(error)
    return None if os.access(parent, os.W_OK) else f"the group {parent} may not be written to"


def _v1_parent() -> Path | None:
    try:
        return own_group_v1("blkio")
    except LookupError:
        return None
