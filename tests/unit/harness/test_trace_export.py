"""The Chrome trace of a run: one clock, lanes that nest, counters, names."""

from __future__ import annotations

import gzip
import json
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from harness.profile import PROFILE, profiled
from harness.span_table import SPANS, TimedUnit, write_spans
from harness.telemetry.recording import SERIES
from harness.trace import Span, SpanTracer
from harness.trace_export import write_chrome_trace
from systems.errors import BenchError, ConfigurationError

HASH = "0123456789abcdef" * 2
START_NS = 5_000_000_000
REQUIRED = {
    "X": {"name", "ts", "dur", "pid", "tid"},
    "C": {"name", "ts", "pid", "args"},
    "M": {"name", "pid", "args"},
}


def chrome_trace(run: Path) -> dict[str, Any]:
    """What is written, as one object."""
    path = run / "trace-for-test.json"
    write_chrome_trace(run, path)
    trace: dict[str, Any] = json.loads(path.read_text())
    path.unlink()
    return trace


def write_run(folder: Path, spans: list[Span], *, end_ns: int) -> None:
    timed = TimedUnit(started_ns=START_NS, ended_ns=end_ns)
    write_spans(spans, folder / SPANS, timed_unit=timed)
    record = {"key": "alsatian-1", "label": "Alsatian", "status": "ok", "answer": {"big": 1}}
    (folder / "record.json").write_text(json.dumps(record))


def write_series(folder: Path, columns: dict[str, list[Any]]) -> None:
    pq.write_table(pa.table(columns), folder / SERIES)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    us = 1000
    spans = [
        Span("prepare_model", START_NS + 2 * us, START_NS + 4 * us, {"block": "resnet18/3"}),
        Span("inference", START_NS + 1 * us, START_NS + 9 * us, {"block": HASH, "items": 3}),
        Span("inference", START_NS + 3 * us, START_NS + 30 * us, {"block": HASH}, "device"),
        Span("prepare_data", START_NS + 5 * us, START_NS + 8 * us, {"items": 1}, "prefetch"),
        Span("prepare_data", START_NS + 6 * us, START_NS + 7 * us, {"items": 1}, "prefetch"),
    ]
    write_run(tmp_path, spans, end_ns=START_NS + 40 * us)
    return tmp_path


def slices(trace: dict[str, Any]) -> list[dict[str, Any]]:
    return [event for event in trace["traceEvents"] if event["ph"] == "X"]


def thread_names(trace: dict[str, Any]) -> dict[tuple[int, int], str]:
    return {
        (event["pid"], event["tid"]): event["args"]["name"]
        for event in trace["traceEvents"]
        if event["name"] == "thread_name"
    }


def assert_well_formed(trace: dict[str, Any]) -> None:
    """The format's required keys; slices of a lane in order, following or nesting."""
    by_lane = defaultdict(list)
    json.dumps(trace, allow_nan=False)
    for event in trace["traceEvents"]:
        assert REQUIRED.get(event["ph"], set()) <= event.keys(), event
        assert event.get("ts", 0) >= 0
        if event["ph"] == "X" and event["pid"] == 1:
            assert event["dur"] >= 0
            by_lane[event["tid"]].append(event)
    for lane in by_lane.values():
        open_ends: list[int] = []
        before_ns = 0
        for event in lane:
            start_ns = round(event["ts"] * 1e3)
            end_ns = start_ns + round(event["dur"] * 1e3)
            assert start_ns >= before_ns
            while open_ends and open_ends[-1] <= start_ns:
                open_ends.pop()
            assert not open_ends or end_ns <= open_ends[-1], event
            open_ends.append(end_ns)
            before_ns = start_ns


def test_spans_are_slices_on_named_lanes(run: Path) -> None:
    trace = chrome_trace(run)
    assert_well_formed(trace)
    names = thread_names(trace)
    shown = [(names[e["pid"], e["tid"]], e["name"], e["ts"], e["dur"]) for e in slices(trace)]
    assert shown == [
        ("host", "search", 0.0, 40.0),
        ("host", "inference/0123456789ab", 1.0, 8.0),
        ("host", "prepare_model/resnet18/3", 2.0, 2.0),
        ("device", "inference/0123456789ab", 3.0, 27.0),
        ("prefetch", "prepare_data", 5.0, 3.0),
        ("prefetch 2", "prepare_data", 6.0, 1.0),
    ]
    assert slices(trace)[1]["args"] == {"block": HASH, "items": 3}


def test_the_trace_says_which_run_it_is_and_where_its_clock_begins(run: Path) -> None:
    trace = chrome_trace(run)
    assert trace["otherData"] == {
        "key": "alsatian-1",
        "label": "Alsatian",
        "status": "ok",
        "origin_monotonic_ns": START_NS,
        "search_started_us": 0.0,
    }
    first = trace["traceEvents"][0]
    assert (first["name"], first["args"]) == ("process_name", {"name": "search: Alsatian"})


