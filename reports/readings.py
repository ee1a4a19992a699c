"""What probes found: readings side by side, rounds laid together; never compared as searches."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reports import labels
from reports.records import Record

PROBE_PREFIX = "probe-"
"""Of the names of probes, and of no other systems."""

QUARTILES = ("low_", "high_")
"""Before the name of a column whose median has no such prefix."""

_TITLE_PARAMETERS = ("dataset", "resolution", "sequence_length", "batch_size", "device")
_ALWAYS_TOLD = ("resolution", "sequence_length")

Cell = str | int | float | bool | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadingsTable:
    """The readings of one probe in one scenario, on one class of machines."""

    probe: str
    """Its name in scenario files."""
    label: str
    scenario: str
    scale: str | None
    host_class: str
    title: str
    """What all runs have in common, in words."""
    apart: tuple[str, ...]
    """The parameters of the runs in which they differ: the first columns."""
    own: tuple[str, ...]
    """The probe's own columns, which follow; units are in the names."""
    rows: tuple[Mapping[str, Cell], ...]
    """Medians over the rounds."""
    rounds: int
    """The least number of rounds behind a row; 0 without rows."""
    problems: tuple[str, ...]
    """A sentence for each run that was not measured."""
    is_valid: bool
    """Something was measured, and no run went wrong."""

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns, in order."""
        return (*self.apart, *self.own)


def is_probe(record: Record) -> bool:
    """Whether the run measured single steps and searched for nothing."""
    return record.system.startswith(PROBE_PREFIX)


def collect_readings(records: Sequence[Record]) -> tuple[ReadingsTable, ...]:
    """The tables of all probes among ``records``; scenarios, scales and machines never mix."""
    groups: dict[tuple[str, ...], list[Record]] = {}
    for record in records:
        if is_probe(record):
            key = (record.scenario, record.scale or "", record.system, record.host_class)
            groups.setdefault(key, []).append(record)
    return tuple(_table(groups[key]) for key in sorted(groups))


def laid_together(rounds: Sequence[Sequence[Mapping[str, object]]]) -> list[dict[str, Cell]]:
    """The rows of several rounds as one: medians of numbers, all of yes and no, sums of repeats.

    Rows belong together by their place. Where the numbers of rows differ, rounds did not
    measure the same, and only the last one is shown.
    """
    if len({len(rows) for rows in rounds}) > 1:
        rounds = rounds[-1:]
    return [
        {name: _middle(name, [row.get(name) for row in together]) for name in together[-1]}
        for together in zip(*rounds, strict=True)
    ]


def _middle(name: str, values: Sequence[object]) -> Cell:
    if all(isinstance(value, bool) for value in values):
        return all(values)
    numbers = [value for value in values if isinstance(value, (int, float))]
    if len(numbers) < len(values):  # texts, or unknown in some round
        last = values[-1]
        return last if last is None or isinstance(last, (int, float)) else str(last)
    if name == "repeats":
        return sum(numbers)
    return numbers[0] if len(set(numbers)) == 1 else float(statistics.median(numbers))


def _table(group: Sequence[Record]) -> ReadingsTable:
    runs: dict[str, list[Record]] = {}
    for record in sorted(group, key=lambda record: record.round):
        runs.setdefault(record.search, []).append(record)
    measured = {
        search: ok for search, rounds in runs.items() if (ok := [r for r in rounds if r.ok])
    }
    tables = {
        search: laid_together([record.readings for record in rounds])
        for search, rounds in measured.items()
    }
    own = list(dict.fromkeys(name for rows in tables.values() for row in rows for name in row))
    apart = _apart([rounds[0].spec for rounds in measured.values()], own)
    rows = [
        {**{name: _plain(measured[search][0].spec.get(name)) for name in apart}, **row}
        for search, table in tables.items()
        for row in table
    ]
    first = group[0]
    return ReadingsTable(
        probe=first.system,
        label=first.label,
        scenario=first.scenario,
        scale=first.scale,
        host_class=first.host_class,
        title=_title([record.spec for record in group], own),
        apart=tuple(apart),
        own=tuple(own),
        rows=tuple(_in_order(rows, apart)),
        rounds=min((len(rounds) for rounds in measured.values()), default=0),
        problems=tuple(dict.fromkeys(_problem(record) for record in group if not record.ok)),
        is_valid=bool(measured) and all(record.status in ("ok", "skipped") for record in group),
    )


def _apart(specs: Sequence[Mapping[str, object]], own: Sequence[str]) -> list[str]:
    """The parameters in which runs differ and that their rows do not tell themselves.

    Where rows tell the architecture, what follows from it says nothing more.
    """
    names = [name for name in (specs[0] if specs else ()) if name not in ("system", "options")]
    differing = [n for n in names if n not in own and len({repr(s.get(n)) for s in specs}) > 1]
    if "architecture" not in own:
        return differing
    architectures = {str(spec.get("architecture")) for spec in specs}
    return [
        name
        for name in differing
        if name in _ALWAYS_TOLD
        or len({(str(s.get("architecture")), repr(s.get(name))) for s in specs})
        > len(architectures)
    ]


def _in_order(rows: list[dict[str, Cell]], apart: Sequence[str]) -> list[dict[str, Cell]]:
    """By what sets runs apart, architectures as the paper orders them; else as they came."""

    def place(row: Mapping[str, Cell]) -> tuple[object, ...]:
        name, _, _ = str(row.get("architecture", "")).partition("@")
        order = labels.ARCHITECTURE_ORDER
        first = order.index(name) if name in order else len(order)
        return first, name, [_sortable(row.get(column)) for column in _keys(row, apart)]

    return sorted(rows, key=place)


def _keys(row: Mapping[str, Cell], apart: Sequence[str]) -> list[str]:
    own = [name for name in ("data_workers", "batch_size", "batch_items") if name in row]
    return [*apart, *own]


def _sortable(value: Cell) -> tuple[bool, float, str]:
    if isinstance(value, (int, float)):
        return True, float(value), ""
    return False, 0.0, str(value)


def _plain(value: object) -> Cell:
    return value if value is None or isinstance(value, (str, int, float)) else str(value)


def _title(specs: Sequence[Mapping[str, object]], own: Sequence[str]) -> str:
    parts = []
    for name in ("architecture", *_TITLE_PARAMETERS):
        values = {repr(spec.get(name)) for spec in specs}
        if len(values) == 1 and name not in own:
            text = labels.parameter(name, specs[0].get(name))
            parts += [text] if text else []
    return " · ".join(parts)


def _problem(record: Record) -> str:
    what = " · ".join(
        text
        for name in ("architecture", *_TITLE_PARAMETERS)
        if (text := labels.parameter(name, record.spec.get(name)))
    )
    status = labels.STATUS_LABELS.get(record.status, record.status)
    return f"{record.label}, {what}: {status}: {record.reason or 'no reason was recorded'}"
