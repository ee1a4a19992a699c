"""The runs of one figure, and how it is called."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reports import labels
from reports.comparison import Comparison, Search, compare
from reports.figures.drawing import wrap_parts
from reports.grouping import Kind, by_kind
from reports.records import Record
from reports.statistics import CLAIM_ROUNDS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_NAMED = 60
"""Searches of one axis; the names of more would not fit on a page."""

Spec = Mapping[str, object]
Known = Callable[[str, str | None], tuple[str, Sequence[Spec]]]
"""Of a scenario and scale: its title, and the specifications of all its runs; empty where it
is not known."""
_CELL = ("architecture", "distribution", "items", "memory_limit", "part")
"""The parameters by which the paper's figures have their panels and bars."""
_MOST_ABSENT = 4
_LONGEST_STEM = 80  # characters: endings follow, and file systems take 255 bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class FigureRuns:
    """What one figure may show: one scenario and scale, on one device of one machine."""

    kind: Kind
    records: tuple[Record, ...]
    comparison: Comparison
    """Of all searches among them."""
    measured: Mapping[tuple[str, str], tuple[Record, ...]]
    """Runs with a time by ``Search.key`` and ``Row.variant``, in order of their rounds."""
    expected: tuple[Spec, ...]
    """Specifications of all runs that the scenario has, done or not; empty if not known."""
    stem: str
    """Of the figure's files: ``fig10@cpu``."""
    name: str
    """The scenario's own title, or else its name."""

    @property
    def heading(self) -> str:
        """The name; what all searches have in common, scale and machine; systems that nobody
        ran: each on a line of its own."""
        scale = f"scale {self.kind.scale}" if self.kind.scale else ""
        facts = facts_of(self.comparison) or self.kind.device
        where = " · ".join(part for part in (facts, scale, self.kind.host_class) if part)
        ran = {record.system for record in self.records}
        absent = sorted({str(spec.get("system")) for spec in self.expected} - ran)
        missing = f"not run: {', '.join(absent)}" if absent else ""
        return "\n".join(line for line in (self.name, where, missing) if line)

    @property
    def absent(self) -> str:
        """What the scenario has and nobody ran, in a line; empty where there is nothing."""
        ran = {_cell(record.spec) for record in self.records}
        missing = {cell: spec for spec in self.expected if (cell := _cell(spec)) not in ran}
        differing = [n for n in _CELL if len({repr(spec.get(n)) for spec in self.expected}) > 1]
        words = [[labels.parameter(n, spec.get(n)) for n in differing] for spec in missing.values()]
        named = [", ".join(word for word in each if word) for each in words]
        more = f"; and {len(named) - _MOST_ABSENT} more" if len(named) > _MOST_ABSENT else ""
        return f"not run: {'; '.join(named[:_MOST_ABSENT])}{more}" if named else ""


def figure_runs(records: Sequence[Record], known: Known) -> tuple[FigureRuns, ...]:
    """``records`` figure by figure.

    Where a scenario's scale was run on several devices or machines, the stems of all but the
    first have a number; every heading says the machine.
    """
    taken: set[str] = set()
    found = []
    for kind, group in by_kind(records).items():
        title, expected = known(kind.scenario, kind.scale or None)
        stem = _free(_file_name(kind.name), taken)
        taken.add(stem)
        measured: dict[tuple[str, str], list[Record]] = {}
        for record in sorted(group, key=lambda record: record.round):
            if record.ok:
                measured.setdefault((record.search, record.variant), []).append(record)
        found.append(
            FigureRuns(
                kind=kind,
                records=tuple(group),
                comparison=compare(group),
                measured={key: tuple(rounds) for key, rounds in measured.items()},
                expected=tuple(expected),
                name=title or kind.scenario,
                stem=stem,
            )
        )
    return tuple(found)


def facts_of(comparison: Comparison) -> str:
    """What all searches have in common, and on how many rounds the numbers rest."""
    searches = comparison.searches
    parts = [comparison.common_title] if comparison.common_title else []
    rounds = sorted({count for search in searches for count in search.rounds})
    if rounds:
        few, many = rounds[0], rounds[-1]
        text = labels.rounds(many) if few == many else f"{few} to {labels.rounds(many)}"
        parts.append(text + (f" (a claim takes {CLAIM_ROUNDS})" if few < CLAIM_ROUNDS else ""))
    if any(search.timing_only for search in searches):
        is_all = all(search.timing_only for search in searches)
        parts.append(labels.TIMING_ONLY if is_all else f"in part {labels.TIMING_ONLY}")
    return " · ".join(parts)


def search_name(search: Search) -> str:
    """What tells a search from the others of its figure, in lines of a tick's label."""
    name = search.panel_title or labels.architecture(search.spec.get("architecture"))
    return "\n".join(wrap_parts(name, 44))


def name_searches(axis: Axes, searches: Sequence[Search]) -> None:
    """A line for each search, from top to bottom; of too many only their number is said."""
    axis.set_ylim(len(searches) - 0.5, -0.5)
    if len(searches) <= MOST_NAMED:
        axis.set_yticks(range(len(searches)), [search_name(each) for each in searches], fontsize=6)
    else:
        axis.set_yticks([])
        axis.set_ylabel(f"{len(searches)} searches")


def _cell(spec: Spec) -> tuple[str, ...]:
    return tuple(str(spec.get(name)) for name in _CELL)


def _file_name(name: str) -> str:
    """``name``, which a record may have from anywhere, as the name of a file."""
    return re.sub(r"[^\w@.+-]", "_", name).lstrip(".")[:_LONGEST_STEM] or "runs"


def _free(stem: str, taken: set[str]) -> str:
    number, free = 1, stem
    while free in taken:
        number += 1
        free = f"{stem}-{number}"
    return free
