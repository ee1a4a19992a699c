"""What a run writes beside its record is what the report reads."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from harness.span_table import SPANS, TimedUnit, write_spans
from harness.telemetry.recording import SERIES
from harness.telemetry.series import Group, Series, write_series
from harness.trace import Span
from reports import hardware, timeline
from reports.html.task_tree import tree_of

STEP_NS = 10**6


def test_spans_as_written_have_a_timeline_and_a_tree(tmp_path: Path) -> None:
    assert timeline.SPANS == SPANS
    spans = [
        Span("inference", at * STEP_NS, (at + 1) * STEP_NS, {"block": block, "vertex": vertex})
        for at, (block, vertex) in enumerate([("a", 1), ("b", 2), ("a", 1), ("c", 2)])
    ]
    spans.append(Span("prepare_model", 0, 2 * STEP_NS, {"block": "a"}, "prefetch"))
    write_spans(spans, tmp_path / SPANS, timed_unit=TimedUnit(started_ns=0, ended_ns=6 * STEP_NS))
    found = timeline.read_spans(tmp_path, with_blocks=True)
    assert found is not None
    lanes = {lane.title: lane.code for lane in timeline.lanes_of(found)}
    assert lanes == {"search": "c400k200", "in the background": "b200k400"}
    tree = tree_of(found)
    assert tree is not None
    assert (tree.models, tree.blocks, tree.distinct) == (2, 4, 3)


def test_series_as_written_can_be_drawn(tmp_path: Path) -> None:
    assert hardware.SERIES == SERIES
    host = Group(
        interval_s=0.1,
        times_ns=np.arange(3) * 10**9,
        columns={"tree.cpu_s": [5.0, 6.0, 8.0], "tree.rss_bytes": [10**6, 2 * 10**6, None]},
    )
    gpu = Group(
        interval_s=0.1, times_ns=np.arange(2) * 10**9, columns={"gpu0.utilisation": [0.5, 1.0]}
    )
    series = Series(header={}, groups={"host": host, "gpu": gpu}, events=(), end=None)
    write_series(series, tmp_path / SERIES)
    tracks = hardware.read_tracks(tmp_path, window_ns=None)
    assert [(track.title, track.unit, track.values) for track in tracks] == [
        ("processors busy with the search", "cores", (1, 2)),
        ("memory of the search", "MB", (1, 2)),
        ("gpu0 utilisation", "", (0.5, 1)),
    ]
