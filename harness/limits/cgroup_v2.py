"""Control groups, version 2: a run's group below the process's own.

A group that holds processes cannot hand controllers to groups below it (the kernel says
EBUSY). So the processes of the own group step aside into a leaf, :data:`HOME`, while runs go
on, and come back with the last. That is done where the group is ours to arrange: nobody but
this process is in it, or it is the top of a container's own tree.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from harness.limits.groups import members, read_field, read_number, write
from harness.limits.hierarchies import own_group_v2
from harness.limits.memory import MemoryUse, machine_swaps

HOME = "alsatian-bench-home"
"""The leaf in which the own group's processes wait."""

_OURS = "alsatian-bench-*"


class CgroupV2:
    """A run's group in the cgroup v2 hierarchy, with the ``controllers`` it needs."""

    mechanism = "cgroup-v2"
    is_weaker = False

    def __init__(self, name: str, *, memory_bytes: int | None) -> None:
        self.origin = origin()
        self.group = self.origin / name
        self._memory_bytes = memory_bytes

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
            LookupError: this hierarchy cannot limit memory here, with the reason.
            OSError: the kernel refuses.
        """
        hand_down(self.origin, "memory")
        try:
            self.group.mkdir()
            if self._memory_bytes is not None:
                set_memory_limit(self.group, self._memory_bytes)
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Bring the own group's processes back, once the run's group is removed."""
        with suppress(OSError):
            self.group.rmdir()
        withdraw(self.origin)

    def processes(self) -> list[int]:
        """Who is inside."""
        return members(self.group)

    def memory_use(self) -> MemoryUse:
        """What the kernel has counted."""
        return memory_use(self.group)


def origin() -> Path:
    """The group below which runs get theirs: the own one, or the one it stepped aside from.

    Raises:
        LookupError: there is no cgroup v2 here, with the reason.
    """
    own = own_group_v2()
    return own.parent if own.name == HOME else own


def set_memory_limit(group: Path, limit_bytes: int) -> None:
    """Hold ``group`` to ``limit_bytes`` of memory, page cache included, and no swap."""
    write(group, "memory.max", str(limit_bytes))
    if (group / "memory.swap.max").exists():
        write(group, "memory.swap.max", "0")
    if (group / "memory.oom.group").exists():
        write(group, "memory.oom.group", "1")  # no half-dead run: all of it goes


def memory_use(group: Path) -> MemoryUse:
    """What the kernel has counted in a group of version 2."""
    swap_limit = read_number(group, "memory.swap.max")
    return MemoryUse(
        limit_bytes=read_number(group, "memory.max"),
        peak_bytes=read_number(group, "memory.peak"),  # since Linux 5.19
        oom_kills=read_field(group, "memory.events", "oom_kill"),
        swap_off=swap_limit == 0 or not machine_swaps(),
    )


def obstacle(group: Path, controller: str) -> str | None:
    """Why ``group`` cannot hand ``controller`` to a group below it; None if it can."""
    if not os.access(group, os.W_OK):
        return f"the group {group} may not be written to"
    if controller in _words(group / "cgroup.subtree_control"):
        return None
    if controller not in _words(group / "cgroup.controllers"):
        return f"the group {group} has no {controller} controller"
    if _is_container_top(group):
        return None
    others = [pid for pid in _direct_members(group) if pid != os.getpid()]
    if others:
        return (
            f"the group {group} holds {len(others)} other processes; start the command in a "
            "group of its own: systemd-run --user --scope -p Delegate=yes alsatian-bench …"
        )
    return None


def hand_down(group: Path, controller: str) -> None:
    """Let groups below ``group`` use ``controller``; its processes step aside if they must.

    Raises:
        LookupError: that cannot be done, with the reason.
        OSError: the kernel refuses.
    """
    if reason := obstacle(group, controller):
        raise LookupError(reason)
    if controller in _words(group / "cgroup.subtree_control"):
        return
    try:
        if (group / "cgroup.type").exists():  # the machine's topmost group is exempt
            _move(group, group / HOME)
        write(group, "cgroup.subtree_control", f"+{controller}")
    except OSError:
        withdraw(group)
        raise


def withdraw(group: Path) -> None:
    """Undo :func:`hand_down`, unless a run still goes on below ``group``."""
    home = group / HOME
    if not home.exists() or any(path != home for path in group.glob(_OURS)):
        return
    handed_down = _words(group / "cgroup.subtree_control")
    with suppress(OSError):
        write(group, "cgroup.subtree_control", " ".join(f"-{name}" for name in handed_down))
        _move(home, group)
        home.rmdir()


def _move(source: Path, target: Path) -> None:
    """Move all processes of ``source``; again, as long as new ones were born there."""
    target.mkdir(exist_ok=True)
    while pids := _direct_members(source):
        for pid in pids:
            with suppress(ProcessLookupError):
                write(target, "cgroup.procs", str(pid))


def _direct_members(group: Path) -> list[int]:
    return [int(line) for line in (group / "cgroup.procs").read_text().split()]


def _is_container_top(group: Path) -> bool:
    """Whether ``group`` is the top of a namespaced tree, where all processes are ours."""
    is_top = not (group.parent / "cgroup.procs").exists()
    return is_top and (group / "cgroup.type").exists()


def _words(file: Path) -> list[str]:
    try:
        return file.read_text().split()
    except OSError:
        return []
