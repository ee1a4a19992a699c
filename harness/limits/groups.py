"""One control group as a folder: who is in it, ending them all, removing it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from harness.limits.names import MARK, is_running, start_ticks
from systems.errors import BenchError

END_LIMIT_S = 10.0
"""How long killed processes may take to vanish (one in a stuck device call may)."""

_PAUSE_S = 0.005


class WallsError(BenchError):
    """A run's walls could not be set up or taken down as asked."""


def members(group: Path) -> list[int]:
    """The processes in ``group`` and in the groups below it; none if it does not exist."""
    pids: list[int] = []
    for folder, _, _ in os.walk(group):
        try:
            lines = Path(folder, "cgroup.procs").read_text().split()
        except OSError:
            continue
        # A process of another pid namespace reads as 0, which kill() takes for "all of mine".
        pids += [int(line) for line in lines if int(line) > 1]
    return pids


def marked(name: str) -> list[int]:
    """The processes whose environment carries the run's name, however they were detached."""
    mark = f"{MARK}={name}".encode()
    pids = []
    for path in Path("/proc").iterdir():
        if not path.name.isdigit() or int(path.name) == os.getpid():
            continue
        try:
            variables = (path / "environ").read_bytes().split(b"\0")
        except OSError:  # gone, or another user's
            continue
        if mark in variables:
            pids.append(int(path.name))
    return pids


def end_processes(listed: Callable[[], list[int]], *, limit_s: float = END_LIMIT_S) -> None:
    """Kill what ``listed`` names until it names nothing: children may be born meanwhile.

    Raises:
        WallsError: some are still there after ``limit_s``.
    """
    deadline = time.monotonic() + limit_s
    killed: set[tuple[int, int | None]] = set()
    while True:
        found = {(pid, start_ticks(pid)) for pid in listed()}
        # The kernel no longer lists a process that is about to give its memory back, which
        # takes seconds if it is much: the next run would feel that. So it is waited for.
        left = found | {process for process in killed if is_running(*process)}
        if not left:
            return
        if time.monotonic() > deadline:
            numbers = ", ".join(str(pid) for pid, _ in sorted(left, key=str))
            raise WallsError(
                f"Processes {numbers} were killed {limit_s:g} s ago and are still there; "
                "they hang in the kernel. Look at their state with ps, or restart the machine."
            )
        for pid, _ in found - killed:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        killed |= found
        time.sleep(_PAUSE_S)


def remove(group: Path, *, limit_s: float = END_LIMIT_S) -> None:
    """Remove an emptied ``group`` and the groups below it, and see that it is gone.

    Raises:
        WallsError: the kernel holds on to it for longer than ``limit_s``.
    """
    deadline = time.monotonic() + limit_s
    while group.exists():
        for folder, _, _ in os.walk(group, topdown=False):
            # Busy for a moment after the last process has left: hence the retries.
            with suppress(OSError):
                Path(folder).rmdir()
        if not group.exists():
            return
        if time.monotonic() > deadline:
            raise WallsError(
                f"The control group {group} could not be removed within {limit_s:g} s; "
                f"remove it with: rmdir {group}"
            )
        time.sleep(_PAUSE_S)


def write(group: Path, name: str, value: str) -> None:
    """Set one of the group's values; the kernel's refusal is an OSError."""
    (group / name).write_text(value)


def read_number(group: Path, name: str) -> int | None:
    """One of the group's numbers; None if this kernel has none, or no limit ("max")."""
    try:
        text = (group / name).read_text().strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None


def read_field(group: Path, name: str, field: str) -> int | None:
    """The number behind ``field`` in one of the group's key-value files; None if not there."""
    try:
        text = (group / name).read_text()
    except OSError:
        return None
    for line in text.splitlines():
        key, _, value = line.partition(" ")
        if key == field:
            return int(value)
    return None
