"""Summaries on series whose every number is known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.telemetry.phase_windows import (
    BRIDGED_NS,
    PhaseWindows,
    phase_windows,
    read_phase_windows,
)
from harness.telemetry.series import FORMAT, Series, Track, read_raw
from harness.telemetry.summary import summarise, timed_window, whole_window
from harness.telemetry.window import Window, growth, mean

S = 1_000_000_000


def track(name: str, *points: tuple[float, float]) -> Track:
    return Track(
        name=name,
        times_ns=np.array([int(t * S) for t, _ in points], np.int64),
        values=np.array([value for _, value in points], np.float64),
    )


def window(start_s: float, end_s: float) -> Window:
    return Window(start_ns=int(start_s * S), end_ns=int(end_s * S))


def test_growth_between_samples() -> None:
    energy = track("gpu0.energy_j", (0, 0), (1, 100), (2, 300))
    assert growth(energy, window(0.5, 1.5)) == pytest.approx(150)
    assert growth(energy, window(0, 2)) == pytest.approx(300)


def test_what_samples_do_not_span_has_no_total_and_no_mean() -> None:
    energy = track("gpu0.energy_j", (0, 0), (1, 100))
    assert growth(energy, window(0.5, 3)) is None
    assert mean(energy, window(0.5, 3)) is None
    assert growth(track("gpu0.energy_j", (0, 0)), window(0, 1)) is None
    assert growth(energy, window(1, 1)) is None


def test_means_are_over_time_not_over_samples() -> None:
    power = track("gpu0.power_w", (0, 100), (1, 100), (1.1, 300), (1.2, 300), (1.3, 300), (2, 300))
    assert mean(power, window(0, 1)) == pytest.approx(100)
    assert mean(power, window(1.2, 2)) == pytest.approx(300)
    assert mean(power, window(0, 2)) == pytest.approx((100 + 0.1 * 200 + 0.9 * 300) / 2)


def test_nested_spans_leave_each_moment_to_the_innermost() -> None:
    windows = phase_windows(
        [("prepare_model", 30, 50), ("inference", 10, 100), ("proxy_scoring", 100, 130)]
    )
    inference = windows["inference"]
    assert inference.starts_ns.tolist() == [10, 50]
    assert inference.ends_ns.tolist() == [30, 100]
    assert windows["prepare_model"].total_s == pytest.approx(20e-9)
    assert windows["proxy_scoring"].starts_ns.tolist() == [100]
    assert timed_window(windows) == Window(start_ns=10, end_ns=130)


@st.composite
def nested_spans(draw: st.DrawFn) -> list[tuple[str, int, int]]:
    """Spans as a tracer makes them: properly nested, in order of their ends."""
    spans: list[tuple[str, int, int]] = []
    now = 0

    def grow(depth: int) -> None:
        nonlocal now
        for _ in range(draw(st.integers(0, 3 if depth < 3 else 0))):
            now += draw(st.integers(0, 5))
            start = now
            grow(depth + 1)
            now += draw(st.integers(0, 5))
            spans.append((draw(st.sampled_from("abc")), start, now))

    grow(0)
    return spans


@given(nested_spans())
def test_segments_cover_what_spans_cover_once(spans: list[tuple[str, int, int]]) -> None:
    covered = {moment for _, start, end in spans for moment in range(start, end)}
    moments = [
        moment
        for windows in phase_windows(spans).values()
        for start, end in zip(windows.starts_ns, windows.ends_ns, strict=True)
        for moment in range(start, end)
    ]
    assert sorted(moments) == sorted(covered)


def segments(*edges_s: tuple[float, float]) -> PhaseWindows:
    edges = np.array([(int(a * S), int(b * S)) for a, b in edges_s], np.int64)
    return PhaseWindows(starts_ns=edges[:, 0], ends_ns=edges[:, 1])


def test_short_interruptions_do_not_end_a_stretch() -> None:
    bridge = BRIDGED_NS / S
    stretches = segments((0, 0.3), (0.3 + bridge, 0.7)).stretches(0.5)
    assert stretches is not None
    assert [each.tolist() for each in stretches] == [[0], [700_000_000]]
    assert segments((0, 0.3), (0.31, 0.7)).stretches(0.5) is None


def test_a_phase_mostly_of_short_segments_has_no_stretches() -> None:
    assert segments((0, 1), (2, 2.1)).stretches(0.5) is None
    assert segments((0, 3), (4, 4.1)).stretches(0.5) is not None
    # Bridged again and again, half of the stretch would be somebody else's.
    pieces = [(i * 0.002, i * 0.002 + 0.001) for i in range(600)]
    assert segments(*pieces).stretches(0.5) is None


def test_spans_of_other_lanes_are_left_out(tmp_path: Path) -> None:
    columns: dict[str, Any] = {
        "phase": ["inference", "prepare_model"], "start_ns": [0, 5], "end_ns": [10, 20],
    }  # fmt: skip
    pq.write_table(pa.table(columns), tmp_path / "plain.parquet")
    assert set(read_phase_windows(tmp_path / "plain.parquet")) == {"inference", "prepare_model"}
    columns["lane"] = ["host", "prefetch"]
    pq.write_table(pa.table(columns), tmp_path / "lanes.parquet")
    assert set(read_phase_windows(tmp_path / "lanes.parquet")) == {"inference"}


COLUMNS = {
    "host": ["machine.cpu_busy_s", "tree.cpu_s", "sampler.cpu_s", "tree.rss_bytes",
             "cpu0.busy_s", "cpu1.busy_s"],
    "slow": ["machine.swap_in_bytes", "machine.swap_out_bytes", "machine.cpu_pressure_s"],
    "gpu": ["gpu0.power_w", "gpu0.energy_j", "gpu0.utilisation", "gpu0.throttle_reasons",
            "gpu0.memory_used_bytes"],
    "gpu_slow": ["gpu0.processes", "gpu0.foreign_processes"],
}  # fmt: skip
INTERVALS_S = {"host": 0.1, "slow": 1.0, "gpu": 0.05, "gpu_slow": 1.0}


def busy_run(tmp_path: Path, *, hole: tuple[int, int] = (0, 0)) -> Series:
    """Ten seconds: 100 W up to 4 s, 300 W after; the tree has 1.2 of 2 cores, others 0.3."""
    entries: list[Any] = [
        {
            "format": FORMAT, "pid": 1, "t_ns": 0, "startup_cpu_s": 0.05, "budget": 0.01,
            "groups": {
                name: {"interval_s": INTERVALS_S[name], "columns": columns}
                for name, columns in COLUMNS.items()
            },
            "missing": {"tree.read_bytes": "The worker is gone."},
            "gpus": {"gpu0": {"idle_bytes": 400}}, "no_gpus": None,
        },
        {"event": "cores", "t_ns": 1, "cores": [0], "is_shared": False},
    ]  # fmt: skip
    for tick in range(201):
        t = tick * 0.05
        if hole[0] <= tick < hole[1]:
            continue
        ns = int(t * S)
        if tick % 2 == 0:
            # core 0: the tree's 1.0 and 0.1 of others; core 1: 0.2, 0.2 and the sampler's 0.01
            entries.append(
                ["host", ns, 1.51 * t, 1.2 * t, 0.01 * t, 1000 + tick, 1.3 * t, 0.21 * t]
            )
        if tick % 20 == 0:
            entries.append(["slow", ns, 4096 if t > 5 else 0, 0, 0.25 * t])
            entries.append(["gpu_slow", ns, 2, 1 if t > 8 else 0])
        energy_j = 100 * min(t, 4) + 300 * max(0, t - 4)
        power_w = 100.0 if t < 4 else 300.0
        mask = 0x4 if 6 <= t < 8 else 0x1
        entries.append(["gpu", ns, power_w, energy_j, 0.5, mask, 400 + tick])
    end = {"why": "asked", "cpu_s": 0.1, "wall_s": 10.0, "longest_stretch": 1.0, "errors": {}}
    entries.append({"end": end})
    path = tmp_path / "raw"
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    return read_raw(path)


PHASES = {
    "inference": segments((4, 10)),
    "prepare_model": segments((1, 4)),
    "plan": segments((0.9, 1)),
}


def test_energy_and_power_of_phases(tmp_path: Path) -> None:
    summary = summarise(busy_run(tmp_path), window=window(0, 10), phases=PHASES)
    phases = summary["phases"]
    assert phases["inference"]["gpu0.energy_j"] == pytest.approx(1800)
    assert phases["prepare_model"]["gpu0.energy_j"] == pytest.approx(300)
    assert phases["inference"]["gpu0.power_w"] == pytest.approx(300)
    assert phases["prepare_model"]["gpu0.utilisation"] == pytest.approx(0.5)
    assert phases["inference"]["tree.cpu_load"] == pytest.approx(1.2)
    # A tenth of a second: too short for any of these counters.
    assert phases["plan"] == {
        "seconds": pytest.approx(0.1), "gpu0.energy_j": None, "gpu0.power_w": None,
        "gpu0.utilisation": None, "tree.cpu_load": None,
    }  # fmt: skip


def test_counters_and_peaks_are_those_of_the_window(tmp_path: Path) -> None:
    summary = summarise(busy_run(tmp_path), window=window(0, 4))
    assert summary["counters"]["gpu0.energy_j"] == {"unit": "J", "total": pytest.approx(400)}
    assert summary["counters"]["gpu0.throttle_reasons"]["seen"] == 0x1
    assert summary["counters"]["tree.rss_bytes"]["max"] == 1080
    assert summary["peaks"]["gpu0_memory_above_idle_bytes"] == 80
    assert summary["peaks"]["cgroup_memory_bytes"] is None
    assert summary["missing"] == {"tree.read_bytes": "The worker is gone."}
    assert "cpu0.busy_s" not in summary["counters"]
    assert summary["phases"] == {}


def test_doubts(tmp_path: Path) -> None:
    doubts = summarise(busy_run(tmp_path), window=window(0, 10))["doubts"]
    assert doubts["throttled"] == {"gpu0": {"software power cap": pytest.approx(40 / 201)}}
    assert doubts["foreign_gpu_processes"] == 1
    assert doubts["swap_in_bytes"] == 4096
    assert doubts["swap_out_bytes"] == 0
    assert doubts["others_cpu_share"] == pytest.approx((1.51 - 1.2 - 0.01) / 2)
    assert doubts["others_own_cores_share"] == pytest.approx(1.3 - 1.2)
    assert doubts["own_cores"] == 1
    assert doubts["cpu_pressure_share"] == pytest.approx(0.25)
    assert doubts["steal_share"] is None
    assert doubts["memory_pressure_share"] is None


def test_gaps(tmp_path: Path) -> None:
    regular = summarise(busy_run(tmp_path), window=window(0, 10))["sampling"]
    assert regular["gpu"]["gaps"] == regular["host"]["gaps"] == 0
    assert regular["gpu"]["longest_gap_s"] == pytest.approx(0.05)
    holed = summarise(busy_run(tmp_path, hole=(100, 110)), window=window(0, 10))["sampling"]
    assert holed["gpu"]["gaps"] == 1
    assert holed["gpu"]["longest_gap_s"] == pytest.approx(0.55)
    late = summarise(busy_run(tmp_path), window=window(0, 13))["sampling"]
    assert late["gpu"]["longest_gap_s"] == pytest.approx(3)


def test_the_whole_of_a_series(tmp_path: Path) -> None:
    assert whole_window(busy_run(tmp_path)) == window(0, 10)
