"""Predicted times of runs, with the measured ones beside them where there are any."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from reports import labels
from reports.records import Record
from reports.statistics import median

if TYPE_CHECKING:
    from rich.console import Console

WIDTH = 100
PHASES = (*labels.PAPER_PHASES, "plan", "cache")
"""The phases that are predicted."""
LEGEND = (
    "speed-up: predicted time of Base / of the system · data … cache: predicted share of the time "
    "· measured: median of the runs that were kept · error: predicted / measured − 1"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class PredictedRow:
    """One system on one search: what it would take, and what it took."""

    search: str
    """The search as a title."""
    label: str
    identity: str
    """Of the specification, by which measured runs are found."""
    wall_s: float
    phases_s: Mapping[str, float]
    speed_up: float | None
    bytes_read: float
    items_decoded: float
    profile: str
    """The name of the hardware profile."""
    is_fallback: bool
    measured_s: float | None = None
    measured_phases_s: Mapping[str, float] | None = None
    measured_rounds: int = 0

    @property
    def error(self) -> float | None:
        """How far the prediction is off, as a share of the measured time."""
        return None if self.measured_s is None else self.wall_s / self.measured_s - 1

    def as_json(self) -> dict[str, object]:
        """The row in plain JSON types; null for what is not known."""
        return {**asdict(self), "error": self.error}


def with_measured(
    rows: Sequence[PredictedRow], records: Sequence[Record], *, host_class: str
) -> list[PredictedRow]:
    """The rows, with medians over the measured runs of the same specification.

    Runs of other classes of machines than ``host_class`` are left out.
    """
    by_identity: dict[str, list[Record]] = {}
    for record in records:
        if record.ok and record.host_class == host_class:
            by_identity.setdefault(record.identity, []).append(record)
    return [_measured(row, by_identity.get(row.identity, [])) for row in rows]


def print_predictions(console: Console, rows: Sequence[PredictedRow]) -> None:
    """Print a table per search, at most ``WIDTH`` columns wide."""
    from rich.table import Table
    from rich.text import Text

    width = min(console.width, WIDTH)
    is_compared = any(row.measured_s is not None for row in rows)
    for search in dict.fromkeys(row.search for row in rows):
        table = Table(box=None, padding=(0, 1, 0, 0), header_style="dim", pad_edge=False)
        table.add_column("system", overflow="fold", min_width=8)
        heads = ["predicted", "speed-up", *(labels.PHASES[phase].short for phase in PHASES)]
        for head in [*heads, "read", *(["measured", "error"] if is_compared else [])]:
            table.add_column(head, justify="right", no_wrap=True)
        for row in rows:
            if row.search == search:
                table.add_row(*(Text(cell) for cell in _cells(row, is_compared=is_compared)))
        console.print()
        console.print(Text(search, style="bold"), width=width)
        console.print(table, width=width, soft_wrap=False)
    console.print()
    console.print(Text(LEGEND, style="dim"), width=width, soft_wrap=False)


def as_json(rows: Sequence[PredictedRow], notes: Sequence[str]) -> dict[str, object]:
    """Rows and notes in plain JSON types."""
    return {"notes": list(notes), "runs": [row.as_json() for row in rows]}


def _measured(row: PredictedRow, runs: Sequence[Record]) -> PredictedRow:
    values = asdict(row)
    values |= {
        "measured_s": median([run.wall_s for run in runs if run.wall_s is not None]),
        "measured_phases_s": {
            phase: median([run.phases_s.get(phase, 0.0) for run in runs]) or 0.0 for phase in PHASES
        }
        if runs
        else None,
        "measured_rounds": len(runs),
    }
    return PredictedRow(**values)


def _cells(row: PredictedRow, *, is_compared: bool) -> list[str]:
    shares = [row.phases_s.get(phase, 0.0) / row.wall_s for phase in PHASES]
    cells = [
        row.label,
        labels.seconds(row.wall_s),
        labels.ratio(row.speed_up),
        *(labels.percent(share) for share in shares),
        labels.size(row.bytes_read),
    ]
    if is_compared:
        error = labels.UNKNOWN if row.error is None else f"{row.error:+.0%}"
        cells += [labels.seconds(row.measured_s), error]
    return cells
