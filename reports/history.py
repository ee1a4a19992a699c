"""Times over many nights: one line of JSON per search, system and night."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path

from reports.comparison import compare
from reports.drift import SHORTEST, Level, drift, levels
from reports.errors import ReportError
from reports.grouping import by_kind
from reports.records import Record

SCHEMA = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One system on one search, on one night."""

    time: str
    """When its first run started: ISO 8601 in UTC."""
    commit: str
    host_class: str
    scenario: str
    scale: str | None
    search: str
    """In one line, for people."""
    label: str
    identity: str
    """Of the specification."""
    wall_s: float
    """Median over the rounds."""
    speed_up: float | None
    rounds: int
    schema: int = SCHEMA

    @property
    def series(self) -> tuple[str | None, ...]:
        """What its series is of: scenarios may have specifications in common."""
        return (self.scenario, self.scale, self.identity, self.host_class)


@dataclass(frozen=True, kw_only=True, slots=True)
class Series:
    """The nights of one system on one search of one class of machines, in time order."""

    entries: tuple[Entry, ...]
    levels: tuple[Level, ...]
    drift: float | None
    """See ``reports.drift``."""

    @property
    def title(self) -> str:
        """System and search."""
        return f"{self.entries[-1].label}: {self.entries[-1].search}"

    @property
    def steps(self) -> tuple[tuple[Entry, float], ...]:
        """What led to the drift: the first night of each level after the lowest one, and the
        level over the one before it."""
        if len(self.levels) < 2:
            return ()
        earlier = [level.value for level in self.levels[:-1]]
        since = self.levels[earlier.index(min(earlier)) :]
        return tuple(
            (self.entries[after.first], after.value / before.value)
            for before, after in itertools.pairwise(since)
        )

    @property
    def place(self) -> str:
        """Scenario, scale and class of machines."""
        last = self.entries[-1]
        scale = f"@{last.scale}" if last.scale else ""
        return f"{last.scenario}{scale} · {last.host_class}"


def entries_of(records: Sequence[Record]) -> tuple[Entry, ...]:
    """The medians of what was measured; where answers differ there is no time."""
    runs: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        if record.ok:
            runs.setdefault((record.search, record.variant), []).append(record)
    return tuple(
        Entry(
            time=min(run.started_at for run in own),
            commit=own[-1].commit,
            host_class=search.host_class,
            scenario=search.scenario,
            scale=search.scale,
            search=search.title,
            label=row.label,
            identity=own[-1].identity,
            wall_s=row.wall_s,
            speed_up=row.speed_up.value if row.speed_up else None,
            rounds=row.rounds,
        )
        for group in by_kind(records).values()  # titles depend on nothing that ran beside them
        for search in compare(group).searches
        for row in search.rows
        if row.wall_s is not None and row.agreement != "differ"
        for own in [runs[search.key, row.variant]]
    )


def add_entries(path: Path, entries: Sequence[Entry]) -> int:
    """Append what ``path`` does not have yet; how many lines that were.

    Raises:
        ReportError: the file is no history.
    """
    known = {(e.time, e.series) for e in read_history(path)} if path.exists() else set()
    new = [e for e in entries if (e.time, e.series) not in known]
    path.parent.mkdir(parents=True, exist_ok=True)
    written = path.read_text(encoding="utf-8") if path.exists() else ""
    with path.open("a", encoding="utf-8") as file:
        if written and not written.endswith("\n"):
            file.write("\n")  # edited by hand, or cut off: two lines must not become one
        file.writelines(f"{json.dumps(asdict(entry), sort_keys=True)}\n" for entry in new)
    return len(new)


def read_history(path: Path) -> tuple[Entry, ...]:
    """All entries of the file; an empty one is an empty history.

    Raises:
        ReportError: it cannot be read, or a line is no entry.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        raise ReportError(
            f"'{path}' cannot be read ({why}). Make it with "
            f"'alsatian-bench history add RUNS --file {path}'."
        ) from error
    found = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            found.append(_entry(json.loads(line)))
        except (ValueError, KeyError, TypeError) as error:
            raise ReportError(
                f"Line {number} of '{path}' is no entry of a history ({error}). Remove the line."
            ) from error
    return tuple(found)


def series_of(entries: Sequence[Entry], *, since: str = "") -> tuple[Series, ...]:
    """The series, by what was measured and the class of machines.

    ``since`` is a date (ISO 8601): nights before it are as if they had not been. Among many
    series a level takes more to be one, so that all together are as rarely divided for nothing.
    """
    groups: dict[tuple[str | None, ...], list[Entry]] = {}
    for entry in sorted(entries, key=lambda entry: entry.time):
        if entry.time[: len(since)] < since:
            continue
        groups.setdefault(entry.series, []).append(entry)
    found = []
    among = max(1, sum(len(group) >= 2 * SHORTEST for group in groups.values()))
    for group in groups.values():
        fit = levels([entry.wall_s for entry in group], among=among)
        found.append(Series(entries=tuple(group), levels=fit, drift=drift(fit)))
    return tuple(sorted(found, key=lambda series: (series.title, series.place)))


def _entry(values: Mapping[str, object]) -> Entry:
    if values["schema"] != SCHEMA:
        raise ValueError(f"schema {values['schema']}, and this is {SCHEMA}")
    for name in ("commit", "host_class", "scenario", "search", "label", "identity"):
        if not isinstance(values[name], str):
            raise TypeError(f"{name} is {values[name]!r}")
    entry = Entry(**{each.name: values[each.name] for each in fields(Entry)})  # type: ignore[arg-type]
    datetime.fromisoformat(entry.time)
    if not isinstance(entry.wall_s, (int, float)) or not 0 < entry.wall_s < math.inf:
        raise ValueError(f"wall_s is {entry.wall_s!r}")
    return entry
