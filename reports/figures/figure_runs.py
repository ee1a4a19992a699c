"""The runs of one figure, and how it is called."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from reports.grouping import Kind, by_kind
from reports.records import Record

Spec = Mapping[str, object]
Expected = Callable[[str, str | None], Sequence[Spec]]
"""Of a scenario and scale: the specifications of all its runs, as far as they are known."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FigureRuns:
    """What one figure may show: one scenario and scale, on one device of one machine."""

    kind: Kind
    records: tuple[Record, ...]
    expected: tuple[Spec, ...]
    """Specifications of all runs that the scenario has, done or not; empty if not known."""
    stem: str
    """Of the figure's files: ``fig10@cpu``."""

    @property
    def title(self) -> str:
        """What is shown, at which scale, on what."""
        scale = f"scale {self.kind.scale}, " if self.kind.scale else ""
        return f"{self.kind.scenario} ({scale}{self.kind.device}; {self.kind.host_class})"


def figure_runs(records: Sequence[Record], expected: Expected) -> tuple[FigureRuns, ...]:
    """``records`` figure by figure.

    Where a scenario's scale was run on several devices or machines, the stems of all but the
    first have a number; every title says the machine.
    """
    taken: dict[str, int] = {}
    found = []
    for kind, group in by_kind(records).items():
        number = taken[kind.name] = taken.get(kind.name, 0) + 1
        found.append(
            FigureRuns(
                kind=kind,
                records=tuple(group),
                expected=tuple(expected(kind.scenario, kind.scale or None)),
                stem=kind.name if number == 1 else f"{kind.name}-{number}",
            )
        )
    return tuple(found)
