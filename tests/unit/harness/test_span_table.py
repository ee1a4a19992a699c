"""Spans on the disk: what was written is what is read."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq

from harness.span_table import TimedUnit, read_spans, read_timed_unit, write_spans
from harness.trace import Span

TIMED = TimedUnit(started_ns=1, ended_ns=99)


def test_spans_of_all_lanes_survive(tmp_path: Path) -> None:
    spans = [
        Span("inference", 3, 9, {"block": "ab", "items": 4}),
        Span("inference", 4, 12, {"block": "ab", "items": 4}, "device"),
        Span("prepare_data", 5, 6, {}, "prefetch"),
    ]
    write_spans(spans, tmp_path / "spans.parquet", timed_unit=TIMED)
    assert list(read_spans(tmp_path / "spans.parquet")) == spans
    assert read_timed_unit(tmp_path / "spans.parquet") == TIMED


def test_a_search_without_spans_is_a_table_without_rows(tmp_path: Path) -> None:
    write_spans([], tmp_path / "spans.parquet", timed_unit=TIMED)
    assert list(read_spans(tmp_path / "spans.parquet")) == []
    columns = pq.read_schema(tmp_path / "spans.parquet").names
    assert columns == ["phase", "lane", "start_ns", "end_ns"]


def test_attributes_of_a_foreign_system_cost_no_run(tmp_path: Path) -> None:
    spans = [
        Span("plan", 1, 2, {"round": 1, "lane": "left"}),
        Span("plan", 2, 3, {"round": "final"}),
    ]
    write_spans(spans, tmp_path / "spans.parquet", timed_unit=TIMED)
    first, second = read_spans(tmp_path / "spans.parquet")
    assert first.attributes == {"round": "1", "lane_": "left"}
    assert (second.attributes, second.lane) == ({"round": "final"}, "host")


def test_a_table_without_lanes_is_the_hosts(tmp_path: Path) -> None:
    write_spans([Span("plan", 1, 2, {"items": 3})], tmp_path / "new.parquet", timed_unit=TIMED)
    old = pq.read_table(tmp_path / "new.parquet").drop_columns(["lane"])
    pq.write_table(old.replace_schema_metadata(None), tmp_path / "spans.parquet")
    assert list(read_spans(tmp_path / "spans.parquet")) == [Span("plan", 1, 2, {"items": 3})]
    assert read_timed_unit(tmp_path / "spans.parquet") is None
