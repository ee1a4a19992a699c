"""Workers in real processes: how each of their ends is told."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from harness.limits import confine
from harness.supervisor import Conditions, Outcome, run_worker

JOB = {"kind": "search", "spec": {"threads": 1, "device": "cpu", "gpu_allocator_cap": None,
       "precision": "fp32",
       "store_bandwidth": None}, "prepared": {}, "paced": False}  # fmt: skip
"""A job that starts and then fails: there is no store."""


def run(folder: Path, *, wall_limit_s: float | None = None, on_event=lambda _: None) -> Outcome:  # type: ignore[no-untyped-def]
    with confine(memory_bytes=None, cores=None, store_bandwidth=None, store_path=folder) as walls:
        return run_worker(
            {**JOB, "cache": str(folder / "cache")},
            folder=folder,
            conditions=Conditions(walls=walls, threads=1, wall_limit_s=wall_limit_s),
            on_event=on_event,
        )


def test_a_job_that_cannot_be_done_is_a_failure_with_a_reason(tmp_path: Path) -> None:
    events: list[dict] = []
    outcome = run(tmp_path, on_event=events.append)
    assert outcome.status == "failed", (tmp_path / "worker.log").read_text()
    assert "no block store" in str(outcome.reason)
    assert events == [{"event": "started"}]
    assert outcome.process_s is not None
    assert outcome.telemetry is None


def test_a_worker_that_takes_too_long(tmp_path: Path) -> None:
    started = time.monotonic()
    outcome = run(tmp_path, wall_limit_s=0.05)
    assert outcome.status == "timeout"
    assert "0.05 s" in str(outcome.reason)
    assert time.monotonic() - started < 10
    assert not psutil.Process().children(recursive=True)


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT])
def test_a_worker_that_is_killed(tmp_path: Path, sign: signal.Signals) -> None:
    def kill(_: object) -> None:
        workers = [p for p in psutil.Process().children() if "harness.worker" in p.cmdline()]
        os.kill(workers[0].pid, sign)

    outcome = run(tmp_path, on_event=kill)
    assert outcome.status == "crashed"
    assert sign.name in str(outcome.reason)


def test_an_interrupted_supervisor_leaves_no_worker(tmp_path: Path) -> None:
    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, on_event=interrupt)
    assert not psutil.Process().children(recursive=True)


def test_an_interruption_in_the_middle_of_a_start_leaves_no_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Interrupted(subprocess.Popen):  # type: ignore[type-arg]
        def __init__(self, *arguments: object, **options: object) -> None:
            super().__init__(*arguments, **options)  # type: ignore[call-overload]
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("harness.supervisor.subprocess.Popen", Interrupted)
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, handler)
    assert not psutil.Process().children(recursive=True)
