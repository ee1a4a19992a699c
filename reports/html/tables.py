"""The cells of the page's tables, as texts with a number to sort by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reports import labels
from reports.campaigns import Campaign
from reports.comparison import Search
from reports.readings import QUARTILES, ReadingsTable
from reports.readings_tables import head, text
from reports.records import Record
from reports.rows import Row
from reports.statistics import CLAIM_ROUNDS

_SHOWN_FINDINGS = 5
SEARCH_HEADS = (
    "time", "speed-up", "95% interval", "over strong Base", "paper",
    *(labels.PHASES[phase].short for phase in labels.PAPER_PHASES), "rest",
    "ops", "bound", "eff.", "read",
)  # fmt: skip
"""Of a search's table, behind the system."""

RUN_HEADS = ("run", "scenario", "search", "round", "status", "time", "speed-up", "eff.", "read")
"""Of the table of all runs; then those of ``kinds`` in which the runs differ."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """One cell."""

    text: str
    value: float | None = None
    """To sort by; None: unknown, or a text that sorts by itself."""
    is_number: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class RunRow:
    """One run in the table of all runs."""

    anchor: str
    status: str
    cells: tuple[Cell, ...]
    reason: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class TextTable:
    """A table without anything to sort."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    remarks: tuple[str, ...]


def search_cells(row: Row) -> tuple[str, ...]:
    """The texts behind the system's name, in the order of ``SEARCH_HEADS``."""
    shares, ratio = row.shares, row.speed_up
    if row.status != "ok":
        return (row.outcome, *[""] * (len(SEARCH_HEADS) - 1))
    rest = sum(share for phase, share in shares.items() if phase not in labels.PAPER_PHASES)
    return (
        labels.seconds(row.wall_s),
        row.outcome,
        labels.interval(ratio.low, ratio.high) if ratio else "",
        labels.ratio(row.over_strong.value) if row.over_strong else "",
        "" if row.published is None or row.is_base else labels.ratio(row.published),
        *(labels.percent(shares.get(phase, 0.0)) for phase in labels.PAPER_PHASES),
        labels.percent(rest),
        labels.ratio(row.operation_ratio),
        labels.seconds(row.time_bound_s),
        labels.percent(row.efficiency),
        labels.size(row.counts.get("bytes_read")),
    )


def search_remarks(search: Search) -> tuple[str, ...]:
    """What the numbers of a search rest on, and what is wrong with them."""
    lines = [f"{labels.TIMING_ONLY}; its scores mean nothing."] if search.timing_only else []
    counts = search.rounds
    if counts:
        each = labels.rounds(counts[-1])
        each = each if len(counts) == 1 else f"{counts[0]} to {each}"
        claim = f"; a claim takes {CLAIM_ROUNDS}" if counts[0] < CLAIM_ROUNDS else ", medians"
        lines.append(f"{each}{claim}.")
    else:
        lines.append("Nothing was measured.")
    agreement = search.agreement
    match agreement.status:
        case "agree":
            lines.append("Answers agree: features, scores and rankings were compared.")
        case "unchecked":
            lines.append("Answers unchecked: a system had nothing to be compared with.")
        case "differ":
            shown = agreement.findings[:_SHOWN_FINDINGS]
            lines += [f"Answers DIFFER: {finding}" for finding in shown]
            hidden = len(agreement.findings) - len(shown)
            lines += [f"{hidden} more such differences."] if hidden else []
    return (*lines, *search.notes)


def winner(search: Search) -> str:
    """The model to take, in a sentence; empty where none can be named."""
    answer = search.answer
    if answer is None or search.timing_only or search.agreement.status == "differ":
        return ""
    if answer.winner is None:
        return ""
    found = answer.models.get(answer.winner)
    parts = [] if found is None or found.score is None else [f"accuracy {found.score:.3f}"]
    parts += [f"{len(answer.tied)} models share this place"] if len(answer.tied) > 1 else []
    return f"Best model: {answer.winner}" + (f" ({', '.join(parts)})" if parts else "")


def run_kinds(campaigns: Sequence[Campaign]) -> tuple[str, ...]:
    """``device`` and ``machine``, where the runs differ in them."""
    kinds = {
        "device": {campaign.device for campaign in campaigns},
        "machine": {campaign.host_class for campaign in campaigns},
    }
    return tuple(kind for kind, found in kinds.items() if len(found) > 1)


def run_row(
    record: Record, campaign: Campaign, *, anchor: str, kinds: Sequence[str],
    search: Search | None, base_s: float | None,
) -> RunRow:  # fmt: skip
    """One run as a line of the table of all runs.

    Args:
        record: the run.
        campaign: what it belongs to.
        anchor: where the page shows the run.
        kinds: of ``run_kinds``.
        search: its search; None for a probe.
        base_s: the time of Base in the same round; None where there is no such run.
    """
    status = labels.STATUS_LABELS.get(record.status, record.status)
    row = next((r for r in search.rows if r.variant == record.variant), None) if search else None
    speed_up = efficiency = None
    if record.wall_s and row is not None:
        may = row.speed_up is not None  # not where answers differ, or were not compared
        speed_up = base_s / record.wall_s if base_s and may else None
        bound_s = row.time_bound_s  # that of the search, as in its own table
        efficiency = None if bound_s is None else min(1.0, bound_s / record.wall_s)
    title = (search.panel_title if search else "") or labels.search_title(record.spec)
    read = record.counts.get("bytes_read")
    cells = [
        Cell(text=record.label),
        Cell(text=campaign.name),
        Cell(text=title),
        Cell(text=str(record.round + 1), value=record.round + 1, is_number=True),
        Cell(text=status),
        Cell(text=labels.seconds(record.wall_s), value=record.wall_s, is_number=True),
        Cell(text=labels.ratio(speed_up), value=speed_up, is_number=True),
        Cell(text=labels.percent(efficiency), value=efficiency, is_number=True),
        Cell(text=labels.size(read), value=read, is_number=True),
    ]
    of = {"device": campaign.device, "machine": campaign.host_class}
    cells += [Cell(text=of[kind]) for kind in kinds]
    return RunRow(anchor=anchor, status=record.status, cells=tuple(cells), reason=record.reason)


def readings_table(readings: ReadingsTable) -> TextTable:
    """What a probe found, with all rows; quartiles stand with their medians."""
    shown = [name for name in readings.columns if not name.startswith(QUARTILES)]
    title = f" · {readings.title}" if readings.title else ""
    measured = [f"Medians over {labels.rounds(readings.rounds)}."] if readings.rows else []
    return TextTable(
        title=f"{readings.label}{title}",
        heads=tuple(head(name) for name in shown),
        rows=tuple(tuple(text(name, row) for name in shown) for row in readings.rows),
        remarks=(*measured, *readings.problems),
    )
