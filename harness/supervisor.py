"""Starts workers and sees them to their end; never imports torch."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.interrupts import interrupts_held
from harness.limits.confinement import Confinement
from harness.limits.launcher import LAUNCH_FAILED
from harness.span_table import SPANS
from harness.telemetry.recording import Sampler

GRACE_S = 5.0
"""Between asking a process group to end and killing it."""

Listener = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """How a worker ended."""

    status: str
    """``ok`` or another of the closed set."""
    reason: str | None = None
    result: Mapping[str, Any] = field(default_factory=dict)
    """What the worker wrote; empty if it could not."""
    process_s: float | None = None
    """From the start of the process to its end; None if none was started."""
    limits: Mapping[str, Any] | None = None
    """What ``harness.limits`` enforced and counted."""
    telemetry: Mapping[str, Any] | None = None
    """What ``harness.telemetry`` saw; None where it was not asked to look."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Conditions:
    """Under what a worker runs."""

    walls: Confinement
    """Entered by whoever makes the conditions."""
    threads: int | None = None
    wall_limit_s: float | None = None
    telemetry: bool = False
    """Sample hardware and host beside it."""


def run_worker(
    job: Mapping[str, Any], *, folder: Path, conditions: Conditions, on_event: Listener
) -> Outcome:
    """Carry out ``job`` in a fresh process, with ``folder`` for its files.

    Everything that the process has started is gone when this returns or raises
    (KeyboardInterrupt included).
    """
    walls = conditions.walls
    job_path = folder / "job.json"
    job_path.write_text(json.dumps({**job, "out": str(folder)}, indent=1))
    started = time.monotonic()
    limit_s = conditions.wall_limit_s
    with (folder / "worker.log").open("wb") as log, ExitStack() as stack:
        with interrupts_held():  # a worker that has started is one that will be ended
            process = subprocess.Popen(
                walls.wrap([sys.executable, "-m", "harness.worker", str(job_path)]),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                env=worker_environment(conditions.threads),
                start_new_session=True,
            )
            stack.callback(walls.end)
            stack.callback(_end_group, process)
        sampler = None
        if conditions.telemetry:
            sampler = stack.enter_context(Sampler.start(process.pid, folder, cgroups=walls.groups))
        deadline = None if limit_s is None else started + limit_s
        ended = _follow(process, deadline=deadline, on_event=on_event)
    process_s = time.monotonic() - started
    telemetry = sampler.finish(spans=folder / SPANS) if sampler else None
    if ended:
        status, reason, result = _ending(process.returncode, folder, walls)
    else:
        status, result = "timeout", {}
        reason = f"It took longer than the wall limit of {limit_s:g} s."
    return Outcome(
        status=status,
        reason=reason,
        result=result,
        process_s=process_s,
        limits=walls.facts(),
        telemetry=telemetry,
    )


def worker_environment(threads: int | None) -> dict[str, str]:
    """The worker's environment: this checkout importable, memory kept, threads as asked."""
    root = str(Path(__file__).resolve().parent.parent)
    variables = dict(os.environ)
    paths = [root, *variables.get("PYTHONPATH", "").split(os.pathsep)]
    variables["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    # A file in the user's folder that is called like a library does not take its place.
    variables["PYTHONSAFEPATH"] = "1"
    # Freed activations stay with the process (glibc): faulting their pages in anew for each
    # batch costs 10–28% of a convolutional net's time. The same for all systems.
    variables.setdefault("MALLOC_MMAP_MAX_", "0")
    variables.setdefault("MALLOC_TRIM_THRESHOLD_", str(2**40))
    variables.setdefault("MALLOC_TOP_PAD_", str(64 * 2**20))
    variables.setdefault("TOKENIZERS_PARALLELISM", "false")
    if threads is not None:
        variables["OMP_NUM_THREADS"] = str(threads)
    return variables


def _follow(
    process: subprocess.Popen[bytes], *, deadline: float | None, on_event: Listener
) -> bool:
    """Pass events on until the worker ends; False if the deadline came first.

    The end is that of the process, not of its pipe: a child that it leaves behind has the
    pipe open too.
    """
    assert process.stdout is not None
    pipe = process.stdout.fileno()
    os.set_blocking(pipe, False)
    exited = os.pidfd_open(process.pid)
    pending = b""
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(pipe, selectors.EVENT_READ)
            selector.register(exited, selectors.EVENT_READ)
            while True:
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    return False
                ready = {key.fd for key, _ in selector.select(left)}
                data = _read_available(pipe)
                *lines, pending = (pending + data).split(b"\n")
                for line in lines:
                    on_event(json.loads(line))
                if exited in ready and not data:
                    process.wait()
                    return True
                if pipe in ready and not data:  # closed, and the process still lives
                    selector.unregister(pipe)
    finally:
        os.close(exited)


def _read_available(pipe: int) -> bytes:
    try:
        return os.read(pipe, 65536)
    except BlockingIOError:
        return b""


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """TERM, then KILL, to the worker and all it started."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None and not _group_is_alive(process.pid):
            break
        try:
            os.killpg(process.pid, sign)
        except ProcessLookupError:
            break
        _wait_for_group(process, GRACE_S)
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _wait_for_group(process: subprocess.Popen[bytes], limit_s: float) -> None:
    end = time.monotonic() + limit_s
    while time.monotonic() < end and (process.poll() is None or _group_is_alive(process.pid)):
        time.sleep(0.02)


def _group_is_alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def _ending(
    returncode: int, folder: Path, walls: Confinement
) -> tuple[str, str | None, Mapping[str, Any]]:
    """Status, reason and result of a worker that has ended by itself."""
    if walls.ran_out_of_memory(returncode):
        memory = walls.facts()["memory"]
        reason = (
            f"The kernel killed it at its memory limit of {memory['limit_bytes']:,} bytes "
            f"({memory['mechanism']}, {memory['oom_kills']} processes)."
        )
        return "out_of_memory", reason, {}
    try:
        result = json.loads((folder / "result.json").read_text())
    except (OSError, ValueError):
        result = None
    if result is not None and returncode in (0, 1):
        return result["status"], result.get("reason"), result
    if returncode == LAUNCH_FAILED:
        return "failed", (folder / "worker.log").read_text(errors="replace").strip(), {}
    if returncode < 0:
        name = signal.Signals(-returncode).name
        reason = f"The worker was ended by {name}"
        if returncode == -signal.SIGKILL:
            reason += " (perhaps the whole system ran out of memory)"
    else:
        reason = f"The worker ended with code {returncode} before it wrote a result"
    return "crashed", f"{reason}; see worker.log.", {}
