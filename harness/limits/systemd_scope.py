"""A transient systemd scope: how a user without a group to arrange gets one.

``systemd-run --scope`` starts the scope and becomes the program. systemd removes the group,
counters and all, when the last process has left it. So the launcher leaves a keeper inside,
a small process that is ended after the counters have been read.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from harness.limits.cgroup_v2 import memory_use
from harness.limits.groups import end_processes, members
from harness.limits.hierarchies import own_group_v2
from harness.limits.launcher import KEEP
from harness.limits.memory import MemoryUse

_ASK_LIMIT_S = 10.0
_PROBE_BYTES = 64 * 2**20
_OOM_POLICY_SINCE = 253


class SystemdScope:
    """A run's scope, of the user's systemd or of the system's."""

    mechanism = "systemd-scope"
    is_weaker = False
    groups: tuple[Path, ...] = ()
    joined: tuple[Path, ...] = ()

    def __init__(self, name: str, *, memory_bytes: int) -> None:
        self._manager = "--system" if os.geteuid() == 0 else "--user"
        self._unit = f"{name}.scope"
        self._memory_bytes = memory_bytes

    def open(self) -> None:
        """See whether this systemd can hold a scope to a memory limit; the scope comes later.

        Raises:
            LookupError: it cannot, with the reason.
        """
        if reason := obstacle(self._manager):
            raise LookupError(reason)

    def close(self) -> None:
        """End the keeper, and with it the scope."""
        end_processes(self._members)

    def prefix(self) -> list[str]:
        """What stands before the command line of the run."""
        return _scope_command(self._manager, self._unit, self._memory_bytes)

    def processes(self) -> list[int]:
        """Who is inside, but for the keeper."""
        return [pid for pid in self._members() if not _is_keeper(pid)]

    def memory_use(self) -> MemoryUse:
        """What the kernel has counted; nothing if the run has not begun."""
        group = self._group()
        return MemoryUse(swap_off=True) if group is None else memory_use(group)

    def _members(self) -> list[int]:
        group = self._group()
        return [] if group is None else members(group)

    def _group(self) -> Path | None:
        command = ["systemctl", self._manager, "show", "-p", "ControlGroup", "--value", self._unit]
        place = _answer(command)
        return None if place is None or not place.strip() else _top() / place.strip().lstrip("/")


def obstacle(manager: str) -> str | None:
    """Why ``systemd-run`` cannot hold a scope to a memory limit here; None if it can."""
    if shutil.which("systemd-run") is None:
        return "systemd-run is not installed"
    try:
        top = _top()
    except LookupError as error:
        return str(error)
    show = ["sh", "-c", 'cat "$0$(sed -n s/^0:://p /proc/self/cgroup)/memory.max"', str(top)]
    name = f"alsatian-bench-probe-{os.getpid()}.scope"
    answer = _answer([*_scope_command(manager, name, _PROBE_BYTES), *show])
    if answer is None:
        return f"systemd-run {manager} --scope does not work here (no systemd, or no bus)"
    if answer.strip() != str(_PROBE_BYTES):
        return f"systemd-run {manager} --scope sets no memory limit (controller not delegated)"
    return None


def _scope_command(manager: str, unit: str, memory_bytes: int) -> list[str]:
    properties = [f"MemoryMax={memory_bytes}", "MemorySwapMax=0"]
    if _version() >= _OOM_POLICY_SINCE:
        properties.append("OOMPolicy=continue")  # or the keeper is stopped with the rest
    flags = [flag for value in properties for flag in ("-p", value)]
    return ["systemd-run", manager, "--scope", "--quiet", "--collect", f"--unit={unit}", *flags]


def _version() -> int:
    match = re.match(r"systemd (\d+)", _answer(["systemd-run", "--version"]) or "")
    return int(match[1]) if match else 0


def _top() -> Path:
    """The folder that systemd's group names count from.

    Raises:
        LookupError: there is no cgroup v2 here, with the reason.
    """
    return own_group_v2(own="0::/")


def _is_keeper(pid: int) -> bool:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return KEEP.encode() in words and any(word.endswith(b"launcher.py") for word in words)


def _answer(command: list[str]) -> str | None:
    """Standard output of ``command``; None if it fails or hangs."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=_ASK_LIMIT_S
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout
