"""The runs of one cell on two sides: which rounds belong together, and whether answers agree."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace

from reports.agreement import check_agreement
from reports.pairing import Cell
from reports.readings import is_probe
from reports.records import Record

Pair = tuple[Record, Record]


def cell_of(record: Record) -> Cell:
    """What a record is a run of."""
    return Cell(scenario=record.scenario, scale=record.scale, label=record.label, spec=record.spec)


def by_cell(records: Sequence[Record]) -> list[tuple[Cell, list[Record]]]:
    """The searches among ``records``, each with its rounds; probes are left out."""
    cells: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        if not is_probe(record):
            cells.setdefault((record.search, record.variant), []).append(record)
    return [(cell_of(runs[0]), runs) for runs in cells.values()]


def pairs_by_round(first: Sequence[Record], second: Sequence[Record]) -> list[Pair]:
    """The measured runs of both sides, by round."""
    others = {run.round: run for run in second if run.ok and run.wall_s is not None}
    return [
        (run, others[run.round])
        for run in sorted(first, key=lambda run: run.round)
        if run.ok and run.wall_s is not None and run.round in others
    ]


def is_interleaved(pairs: Sequence[Pair]) -> bool:
    """Whether the sides take turns: at least one change of sides per round."""
    runs = [
        (run.started_at, at, side) for at, pair in enumerate(pairs) for side, run in enumerate(pair)
    ]
    order = [side for _, _, side in sorted(runs)]
    return sum(a != b for a, b in itertools.pairwise(order)) >= len(pairs)


def difference(
    first: Sequence[Record], second: Sequence[Record], *, names: tuple[str, str]
) -> str | None:
    """How the answers of the two sides differ, or that they could not be compared."""
    sides = [
        _marked(run, name)
        for runs, name in zip((first, second), names, strict=True)
        for run in runs
    ]
    agreement = check_agreement([run for run in sides if run.ok])
    if agreement.status == "differ":
        more = len(agreement.findings) - 1
        return f"Answers differ. {agreement.findings[0]}" + (f" ({more} more.)" if more else "")
    return None if agreement.status == "agree" else "There are no answers to compare."


def seconds_of(record: Record) -> float:
    """The time of a run that is known to have one."""
    assert record.wall_s is not None  # what the callers have checked
    return record.wall_s


def _marked(record: Record, side: str) -> Record:
    """A record that the comparison of answers takes for another system than the other side's."""
    options = record.spec.get("options")
    marked = {**(options if isinstance(options, Mapping) else {}), "side": side}
    spec = {**record.spec, "options": marked}
    return replace(record, label=f"{record.label} ({side})", spec=spec)
