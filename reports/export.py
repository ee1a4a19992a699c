"""Runs as a flat table for other programs: a line per run, every column described."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from reports import labels
from reports.errors import ReportError
from reports.records import Record

SCHEMA = 1
"""Version of the table; it rises when a column changes its meaning or goes."""

Type = Literal["text", "whole", "number", "truth"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """One column of the table."""

    type: Type
    meaning: str
    value: Callable[[Record], object]
    unit: str = ""


def _of(name: str) -> Callable[[Record], object]:
    return lambda record: getattr(record, name)


def _count(name: str) -> Callable[[Record], object]:
    return lambda record: record.counts.get(name)


def _phase(name: str) -> Callable[[Record], object]:
    return lambda record: record.phases_s.get(name)


COLUMNS: Mapping[str, Column] = {
    "key": Column(type="text", meaning="Folder of the run.", value=_of("key")),
    "identity": Column(
        type="text",
        meaning="SHA-256 of the specification: equal for runs of the same thing.",
        value=_of("identity"),
    ),
    "scenario": Column(type="text", meaning="Name of the scenario.", value=_of("scenario")),
    "scale": Column(type="text", meaning="Its scale; empty as it stands.", value=_of("scale")),
    "round": Column(type="whole", meaning="Round, from 0.", value=_of("round")),
    "system": Column(type="text", meaning="Name in scenario files.", value=_of("system")),
    "label": Column(
        type="text", meaning="Name in figures, with changed options.", value=_of("label")
    ),
    "status": Column(
        type="text",
        meaning="ok, failed, timeout, out_of_memory, crashed, invalid, skipped or interrupted.",
        value=_of("status"),
    ),
    "reason": Column(type="text", meaning="Why it is not ok.", value=_of("reason")),
    "wall_s": Column(
        type="number", unit="s", meaning="Time of the search.", value=_of("wall_s")
    ),
    **{
        f"{phase}_s": Column(
            type="number",
            unit="s",
            meaning=f"Of it, on the critical path: {style.label}.",
            value=_phase(phase),
        )
        for phase, style in labels.PHASES.items()
        if phase != "other"
    },
    "excluded_s": Column(
        type="number", unit="s", meaning="Not counted in wall_s.", value=_of("excluded_s")
    ),
    "process_s": Column(
        type="number", unit="s", meaning="Life of the run's process.", value=_of("process_s")
    ),
    "operation_ratio": Column(
        type="number",
        meaning="Operations of Base over those of the system.",
        value=_of("operation_ratio"),
    ),
    "time_bound_s": Column(
        type="number",
        unit="s",
        meaning="Shortest time of an exact search, from this run's own rates.",
        value=_of("time_bound_s"),
    ),
    "efficiency": Column(
        type="number", meaning="time_bound_s over wall_s.", value=_of("efficiency")
    ),
    "operations": Column(
        type="number", meaning="Floating-point operations of inference.", value=_count("operations")
    ),
    "bytes_read": Column(
        type="number", unit="B", meaning="Read from the model store.", value=_count("bytes_read")
    ),
    "unique_bytes": Column(
        type="number", unit="B", meaning="Of different blocks needed.", value=_count("unique_bytes")
    ),
    "items_decoded": Column(
        type="number", meaning="Items read and decoded.", value=_count("items_decoded")
    ),
    "items_inferred": Column(
        type="number", meaning="Items times models inferred.", value=_count("items_inferred")
    ),
    "cache_peak_bytes": Column(
        type="number", unit="B", meaning="Most intermediates at once.",
        value=_count("cache_peak_bytes"),
    ),
    "held_peak_bytes": Column(
        type="number", unit="B",
        meaning="Most intermediates, parameters and, as planned, inner results of blocks at once.",
        value=_count("held_peak_bytes"),
    ),
    "process_peak_bytes": Column(
        type="number", unit="B", meaning="Peak memory of the process.",
        value=_count("process_peak_bytes"),
    ),
    "winner": Column(
        type="text",
        meaning="The chosen model.",
        value=lambda record: record.answer.winner if record.answer else None,
    ),
    "timing_only": Column(
        type="truth",
        meaning="Made-up data: scores and winner mean nothing.",
        value=lambda record: record.dataset.timing_only if record.dataset else None,
    ),
    "flags": Column(
        type="text",
        meaning="What a reader must know of the run, as names with commas; unknown if not judged.",
        value=lambda record: (
            None if record.flags is None else ",".join(flag.name for flag in record.flags)
        ),
    ),
    "host_class": Column(
        type="text", meaning="Machines of one class may be compared.", value=_of("host_class")
    ),
    "commit": Column(
        type="text",
        meaning="Of the code, and whether its checkout had been changed.",
        value=lambda record: record.commit if record.git.get("commit") else None,
    ),
    "code": Column(
        type="text", meaning="Fingerprint of the code that can influence it.", value=_of("code")
    ),
    "started_at": Column(
        type="text", meaning="ISO 8601 in UTC.", value=_of("started_at")
    ),
}  # fmt: skip
"""All columns but those of the specification, which follow as ``spec_`` and the name."""

SPEC_PREFIX = "spec_"
_ARROW = {"text": "string", "whole": "int64", "number": "float64", "truth": "bool"}
_LEFT_OUT = frozenset({"system", "options"})


def export_lines(records: Sequence[Record]) -> list[dict[str, object]]:
    """A line per run in plain JSON types; parameters that are no plain values are JSON text."""
    names = sorted({name for record in records for name in record.spec} - _LEFT_OUT)
    return [
        {
            **{name: column.value(record) for name, column in COLUMNS.items()},
            "options": json.dumps(record.spec.get("options"), sort_keys=True),
            **{f"{SPEC_PREFIX}{name}": plain_cell(record.spec.get(name)) for name in names},
        }
        for record in records
    ]


def write_export(records: Sequence[Record], path: Path) -> int:
    """Write the table to ``path``; its ending says as what: ``.csv`` or ``.parquet``.

    Parquet holds each column's meaning and unit as metadata of the field. Returns the number
    of lines.

    Raises:
        ReportError: another ending, or the file cannot be written.
    """
    lines = export_lines(records)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".csv":
            import pandas as pd

            # As objects: whole numbers stay whole where some are unknown.
            pd.DataFrame(lines, dtype=object).to_csv(path, index=False, lineterminator="\n")
        elif path.suffix == ".parquet":
            _write_parquet(lines, path)
        else:
            raise ReportError(
                f"'{path}' ends in '{path.suffix}': give a file that ends in .csv or .parquet."
            )
    except OSError as error:
        raise ReportError(f"'{path}' cannot be written: {error.strerror}.") from error
    return len(lines)


def _write_parquet(lines: Sequence[Mapping[str, object]], path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    fields, arrays = [], []
    for name in lines[0] if lines else ():
        values: list[Any] = [line[name] for line in lines]
        column = COLUMNS.get(name)
        if column is None and not _are_alike(values):
            values = [None if value is None else str(value) for value in values]
        kind = _ARROW[column.type] if column else None
        if column and column.type == "number":
            values = [None if value is None else float(value) for value in values]
        array = pa.array(values, type=pa.type_for_alias(kind) if kind else None)
        described = {"meaning": column.meaning, "unit": column.unit} if column else {}
        fields.append(pa.field(name, array.type, metadata=described))
        arrays.append(array)
    schema = pa.schema(fields, metadata={"alsatian_bench_schema": str(SCHEMA)})
    pq.write_table(pa.Table.from_arrays(arrays, schema=schema), path)


def _are_alike(values: Sequence[object]) -> bool:
    """Whether a column of its own type can hold them: whole and other numbers go together."""
    types = {type(value) for value in values if value is not None}
    is_small = all(abs(v) < 2**63 for v in values if isinstance(v, int))
    return is_small and (len(types) < 2 or types == {int, float})


def plain_cell(value: object) -> object:
    """A parameter's value as a table holds it: text and numbers as they are, others as JSON."""
    return value if isinstance(value, (str, int, float, type(None))) else json.dumps(value)
