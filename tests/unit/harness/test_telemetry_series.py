"""From the sampler's file to columns, and to ``series.parquet``."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from harness.telemetry.counters import counter, documented
from harness.telemetry.series import FORMAT, read_raw, read_series, write_series

HEADER = {
    "format": FORMAT, "pid": 1, "t_ns": 90, "startup_cpu_s": 0.05, "budget": 0.01,
    "groups": {
        "host": {"interval_s": 0.1, "columns": ["tree.cpu_s", "tree.rss_bytes"]},
        "gpu": {"interval_s": 0.05, "columns": ["gpu0.power_w", "gpu0.mig1.memory_used_bytes"]},
    },
    "missing": {}, "gpus": {}, "no_gpus": None,
}  # fmt: skip
ROWS = [
    ["host", 100, 7.5, 1000],
    ["gpu", 110, 80.0, None],
    {"event": "lost", "t_ns": 120, "name": "gpu0", "reason": "GPU is lost"},
    ["gpu", 150, None, 5],
    ["host", 200, 8.0, None],
]


def write(path: Path, *entries: object, tail: str = "") -> Path:
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries) + tail)
    return path


def test_groups_events_and_end(tmp_path: Path) -> None:
    series = read_raw(write(tmp_path / "raw", HEADER, *ROWS, {"end": {"why": "asked"}}))
    assert series.groups["host"].times_ns.tolist() == [100, 200]
    assert series.groups["gpu"].columns["gpu0.power_w"] == [80.0, None]
    assert [event["event"] for event in series.events] == ["lost"]
    assert series.end == {"why": "asked"}


def test_a_line_cut_short_by_a_kill_is_left_out(tmp_path: Path) -> None:
    series = read_raw(write(tmp_path / "raw", HEADER, *ROWS, tail='["host",300,8.'))
    assert len(series.groups["host"].times_ns) == 2
    assert series.end is None


def test_no_header_and_a_foreign_format(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no header"):
        read_raw(write(tmp_path / "empty", tail='{"format"'))
    with pytest.raises(ValueError, match="format 99, not 1"):
        read_raw(write(tmp_path / "other", {**HEADER, "format": 99}))


def test_tracks_know_only_what_is_known(tmp_path: Path) -> None:
    series = read_raw(write(tmp_path / "raw", HEADER, *ROWS))
    cpu = series.track("tree.cpu_s")
    assert cpu is not None
    assert cpu.values.tolist() == [0.0, 0.5]
    rate = cpu.rate()
    assert rate is not None
    assert rate.values.tolist() == pytest.approx([0.5 / 100e-9])
    assert cpu.counter.unit == "s"
    assert series.track("gpu0.energy_j") is None
    memory = series.track("gpu0.mig1.memory_used_bytes")
    assert memory is not None
    assert (memory.times_ns.tolist(), memory.values.tolist()) == ([150], [5.0])
    assert memory.rate() is None


def test_parquet_is_wide_ascending_and_explains_itself(tmp_path: Path) -> None:
    series = read_raw(write(tmp_path / "raw", HEADER, *ROWS))
    write_series(series, tmp_path / "series.parquet")
    table = pq.read_table(tmp_path / "series.parquet")
    assert table["t_ns"].to_pylist() == [100, 110, 150, 200]
    assert table["tree.rss_bytes"].to_pylist() == [1000, None, None, None]
    assert table["gpu0.power_w"].to_pylist() == [None, 80.0, None, None]
    metadata = table.schema.field("tree.cpu_s").metadata
    assert metadata[b"unit"] == b"s"
    assert metadata[b"kind"] == b"cumulative"
    stored = {track.name: track for track in read_series(tmp_path / "series.parquet")}
    for track in series.tracks():
        assert np.array_equal(stored[track.name].times_ns, track.times_ns)
        assert np.array_equal(stored[track.name].values, track.values)


def test_a_series_without_samples(tmp_path: Path) -> None:
    series = read_raw(write(tmp_path / "raw", HEADER))
    write_series(series, tmp_path / "series.parquet")
    assert pq.read_table(tmp_path / "series.parquet").num_rows == 0
    assert list(read_series(tmp_path / "series.parquet")) == []


def test_names_of_counters() -> None:
    assert counter("cpu12.busy_s").unit == "s"
    assert counter("gpu3.mig1.memory_used_bytes").is_whole
    assert documented()["gpu*.energy_j"].kind == "cumulative"
    for name in ("tree.nothing", "nothing", "disk0.read_bytes"):
        with pytest.raises(KeyError):
            counter(name)
