"""The sampler process: ``python -m harness.telemetry.sampler --pid PID --out FILE …``.

A sibling of the worker, so that measuring takes nothing from the measured process: it
imports neither torch nor anything that takes long to load, stays off the worker's cores
where it can, and holds itself to ``--budget`` of one core by sampling less often. It ends
when the worker has ended, on SIGTERM, or with the supervisor. The file's format stands in
:mod:`harness.telemetry.series`.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from harness.telemetry.host import Host, Row
from harness.telemetry.waiting import Waiting, appears

FORMAT = 1
SLOW_INTERVAL_S = 1.0
PSS_INTERVAL_S = 5.0
PSS_REST = 1000
"""After a PSS reading of one second, a pause of so many: the worker may wait meanwhile."""
BUDGET_INTERVAL_S = 4.0
"""Over so long the budget is to be kept."""
MAX_STRETCH = 20.0


@dataclass(kw_only=True, slots=True)
class _Task:
    group: str
    columns: list[str]
    interval_s: float
    read: Callable[[], Row]
    due_ns: int = 0
    samples: int = 0
    late: int = 0
    """Samplings that were due, but left out because another lasted too long."""


class Sampler:
    """Samples one worker into one file."""

    def __init__(self, arguments: argparse.Namespace, file: IO[bytes]) -> None:
        self._file = file
        self._pid = arguments.pid
        self._budget = arguments.budget
        self._stretch = self._longest_stretch = 1.0
        self._allowed = os.sched_getaffinity(0)
        self._cores: list[int] | None = None
        self._host = Host(arguments.pid, [Path(path) for path in arguments.cgroup])
        self._gpus, self._no_gpus = _open_gpus(is_wanted=arguments.gpus)
        self._turn = 0
        self._told: set[tuple[str, str]] = set()
        self._tasks = self._plan(arguments)
        self._begin()

    def run(self, wait: Callable[[float], str | None]) -> None:
        """Sample until ``wait(seconds)`` says why to stop."""
        why = None
        while why is None:
            now_ns = time.monotonic_ns()
            for task in self._tasks:
                if task.due_ns <= now_ns:
                    self._take_and_plan(task)
            next_ns = min(task.due_ns for task in self._tasks)
            why = wait(max(0.0, (next_ns - time.monotonic_ns()) / 1e9))
        for task in self._tasks:
            self._take(task)
        self._end(why)

    def _plan(self, arguments: argparse.Namespace) -> list[_Task]:
        host, gpus = self._host, self._gpus
        tasks = [
            _Task(group="host", columns=host.columns, interval_s=arguments.interval_s,
                  read=host.sample),
            _Task(group="slow", columns=list(host.slow_columns), interval_s=SLOW_INTERVAL_S,
                  read=self._slow_sample),
            _Task(group="pss", columns=["tree.pss_bytes"], interval_s=PSS_INTERVAL_S,
                  read=host.pss_sample),
        ]  # fmt: skip
        if gpus is not None:
            tasks += [
                _Task(group="gpu", columns=gpus.columns, interval_s=arguments.gpu_interval_s,
                      read=gpus.sample),
                _Task(group="gpu_slow", columns=gpus.slow_columns, interval_s=SLOW_INTERVAL_S,
                      read=self._slow_gpu_sample),
            ]  # fmt: skip
        return tasks

    def _begin(self) -> None:
        """Probe every counter, write the header."""
        gpus = self._gpus
        if gpus is not None:
            gpus.sample()
            gpus.slow_sample(self._host.tree.pids)
        header = {
            "format": FORMAT,
            "pid": self._pid,
            "t_ns": time.monotonic_ns(),
            "startup_cpu_s": time.process_time(),
            "budget": self._budget,
            "groups": {
                task.group: {"interval_s": task.interval_s, "columns": task.columns}
                for task in self._tasks
            },
            "missing": {**self._host.missing, **(gpus.missing if gpus else {})},
            "gpus": gpus.describe() if gpus else {},
            "no_gpus": self._no_gpus,
        }
        if gpus is not None:
            self._told.update(gpus.missing.items())
        self._write(header)
        self._file.flush()
        self._started_ns = self._mark_ns = time.monotonic_ns()
        self._started_cpu_s = self._mark_cpu_s = time.process_time()

    def _take(self, task: _Task) -> int:
        now_ns = time.monotonic_ns()
        row = task.read()
        self._write([task.group, now_ns, *row])
        task.samples += 1
        return now_ns

    def _take_and_plan(self, task: _Task) -> None:
        now_ns = self._take(task)
        ended_ns = time.monotonic_ns()
        interval_ns = task.interval_s * self._stretch * 1e9
        if task.group == "pss":
            interval_ns = max(interval_ns, PSS_REST * (ended_ns - now_ns))
        # Falling behind by a whole interval is not made up for: those samplings are left out.
        behind = (ended_ns - task.due_ns) // interval_ns if task.due_ns else 0
        task.late += int(behind)
        task.due_ns = int((task.due_ns or now_ns) + (behind + 1) * interval_ns)

    def _slow_sample(self) -> Row:
        """The host's slow row, and what has to be looked after once a second."""
        row = self._host.slow_sample()
        self._keep_off_the_workers_cores()
        self._tell_changes()
        self._keep_to_budget()
        self._file.flush()
        return row

    def _slow_gpu_sample(self) -> Row:
        self._turn += 1
        return self._gpus.slow_sample(self._host.tree.pids, turn=self._turn)

    def _keep_off_the_workers_cores(self) -> None:
        cores = self._host.tree.cores()
        if cores is None or cores == self._cores:
            return
        self._cores = cores
        free = self._allowed - set(cores)
        os.sched_setaffinity(0, free or self._allowed)
        self._event("cores", cores=cores, is_shared=not free)

    def _tell_changes(self) -> None:
        if self._gpus is None:
            return
        for kind, reasons in (("missing", self._gpus.missing), ("lost", self._gpus.lost)):
            for name, reason in reasons.items():
                if (name, reason) not in self._told:
                    self._told.add((name, reason))
                    self._event(kind, name=name, reason=reason)

    def _keep_to_budget(self) -> None:
        """Sample less often when that costs more than the budget, and again more."""
        now_ns, cpu_s = time.monotonic_ns(), time.process_time()
        elapsed_s = (now_ns - self._mark_ns) / 1e9
        share = (cpu_s - self._mark_cpu_s) / max(elapsed_s, SLOW_INTERVAL_S)
        # One costly reading is no habit, unless it is far too costly.
        if elapsed_s < BUDGET_INTERVAL_S and share < 3 * self._budget:
            return
        self._mark_ns, self._mark_cpu_s = now_ns, cpu_s
        if share > 0.9 * self._budget:
            self._stretch = min(MAX_STRETCH, self._stretch * share / (0.8 * self._budget))
        elif share < self._budget / 2:
            self._stretch = max(1.0, self._stretch * 0.8)
        self._longest_stretch = max(self._longest_stretch, self._stretch)

    def _end(self, why: str) -> None:
        self._tell_changes()
        end = {
            "why": why,
            "t_ns": time.monotonic_ns(),
            "cpu_s": time.process_time() - self._started_cpu_s,
            "wall_s": (time.monotonic_ns() - self._started_ns) / 1e9,
            "longest_stretch": self._longest_stretch,
            "samples": {task.group: task.samples for task in self._tasks},
            "late": {task.group: task.late for task in self._tasks},
            "errors": self._gpus.errors if self._gpus else {},
        }
        self._write({"end": end})
        self._file.flush()

    def _event(self, kind: str, **details: Any) -> None:
        self._write({"event": kind, "t_ns": time.monotonic_ns(), **details})

    def _write(self, entry: object) -> None:
        self._file.write(json.dumps(entry, separators=(",", ":")).encode() + b"\n")


