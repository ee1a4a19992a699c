"""``alsatian-bench run``: what it leaves behind, resuming, stopping."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import psutil
import pytest

from tests.cli.conftest import SCENARIO, Project

RECORD_FIELDS = {
    "schema", "scenario", "key", "identity", "round", "spec", "label", "status", "reason",
    "process_s", "wall_s", "phases_s", "unattributed_s", "excluded_s", "answer", "counts",
    "operation_ratio", "time_bound_s", "time_bound_parts_s", "efficiency", "dataset", "ingest",
    "environment", "host_class", "host_state", "git", "code", "started_at", "limits",
    "cache_proof", "telemetry", "flags", "gpu_uuid", "decisions", "scale", "stands_for",
    "readings", "files",
}  # fmt: skip
"""What users rely on; a change here is a new version of the schema."""


def modified(project: Project) -> dict[str, int]:
    return {path.parent.name: path.stat().st_mtime_ns for path in project.records()}


def wait_for(condition: object, *, limit_s: float = 120.0) -> None:
    end = time.monotonic() + limit_s
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.05)


def still_running(processes: list[psutil.Process]) -> list[str]:
    """Those that have not given back what they held, as a failed test shows them."""
    return [
        str(process)
        for process in processes
        if process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    ]


def test_a_run_leaves_records_tables_and_a_figure(measured: Project) -> None:
    folder = measured.folder / "runs" / "small"
    written = [f"comparison.{kind}" for kind in ("csv", "md", "png", "pdf")]
    for name in (*written, "analysis.md"):
        assert (folder / name).stat().st_size > 0
    records = [json.loads(path.read_text()) for path in measured.records()]
    assert sorted(record["label"] for record in records) == ["Alsatian", "SHiFT"]
    for record in records:
        assert set(record) == RECORD_FIELDS
        assert (record["schema"], record["status"], record["reason"]) == (5, "ok", None)
        assert (folder / record["key"] / "spans.parquet").is_file()
        assert not (folder / record["key"] / "job.json").exists()
    assert [path.name for path in folder.glob(".*")] in ([], [".claims"])


def test_a_second_run_does_nothing_and_says_so(measured: Project) -> None:
    before = modified(measured)
    result = measured.run("run", "small.yaml")
    assert result.code == 0
    assert "Nothing to do" in result.out
    assert "Answers agree" in result.out
    assert modified(measured) == before


def test_more_rounds_go_on_from_what_is_there(measured: Project) -> None:
    before = modified(measured)
    result = measured.run("run", "small.yaml", "--rounds", "2", "--filter", "system=alsatian")
    assert result.code == 0
    assert len(measured.records()) == 3
    assert before.items() < modified(measured).items()


def test_force_repeats(measured: Project) -> None:
    before = modified(measured)
    result = measured.run("run", "small.yaml", "--force", "-f", "system=alsatian")
    assert result.code == 0
    assert modified(measured).keys() == before.keys()
    assert sum(modified(measured)[key] != before[key] for key in before) == 1


def test_dry_run_runs_nothing(project: Project) -> None:
    project.write(SCENARIO)
    result = project.look("run", "small.yaml", "--dry-run")
    assert result.code == 0
    assert result.out.count("round 1") == 2
    assert project.records() == []


def test_a_wall_limit_is_a_status_not_a_hang(project: Project) -> None:
    project.write(SCENARIO + "  wall_limit: 0.5 s\n")
    result = project.run("run", "small.yaml")
    assert result.code == 3
    records = [json.loads(path.read_text()) for path in project.records()]
    assert [record["status"] for record in records] == ["timeout"] * 2
    assert all(record["wall_s"] is None for record in records)
    assert "wall limit of 0.5 s" in records[0]["reason"]
    assert "timeout" in result.out


def test_a_memory_limit_is_survived_and_larger_runs_are_skipped(project: Project) -> None:
    scenario = SCENARIO.replace("system: [shift, alsatian]", "items: [100, 120]")
    scenario = scenario.replace("  items: 100\n", "  system: shift\n  memory_limit: 200 MiB\n")
    project.write(scenario + "monotone: [items]\n")
    result = project.run("run", "small.yaml")
    assert result.code == 3
    records = {
        record["spec"]["items"]: record
        for record in (json.loads(path.read_text()) for path in project.records())
    }
    limits = records[100]["limits"]["memory"]
    if limits["is_weaker"]:
        pytest.skip(f"this machine limits memory by {limits['mechanism']} only")
    assert records[100]["status"] == "out_of_memory"
    assert limits["oom_kills"] >= 1
    assert "209,715,200 bytes" in records[100]["reason"]
    assert records[120]["status"] == "skipped"
    assert "monotone" in records[120]["reason"]


def test_telemetry_watches_a_run(project: Project) -> None:
    project.write(SCENARIO.replace("telemetry: false", "telemetry: true"))
    project.run("run", "small.yaml", "-f", "system=alsatian")
    record = json.loads(project.records()[0].read_text())
    assert record["status"] in ("ok", "invalid")  # as busy as the machine is
    telemetry = record["telemetry"]
    assert telemetry["is_complete"], telemetry
    assert telemetry["counters"]["tree.cpu_s"]["total"] > 0
    assert telemetry["phases"]["inference"]["seconds"] > 0
    assert (project.records()[0].parent / "series.parquet").is_file()


def test_a_cold_run_is_proved_or_invalid(project: Project) -> None:
    project.write(SCENARIO.replace("[shift, alsatian]", "[alsatian]") + "  cache: cold\n")
    result = project.run("run", "small.yaml")
    record = json.loads(project.records()[0].read_text())
    proof = record["cache_proof"]
    assert record["status"] == ("ok" if proof["is_proved"] else "invalid")
    assert result.code == (0 if proof["is_proved"] else 3)
    if proof["is_proved"]:
        assert proof["resident_after"] <= 0.01
        assert proof["read_bytes"] >= 0.95 * proof["needed_bytes"] > 0
    else:
        assert proof["reason"] in record["reason"]


@pytest.mark.slow
def test_two_commands_at_once_do_each_run_once(project: Project) -> None:
    project.write(SCENARIO)
    first, second = (project.start("run", "small.yaml") for _ in range(2))
    outputs = [process.communicate(timeout=300) for process in (first, second)]
    assert [first.returncode, second.returncode] == [0, 0], outputs
    done = [line for out, _ in outputs for line in out.splitlines() if line.startswith("[")]
    assert len(done) == len(project.records()) == 2


@pytest.mark.slow
def test_ctrl_c_keeps_finished_runs_and_the_next_run_goes_on(project: Project) -> None:
    project.write(SCENARIO)
    process = project.start("run", "small.yaml")
    wait_for(lambda: len(project.records()) == 1)
    wait_for(lambda: psutil.Process(process.pid).children())
    workers = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Finished runs are kept" in err
    assert "Traceback" not in err
    assert not still_running(workers)
    finished = modified(project)
    assert len(finished) == 1
    result = project.run("run", "small.yaml")
    assert result.code == 0
    assert "1 finished before" in result.out
    assert finished.items() < modified(project).items()


@pytest.mark.slow
def test_a_killed_command_takes_its_worker_along_and_harms_nothing(project: Project) -> None:
    project.write(SCENARIO)
    process = project.start("run", "small.yaml")
    wait_for(lambda: len(project.records()) == 1)
    wait_for(lambda: psutil.Process(process.pid).children())
    workers = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.communicate()
    psutil.wait_procs(workers, timeout=10)
    assert not still_running(workers)
    result = project.run("run", "small.yaml")
    assert result.code == 0
    assert len(project.records()) == 2
    folder = project.folder / "runs" / "small"
    assert [path.name for path in folder.glob(".*")] in ([], [".claims"])
    assert not list(folder.glob(".claims/*"))


def test_the_command_line_does_without_torch() -> None:
    import subprocess
    import sys

    code = (
        "import sys; from harness.spec import plan_runs, vocabulary; import harness.cli, "
        "harness.campaign, harness.progress, harness.listing; plan_runs('quick'); "
        "assert not {'torch', 'torchvision', 'transformers', 'sklearn'} & set(sys.modules)"
    )
    subprocess.run(
        [sys.executable, "-c", code], check=True, cwd=Path(__file__).resolve().parents[2]
    )
