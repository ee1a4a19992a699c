"""Workers in real processes: how each of their ends is told."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import psutil
import pytest

from harness.supervisor import Outcome, run_worker

PREPARE_NOTHING = {"kind": "prepare", "specs": []}


def run(folder: Path, *, wall_limit_s: float | None = None, on_event=lambda _: None) -> Outcome:  # type: ignore[no-untyped-def]
    job = {**PREPARE_NOTHING, "cache": str(folder / "cache")}
    return run_worker(job, folder=folder, threads=1, wall_limit_s=wall_limit_s, on_event=on_event)


@pytest.mark.slow
def test_a_worker_that_does_its_job(tmp_path: Path) -> None:
    events: list[dict] = []
    outcome = run(tmp_path, on_event=events.append)
    assert outcome.status == "ok", (tmp_path / "worker.log").read_text()
    assert outcome.reason is None
    assert outcome.result["prepared"] == []
    assert events == [{"event": "started"}]


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
        (worker,) = psutil.Process().children()
        os.kill(worker.pid, sign)

    outcome = run(tmp_path, on_event=kill)
    assert outcome.status == "crashed"
    assert sign.name in str(outcome.reason)


def test_an_interrupted_supervisor_leaves_no_worker(tmp_path: Path) -> None:
    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, on_event=interrupt)
    assert not psutil.Process().children(recursive=True)


def test_a_job_that_cannot_be_done_is_a_failure_with_a_reason(tmp_path: Path) -> None:
    job = {"kind": "search", "spec": {"threads": 1}, "cache": str(tmp_path), "prepared": {}}
    outcome = run_worker(
        job, folder=tmp_path, threads=1, wall_limit_s=None, on_event=lambda _: None
    )
    assert outcome.status == "failed"
    assert "block store" in str(outcome.reason)