def main(argv: list[str] | None = None) -> int:
    """Sample until the worker has ended or somebody asks to stop; 1 if there is no worker."""
    arguments = _parser().parse_args(argv)
    waiting = Waiting()
    _end_with_parent()
    if not appears(arguments.pid):
        print(f"There is no process {arguments.pid}.", file=sys.stderr)
        return 1
    waiting.watch(arguments.pid)
    with Path(arguments.out).open("ab") as file:
        Sampler(arguments, file).run(waiting)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m harness.telemetry.sampler")
    parser.add_argument("--pid", type=int, required=True, help="the worker")
    parser.add_argument("--out", required=True, help="file to append to")
    parser.add_argument("--interval-s", type=float, default=0.1, help="of the host's counters")
    parser.add_argument("--gpu-interval-s", type=float, default=0.05, help="of the devices'")
    parser.add_argument("--cgroup", action="append", default=[], help="a folder; repeatable")
    parser.add_argument("--no-gpus", dest="gpus", action="store_false", help="the host only")
    parser.add_argument("--budget", type=float, default=0.01, help="of one core, at most")
    return parser


def _open_gpus(*, is_wanted: bool) -> tuple[Any, str | None]:
    if not is_wanted:
        return None, "Not asked for."
    try:
        from harness.telemetry.nvml_devices import open_gpus
    except ImportError as error:
        return None, f"{error} (pip install nvidia-ml-py)"
    return open_gpus()


def _end_with_parent() -> None:
    """Have Linux end this process when the supervisor is gone, however that ended."""
    set_parent_death_signal = 1
    ctypes.CDLL(None).prctl(set_parent_death_signal, int(signal.SIGTERM))


if __name__ == "__main__":
    sys.exit(main())