def test_series_are_counters_on_the_same_clock(run: Path) -> None:
    ms = 1_000_000
    write_series(
        run,
        {
            "t_ns": [START_NS - 10 * ms, START_NS, START_NS + 10 * ms, START_NS + 20 * ms],
            "tree.rss_bytes": [5, 5, None, 7],
            "cpu1.busy_s": [0.0, 0.01, 0.01, 0.015],
            "gpu0.power_w": [None, None, None, None],
            "gpu1.energy_j": [None, 3.0, None, None],
        },
    )
    trace = chrome_trace(run)
    assert_well_formed(trace)
    processes = {
        e["pid"]: e["args"]["name"] for e in trace["traceEvents"] if e["name"] == "process_name"
    }
    counters = [
        (processes[e["pid"]], e["name"], e["ts"], e["args"]["value"])
        for e in trace["traceEvents"]
        if e["ph"] == "C"
    ]
    # What does not change is told once; what grows is a rate from the step's begin; what
    # has no value, or of a growing counter a single one, is not there at all.
    assert counters == [
        ("tree", "rss_bytes", 0.0, 5.0),
        ("tree", "rss_bytes", 30_000.0, 7.0),
        ("cores", "cpu1 busy_s per s", 0.0, pytest.approx(1.0)),
        ("cores", "cpu1 busy_s per s", 10_000.0, 0.0),
        ("cores", "cpu1 busy_s per s", 20_000.0, pytest.approx(0.5)),
    ]
    assert slices(trace)[0]["ts"] == 10_000.0
    assert trace["otherData"]["search_started_us"] == 10_000.0


def test_a_run_that_did_not_finish_shows_its_series(tmp_path: Path) -> None:
    write_series(tmp_path, {"t_ns": [7_000, 9_000], "tree.rss_bytes": [1, 2]})
    trace = chrome_trace(tmp_path)
    assert_well_formed(trace)
    assert [e["ts"] for e in trace["traceEvents"] if e["ph"] == "C"] == [0.0, 2.0]


def test_the_profile_of_a_search_lies_inside_its_spans(tmp_path: Path) -> None:
    tracer = SpanTracer()
    a = torch.ones(100, 100)
    with profiled(True, tmp_path / PROFILE):
        tracer.start()
        time.sleep(0.02)
        with tracer.span("inference", block=HASH):
            torch.mm(a, a)
            time.sleep(0.02)
        tracer.stop()
    timed = TimedUnit(started_ns=tracer.started_ns, ended_ns=tracer.ended_ns)
    write_spans(tracer.all_spans, tmp_path / SPANS, timed_unit=timed)
    trace = chrome_trace(tmp_path)
    assert_well_formed(trace)
    span = next(e for e in slices(trace) if e["name"].startswith("inference"))
    product = next(e for e in slices(trace) if e["name"] == "aten::mm")
    assert product["pid"] != span["pid"]
    assert span["ts"] - 200 <= product["ts"] <= span["ts"] + span["dur"] - 15_000
    named = {
        e["pid"]: e["args"]["name"] for e in trace["traceEvents"] if e["name"] == "process_name"
    }
    assert named[product["pid"]].startswith("profiler: ")
    written = write_chrome_trace(tmp_path, tmp_path / "t.json")
    assert written.profiler_events > 1


@pytest.mark.parametrize("name", ["trace.json", "trace.json.gz"])
def test_what_is_written_is_the_same_trace(run: Path, tmp_path: Path, name: str) -> None:
    written = write_chrome_trace(run, tmp_path / name)
    data = written.path.read_bytes()
    text = gzip.decompress(data) if name.endswith(".gz") else data
    assert json.loads(text) == chrome_trace(run)
    assert (written.slices, written.counter_values, written.profiler_events) == (6, 0, 0)
    assert written.file_bytes == len(data)


def test_not_a_number_does_not_spoil_the_file(tmp_path: Path) -> None:
    spans = [Span("tune", START_NS, START_NS + 1, {"loss": float("nan"), "rate": 0.5})]
    write_run(tmp_path, spans, end_ns=START_NS + 1)
    trace = chrome_trace(tmp_path)
    assert_well_formed(trace)
    assert slices(trace)[1]["args"] == {"loss": "nan", "rate": 0.5}


def test_a_hundred_thousand_spans_are_a_small_file(tmp_path: Path) -> None:
    spans = []
    for n in range(50_000):
        t = START_NS + n * 2_000
        spans.append(Span("cache", t + 100, t + 900, {}))
        spans.append(Span("inference", t, t + 1_000, {"block": HASH, "vertex": n, "items": 32}))
    write_run(tmp_path, spans, end_ns=START_NS + 50_000 * 2_000)
    written = write_chrome_trace(tmp_path, tmp_path / "trace.json")
    assert written.slices == 100_001
    assert written.file_bytes < 25_000_000


def test_folders_that_hold_no_run_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no run folder"):
        chrome_trace(tmp_path / "nothing")
    (tmp_path / "record.json").write_text('{"status": "crashed"}')
    with pytest.raises(ConfigurationError, match="its status is crashed"):
        write_chrome_trace(tmp_path, tmp_path / "trace.json")
    assert not (tmp_path / "trace.json").exists()


def test_a_damaged_table_is_named(run: Path) -> None:
    (run / SPANS).write_bytes(b"PAR1 but no more")
    with pytest.raises(BenchError, match="damaged table"):
        chrome_trace(run)
