"""Started in place of the worker, goes behind the walls, and becomes the worker.

A program of its own, standard library only, run by path (``python -I -S launcher.py``, some
15 ms): between fork and exec of a process with threads, Python code is not safe.

``launcher.py '{"name": …, "parent": …, "join": […], …}' PROGRAM ARGUMENT…``
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import sys
import time
from typing import Any

MARK = "ALSATIAN_BENCH_RUN"
LAUNCH_FAILED = 125
"""Exit code when the walls could not be entered; the program has not been started."""

KEEP = "keep"
_LOOK_S = 0.5


def main(plan: dict[str, Any], command: list[str]) -> int:
    """Carry out ``plan`` on this process, then become ``command``."""
    set_parent_death_signal = 1
    ctypes.CDLL(None).prctl(set_parent_death_signal, int(signal.SIGKILL))
    if os.getppid() != plan["parent"]:
        return LAUNCH_FAILED  # the supervisor died before the line above
    variables = {**os.environ, MARK: plan["name"]}
    try:
        if plan["keeper"]:
            _leave_keeper(plan["parent"], variables)
        for group in plan["join"]:
            with open(group, "w") as file:  # noqa: PTH123 - pathlib costs 10 ms to import
                file.write("0")
        if plan["cores"]:
            os.sched_setaffinity(0, plan["cores"])
        if plan["data_limit_bytes"]:
            limit = plan["data_limit_bytes"]
            resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
        os.execvpe(command[0], command, variables)
    except OSError as error:
        print(f"The run could not go behind its walls: {error}.", file=sys.stderr)
    return LAUNCH_FAILED


def _leave_keeper(parent: int, variables: dict[str, str]) -> None:
    """Leave a small process behind, so that the group's counters outlive the worker.

    It is nobody's child and in a session of its own: who signals or waits for the worker's
    processes does not meet it.
    """
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    os.setsid()
    if os.fork():
        os._exit(0)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    os.closerange(3, 1024)
    arguments = [sys.executable, "-I", "-S", os.path.abspath(__file__), KEEP, str(parent)]  # noqa: PTH100
    os.execve(sys.executable, arguments, variables)


def keep(parent: int) -> int:
    """Stay until killed, or until the supervisor is gone."""
    while os.path.exists(f"/proc/{parent}"):  # noqa: PTH110
        time.sleep(_LOOK_S)
    return 0


if __name__ == "__main__":
    if sys.argv[1] == KEEP:
        sys.exit(keep(int(sys.argv[2])))
    sys.exit(main(json.loads(sys.argv[1]), sys.argv[2:]))
