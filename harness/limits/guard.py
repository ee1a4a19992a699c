"""A small process that takes a run's walls down if the supervisor cannot.

``python -m harness.limits.guard PLAN``. Its standard input is a pipe that only the
supervisor holds: it ends when the supervisor has, however that came about (kill -9 too).
Then whatever is left of the run is killed and its groups are removed.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from harness.limits.cgroup_v2 import withdraw
from harness.limits.groups import WallsError, end_processes, marked, members, remove


class Guard:
    """The guard as the supervisor sees it; from ``__init__`` on, the run is looked after."""

    def __init__(self, name: str, groups: list[Path]) -> None:
        plan = json.dumps({"name": name, "groups": [str(group) for group in groups]})
        root = Path(__file__).resolve().parents[2]
        self._process = subprocess.Popen(
            [sys.executable, "-c", _START, str(root), plan],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # a kill of the supervisor's process group passes it by
        )

    def dismiss(self) -> None:
        """End the guard, the walls being down."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


_START = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from harness.limits.guard import main; main(sys.argv[2])"
)


def main(plan_text: str) -> None:
    """Wait for the end of the supervisor, then clean up after it."""
    plan = json.loads(plan_text)
    sys.stdin.buffer.read()
    groups = [Path(group) for group in plan["groups"]]

    def left() -> list[int]:
        return [pid for group in groups for pid in members(group)] + marked(plan["name"])

    try:
        end_processes(left)
    finally:
        for group in groups:
            try:
                remove(group)
            except WallsError:
                continue  # the next run's start tries again
            withdraw(group.parent)
