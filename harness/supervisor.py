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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

GRACE_S = 5.0
"""Between asking a process group to end and killing it."""

Listener = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """How a worker ended."""

    status: str
    """``ok`` or another of the closed set."""
    reason: str | None
    result: Mapping[str, Any]
    """What the worker wrote; empty if it could not."""
    process_s: float
    """From the start of the process to its end."""


def run_worker(
    job: Mapping[str, Any], *, folder: Path, threads: int | None, wall_limit_s: float | None,
    on_event: Listener,
) -> Outcome:  # fmt: skip
    """Carry out ``job`` in a fresh process, with ``folder`` for its files.

    Everything that the process has started is gone when this returns or raises
    (KeyboardInterrupt included).
    """
    job_path = folder / "job.json"
    job_path.write_text(json.dumps({**job, "out": str(folder)}, indent=1))
    started = time.monotonic()
    with (folder / "worker.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "harness.worker", str(job_path)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            env=_environment(threads),
            start_new_session=True,
        )
        try:
            ended = _follow(process, deadline=_deadline(started, wall_limit_s), on_event=on_event)
        finally:
            _end_group(process)
    process_s = time.monotonic() - started
    if not ended:
        reason = f"It took longer than the wall limit of {wall_limit_s:g} s."
        return Outcome(status="timeout", reason=reason, result={}, process_s=process_s)
    return _outcome(process.returncode, folder, process_s)


def _environment(threads: int | None) -> dict[str, str]:
    """The worker's environment: this checkout importable, memory kept, threads as asked."""
    root = str(Path(__file__).resolve().parent.parent)
    variables = dict(os.environ)
    paths = [root, *variables.get("PYTHONPATH", "").split(os.pathsep)]
    variables["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    # Freed activations stay with the process (glibc): faulting their pages in anew for each
    # batch costs 10–28% of a convolutional net's time. The same for all systems.
    variables.setdefault("MALLOC_MMAP_MAX_", "0")
    variables.setdefault("MALLOC_TRIM_THRESHOLD_", str(2**40))
    variables.setdefault("MALLOC_TOP_PAD_", str(64 * 2**20))
    variables.setdefault("TOKENIZERS_PARALLELISM", "false")
    if threads is not None:
        variables["OMP_NUM_THREADS"] = str(threads)
    return variables


def _deadline(started: float, wall_limit_s: float | None) -> float | None:
    return None if wall_limit_s is None else started + wall_limit_s


def _follow(
    process: subprocess.Popen[bytes], *, deadline: float | None, on_event: Listener
) -> bool:
    """Pass events on until the worker ends; False if the deadline came first."""
    assert process.stdout is not None
    pending = b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                return False
            if not selector.select(left):
                continue
            data = os.read(process.stdout.fileno(), 65536)
            if not data:
                break
            *lines, pending = (pending + data).split(b"\n")
            for line in lines:
                on_event(json.loads(line))
    try:
        process.wait(None if deadline is None else max(0.1, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        return False
    return True


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


def _outcome(returncode: int, folder: Path, process_s: float) -> Outcome:
    try:
        result = json.loads((folder / "result.json").read_text())
    except (OSError, ValueError):
        result = None
    if result is not None and returncode in (0, 1):
        return Outcome(
            status=result["status"],
            reason=result.get("reason"),
            result=result,
            process_s=process_s,
        )
    if returncode < 0:
        name = signal.Signals(-returncode).name
        reason = f"The worker was ended by {name}"
        if returncode == -signal.SIGKILL:
            reason += " (perhaps the system ran out of memory)"
    else:
        reason = f"The worker ended with code {returncode} before it wrote a result"
    return Outcome(
        status="crashed", reason=f"{reason}; see worker.log.", result={}, process_s=process_s
    )
