"""Series: what the sampler wrote, as columns on the clock of the spans.

The sampler appends JSON lines: a header ``{"format", "groups", …}``, then rows
``[group, t_ns, value, …]`` with the group's columns in the header's order (null where there
was no value), events ``{"event": …, "t_ns": …}``, and ``{"end": …}``. A line that a kill
cut short is left out.

``series.parquet`` is wide: ``t_ns`` (int64, ``time.monotonic_ns``), then one nullable
column per counter (:mod:`harness.telemetry.counters`), one row per sampling of one group.
Cumulative counters start at 0. Each field's metadata hold ``unit``, ``kind``, ``meaning``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.telemetry.counters import Counter, counter

FORMAT = 1
"""Version of the sampler's file."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Track:
    """The values of one counter, those that are known."""

    name: str
    times_ns: NDArray[np.int64]
    """[samples], ascending."""
    values: NDArray[np.float64]
    """[samples]"""

    @property
    def counter(self) -> Counter:
        """Unit, kind and meaning."""
        return counter(self.name)

    def rate(self) -> Track | None:
        """A cumulative counter's growth per second between samples; None below two."""
        if len(self.values) < 2:
            return None
        seconds = np.maximum(np.diff(self.times_ns), 1) / 1e9
        return Track(
            name=self.name, times_ns=self.times_ns[1:], values=np.diff(self.values) / seconds
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """Counters that are sampled at the same moments."""

    interval_s: float
    """As asked for."""
    times_ns: NDArray[np.int64]
    """[samples]"""
    columns: Mapping[str, list[float | int | None]]
    """Each [samples]."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Series:
    """Everything that a sampler wrote."""

    header: Mapping[str, Any]
    groups: Mapping[str, Group]
    events: tuple[Mapping[str, Any], ...]
    end: Mapping[str, Any] | None
    """None if the sampler did not come to its end."""

    def tracks(self) -> Iterator[Track]:
        """Every counter that has a value; cumulative ones from 0."""
        for group in self.groups.values():
            for name in group.columns:
                track = _track(name, group)
                if len(track.values):
                    yield track

    def track(self, name: str) -> Track | None:
        """One counter; None if it is not there or has no value."""
        for group in self.groups.values():
            if name in group.columns:
                track = _track(name, group)
                return track if len(track.values) else None
        return None


def read_raw(path: Path) -> Series:
    """Read the sampler's file; ValueError if it holds no header of this format."""
    header: dict[str, Any] | None = None
    rows: dict[str, list[list[Any]]] = {}
    events: list[dict[str, Any]] = []
    end = None
    with path.open("rb") as file:
        for line in file:
            if not line.endswith(b"\n"):
                break
            entry = json.loads(line)
            if isinstance(entry, list):
                rows[entry[0]].append(entry)
            elif header is None:
                header = entry
                if header.get("format") != FORMAT:
                    raise ValueError(f"{path} has format {header.get('format')}, not {FORMAT}.")
                rows = {name: [] for name in header["groups"]}
            elif "end" in entry:
                end = entry["end"]
            else:
                events.append(entry)
    if header is None:
        raise ValueError(f"{path} has no header: the sampler ended before its first sample.")
    groups = {
        name: _group(description, rows[name]) for name, description in header["groups"].items()
    }
    return Series(header=header, groups=groups, events=tuple(events), end=end)


def write_series(series: Series, path: Path) -> None:
    """Write ``series`` as the run's ``series.parquet``; imports pyarrow."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    groups = [group for group in series.groups.values() if len(group.times_ns)]
    times = [group.times_ns for group in groups] or [np.empty(0, np.int64)]
    order = np.argsort(np.concatenate(times), kind="stable")
    total = len(order)
    fields = [pa.field("t_ns", pa.int64(), nullable=False)]
    arrays = [pa.array(np.concatenate(times)[order])]
    offset = 0
    for group in groups:
        for name, values in group.columns.items():
            described = counter(name)
            column = [*[None] * offset, *_from_zero(described, values)]
            column += [None] * (total - len(column))
            kind = pa.int64() if described.is_whole else pa.float64()
            fields.append(
                pa.field(
                    name,
                    kind,
                    metadata={
                        "unit": described.unit,
                        "kind": described.kind,
                        "meaning": described.meaning,
                    },
                )
            )
            arrays.append(pa.array(column, kind).take(pa.array(order)))
        offset += len(group.times_ns)
    table = pa.Table.from_arrays(arrays, schema=pa.schema(fields))
    pq.write_table(table, path, compression="zstd")


def read_series(path: Path) -> Iterator[Track]:
    """The tracks of a ``series.parquet``, those with values; imports pyarrow."""
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    times_ns = table["t_ns"].to_numpy()
    for name in table.column_names[1:]:
        column = table[name]
        known = column.is_valid().to_numpy()
        values = column.drop_null().to_numpy().astype(np.float64)
        if len(values):
            yield Track(name=name, times_ns=times_ns[known], values=values)


def _group(description: Mapping[str, Any], rows: list[list[Any]]) -> Group:
    names = description["columns"]
    columns = list(zip(*rows, strict=True)) if rows else [()] * (2 + len(names))
    return Group(
        interval_s=description["interval_s"],
        times_ns=np.array(columns[1], np.int64),
        columns={name: list(values) for name, values in zip(names, columns[2:], strict=True)},
    )


def _track(name: str, group: Group) -> Track:
    values = _from_zero(counter(name), group.columns[name])
    known = np.array([value is not None for value in values], bool)
    return Track(
        name=name,
        times_ns=group.times_ns[known],
        values=np.array([value for value in values if value is not None], np.float64),
    )


def _from_zero(described: Counter, values: list[float | int | None]) -> list[float | int | None]:
    if described.kind != "cumulative":
        return values
    first = next((value for value in values if value is not None), 0)
    return [None if value is None else value - first for value in values]
