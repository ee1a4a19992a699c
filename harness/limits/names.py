"""Names of groups: they say which process made them, so that a dead one's can be removed."""

from __future__ import annotations

import itertools
import os
import re
from pathlib import Path

MARK = "ALSATIAN_BENCH_RUN"
"""Environment variable that every process of a run inherits; its value is the run's name."""

_NAME = re.compile(r"alsatian-bench-(?P<pid>\d+)-(?P<start>\d+)-\d+")
_numbers = itertools.count()


def new_name() -> str:
    """A name that no other group of this machine has had since it started."""
    return f"alsatian-bench-{os.getpid()}-{start_ticks(os.getpid())}-{next(_numbers)}"


def is_leftover(name: str) -> bool:
    """Whether ``name`` is a group of ours whose maker is gone (its number may live on)."""
    match = _NAME.fullmatch(name)
    return match is not None and start_ticks(int(match["pid"])) != int(match["start"])


def start_ticks(pid: int) -> int | None:
    """When a process started, in clock ticks since boot; None if there is none."""
    fields = _stat(pid)
    return None if fields is None else int(fields[19])


def is_running(pid: int, start: int | None) -> bool:
    """Whether the process that started at ``start`` runs: zombies have given all back."""
    fields = _stat(pid)
    return fields is not None and int(fields[19]) == start and fields[0] not in "ZX"


def _stat(pid: int) -> list[str] | None:
    """The fields of ``/proc/<pid>/stat`` from the third on (the state)."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The second field is the program's name in brackets and may hold spaces and brackets.
    return text.rpartition(")")[2].split()
