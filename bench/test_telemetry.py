"""What telemetry costs: the sampler's readings, and making a summary of a run's series."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench.devices import DEVICES
from harness.telemetry.host import Host
from harness.telemetry.recording import RAW, Sampler, summarise_files
from harness.telemetry.series import read_series

SAMPLES = 6_000
"""Ten minutes of the host's counters."""
MOST_SHARE = 0.02
"""Of one core: twice what the sampler holds itself to (10 ms ticks, cold caches)."""


def test_one_sample_of_the_host(benchmark: BenchmarkFixture) -> None:
    host = Host(os.getpid(), [])
    row = dict(zip(host.columns, benchmark(host.sample), strict=True))
    assert row["tree.processes"] == 1
    assert row["tree.rss_bytes"] == pytest.approx(_resident_bytes(), rel=0.05)
    assert row["machine.cpu_busy_s"] > 0


def test_one_slow_sample_of_the_host(benchmark: BenchmarkFixture) -> None:
    host = Host(os.getpid(), [])
    row = dict(zip(host.slow_columns, benchmark(host.slow_sample), strict=True))
    assert row["tree.peak_rss_bytes"] >= 0.95 * _resident_bytes()
    assert row["machine.available_bytes"] > 0


@pytest.mark.parametrize("device", DEVICES[1:])
def test_one_sample_of_the_gpus(benchmark: BenchmarkFixture, device: str) -> None:
    from harness.telemetry.nvml_devices import open_gpus

    gpus, reason = open_gpus()
    assert gpus is not None, reason
    row = dict(zip(gpus.columns, benchmark(gpus.sample), strict=True))
    assert any(value is not None for value in row.values()), row


def test_the_sampler_beside_a_worker(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    """Its whole life beside a worker of two seconds: what it took of a core is ``cpu_share``."""
    summaries: list[dict[str, Any]] = []

    def sampled() -> None:
        folder = tmp_path / str(len(summaries))
        folder.mkdir()
        worker = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(2)"])
        with Sampler.start(worker.pid, folder, with_gpus=False) as sampler:
            worker.wait()
        summaries.append(sampler.finish())

    benchmark.pedantic(sampled, rounds=3)
    shares = [summary["sampler"]["cpu_share"] for summary in summaries]
    benchmark.extra_info["cpu_shares"] = shares
    for summary in summaries:
        assert summary["is_complete"]
        assert summary["sampling"]["host"]["samples"] >= 15
    assert min(shares) < MOST_SHARE  # what else the machine does can only make it dearer


def test_summary_of_ten_minutes(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    raw, parquet = tmp_path / RAW, tmp_path / "series.parquet"
    _write_raw(raw)
    summary = benchmark.pedantic(
        summarise_files, args=(raw, parquet, None), rounds=5, warmup_rounds=1
    )
    assert summary["is_complete"]
    assert summary["sampling"]["host"]["samples"] == SAMPLES
    assert summary["counters"]["tree.rss_bytes"]["max"] == 1e9 + SAMPLES - 1
    assert summary["counters"]["tree.cpu_s"]["total"] == pytest.approx(0.1 * (SAMPLES - 1))
    tracks = {track.name: track for track in read_series(parquet)}
    assert len(tracks["tree.rss_bytes"].values) == SAMPLES


def _write_raw(path: Path) -> None:
    """A worker whose memory grows by a byte and whose processor time by 0.1 s per sample."""
    columns = ["tree.rss_bytes", "tree.cpu_s", "machine.cpu_busy_s"]
    header = {
        "format": 1, "pid": 1, "t_ns": 0, "startup_cpu_s": 0.1, "budget": 0.01,
        "groups": {"host": {"interval_s": 0.1, "columns": columns}},
        "missing": {}, "gpus": {}, "no_gpus": "Not asked for.",
    }  # fmt: skip
    rows = [
        ["host", 100_000_000 * number, 1_000_000_000 + number, 0.1 * number, 0.15 * number]
        for number in range(SAMPLES)
    ]
    end = {
        "why": "asked", "t_ns": 100_000_000 * SAMPLES, "cpu_s": 1.0, "wall_s": 0.1 * SAMPLES,
        "longest_stretch": 1.0, "samples": {"host": SAMPLES}, "late": {"host": 0}, "errors": {},
    }  # fmt: skip
    path.write_text("\n".join(map(json.dumps, (header, *rows, {"end": end}))) + "\n")


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
