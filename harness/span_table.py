"""Spans as a Parquet table: a row per span, a column per attribute."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.trace import Span

SPANS = "spans.parquet"
"""Name of the table in a run's folder."""

_OWN_COLUMNS = ("phase", "lane", "start_ns", "end_ns")
_METADATA = b"alsatian_bench"


@dataclass(frozen=True, kw_only=True, slots=True)
class TimedUnit:
    """Begin and end of the search on the host's monotonic clock."""

    started_ns: int
    ended_ns: int


def write_spans(spans: Sequence[Span], path: Path, *, timed_unit: TimedUnit) -> None:
    """Write spans of all lanes, and between which moments the search was timed.

    An attribute that would hide a column of the table gets an underscore; one whose values
    have no common type is written as text: a foreign system's choice of attributes must not
    cost it the run.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns: dict[str, Any] = {
        "phase": pa.array([span.phase for span in spans], pa.string()),
        "lane": pa.array([span.lane for span in spans], pa.string()),
        "start_ns": pa.array([span.start_ns for span in spans], pa.int64()),
        "end_ns": pa.array([span.end_ns for span in spans], pa.int64()),
    }
    for name in sorted({name for span in spans for name in span.attributes}):
        values = [span.attributes.get(name) for span in spans]
        columns[f"{name}_" if name in _OWN_COLUMNS else name] = _array(values)
    timed = {"started_ns": timed_unit.started_ns, "ended_ns": timed_unit.ended_ns}
    table = pa.table(columns).replace_schema_metadata({_METADATA: json.dumps(timed)})
    pq.write_table(table, path, compression="zstd")


def read_timed_unit(path: Path) -> TimedUnit | None:
    """The timed unit's begin and end; None in a table that does not tell."""
    import pyarrow.parquet as pq

    metadata = pq.read_schema(path).metadata or {}
    return TimedUnit(**json.loads(metadata[_METADATA])) if _METADATA in metadata else None


def read_spans(path: Path) -> Iterator[Span]:
    """The spans of a table, as written; a table without lanes is the host's."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches():
            columns = {name: batch[name].to_pylist() for name in batch.schema.names}
            own = {name: columns.pop(name, ["host"] * len(batch)) for name in _OWN_COLUMNS}
            for row, (phase, lane, start_ns, end_ns) in enumerate(zip(*own.values(), strict=True)):
                attributes = {
                    name: values[row] for name, values in columns.items() if values[row] is not None
                }
                yield Span(phase, start_ns, end_ns, attributes, lane)


def _array(values: list[Any]) -> Any:
    import pyarrow as pa

    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array([None if value is None else str(value) for value in values])
