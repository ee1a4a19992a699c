"""Every figure and table of the Alsatian paper, from stored runs."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from reports import labels
from reports.comparison import Search
from reports.figures.figure_runs import FigureRuns
from reports.figures.overview import draw_grid, grid_of, why_no_grid
from reports.figures.readings import draw_readings
from reports.figures.split_bars import Bar, Panel, draw_split_bars
from reports.latex import architecture_table, speed_up_table
from reports.readings import collect_readings
from reports.rows import Row

Draw = Callable[[FigureRuns, Path, str], Sequence[Path]]
"""Writes files into a folder, by their stem; none where the runs have nothing to show."""

_MOST_COLUMNS = 3  # of panels that are split by phase
_NOT_OF_A_LINE = ("distribution", "system", "options")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Units:
    """What 1 is in a panel: Base's seconds, here and in the paper."""

    measured_s: float | None = None
    published_s: float | None = None


def _overview(runs: FigureRuns, folder: Path, stem: str) -> Sequence[Path]:
    grid = grid_of(runs.comparison, fewest=1, expected=runs.expected)
    if grid is None:
        return ()
    table = folder / f"{stem}.tex"
    made = draw_grid(grid, folder, stem, title=runs.heading)
    caption = runs.heading.replace("\n", ". ")
    table.write_text(speed_up_table(grid, caption=caption, label=stem), encoding="utf-8")
    return (*made, table)


def _split_of_systems(runs: FigureRuns, folder: Path, stem: str) -> Sequence[Path]:
    """Figure 11: a panel per search, in units of Base's time of that search."""
    panels = {
        search.key: _panel(search, _units(search), title=search.panel_title)
        for search in runs.comparison.searches
    }
    if not panels:
        return ()
    places, columns = arranged(runs.comparison.searches)
    return draw_split_bars(
        [panels[search.key] if search else None for search in places], folder, stem,
        columns=columns, title=_title(runs), unit="time / time of Base",
    )  # fmt: skip


def _split_by_memory(runs: FigureRuns, folder: Path, stem: str) -> Sequence[Path]:
    """Figure 16: a panel per limit, in units of Base's time with the most memory."""
    searches = sorted(runs.comparison.searches, key=_memory, reverse=True)
    if not searches:
        return ()
    # Of the largest limit under which Base came to an end.
    most = next((each for each in searches if _units(each).measured_s), searches[0])
    unlimited = "no memory limit" if len(searches) > 1 else ""
    names = ("time / time of Base", most.panel_title or unlimited)
    unit = ",\n".join(name for name in names if name)
    panels = [_panel(each, _units(most), title=each.panel_title or unlimited) for each in searches]
    return draw_split_bars(
        panels, folder, stem, columns=min(3, len(searches)), title=_title(runs), unit=unit
    )


def _panel(search: Search, unit: _Units, *, title: str) -> Panel:
    bars = tuple(_bar(row, name=row.label, unit=unit) for row in _once_published(search))
    return Panel(title=title, bars=bars)


def _split_of_one_model(runs: FigureRuns, folder: Path, stem: str) -> Sequence[Path]:
    """Figure 5: a panel per architecture, a bar per number of items, in shares of its time."""
    panels = panels_of_one_model(runs)
    if not panels:
        return ()
    return draw_split_bars(
        panels, folder, stem, columns=min(2, len(panels)), title=_title(runs),
        unit="share of the time",
    )  # fmt: skip


def panels_of_one_model(runs: FigureRuns) -> Sequence[Panel]:
    """The panels of figure 5: what was not measured has its reason in the place of its time."""
    panels: dict[str, list[Bar]] = {}
    for search in runs.comparison.searches:
        spec = search.spec
        name = f"{spec.get('items')} items"
        if spec.get("part") not in (None, "full"):
            name += f",\n{labels.parameter('part', spec.get('part'))}"
        for row in search.rows:
            is_only = len(search.rows) == 1
            own = name if is_only else f"{name}, {row.label}"
            bar = _bar(row, name=own, unit=_Units(measured_s=row.wall_s))
            if bar.parts:
                bar = replace(bar, text=labels.seconds(row.wall_s))
            panels.setdefault(labels.architecture(spec.get("architecture")), []).append(bar)
    return [Panel(title=title, bars=tuple(bars)) for title, bars in panels.items()]


def _readings(runs: FigureRuns, folder: Path, stem: str) -> Sequence[Path]:
    """Figure 12 and table 1: what probes found."""
    tables = collect_readings(runs.records)
    made = list(draw_readings(tables, folder, stem=stem, heading=_title(runs)))
    sizes = [table for table in tables if table.probe == "probe-sizes" and table.rows]
    for table in sizes:
        path = folder / f"{stem}.tex"
        caption = _title(runs).replace("\n", ". ")
        text = architecture_table(table, caption=caption, label=stem)
        path.write_text(text, encoding="utf-8")
        made.append(path)
    return made


PAPER_FIGURES: Mapping[str, Draw] = {
    "fig5": _split_of_one_model,
    "fig10": _overview,
    "fig11": _split_of_systems,
    "fig12": _readings,
    "fig13": _overview,
    "fig14": _overview,
    "fig15": _overview,
    "fig16": _split_by_memory,
    "fig17": _overview,
    "table1": _readings,
}
"""In the paper's order, by the scenario whose runs they show."""


def _title(runs: FigureRuns) -> str:
    """Of figures that have no place for what was not run."""
    return "\n".join(line for line in (runs.heading, runs.absent) if line)


def why_nothing(runs: FigureRuns) -> str:
    """Why the figure of these runs' scenario has nothing to show, as a sentence."""
    if PAPER_FIGURES[runs.kind.scenario] is _overview and runs.comparison.searches:
        return why_no_grid(runs.comparison) or "nothing was measured."
    return "nothing was measured that it shows."


def _bar(row: Row, *, name: str, unit: _Units) -> Bar:
    published_s = row.published_phases_s if unit.published_s else {}
    published = {p: time_s / (unit.published_s or 1.0) for p, time_s in published_s.items()}
    if row.wall_s is None or not unit.measured_s or row.agreement == "differ":
        return Bar(name=name, parts={}, published=published, text=row.outcome)
    has_paper = row.published is not None and row.speed_up is not None and not row.is_base
    return Bar(
        name=name,
        parts={p: share * row.wall_s / unit.measured_s for p, share in row.shares.items()},
        published=published,
        bound=None if row.time_bound_s is None else row.time_bound_s / unit.measured_s,
        text="" if row.speed_up is None else row.outcome,
        remark=f"(paper {labels.ratio(row.published)})" if has_paper else row.remark or "",
    )


def _once_published(search: Search) -> Iterator[Row]:
    """The published Alsatian is shown at its reproduction only, where there is one."""
    has_paper = any(row.system == "alsatian-paper" for row in search.rows)
    for row in search.rows:
        is_other = has_paper and row.system == "alsatian"
        yield replace(row, published_phases_s={}, published=None) if is_other else row


def _units(search: Search) -> _Units:
    base = next((row for row in search.rows if row.is_base), None)
    if base is None:
        return _Units()
    return _Units(measured_s=base.wall_s, published_s=base.published_s)


def arranged(searches: Sequence[Search]) -> tuple[Sequence[Search | None], int]:
    """The searches in lines of ``columns``: a column per distribution, as in the paper.

    None is a gap: a search that the paper does not show either.
    """
    lines: dict[str, dict[str, Search]] = {}
    for search in searches:
        line = {name: value for name, value in search.spec.items() if name not in _NOT_OF_A_LINE}
        key = json.dumps(line, sort_keys=True)
        lines.setdefault(key, {})[str(search.spec.get("distribution"))] = search
    found = {name for line in lines.values() for name in line}
    if not 1 < len(found) <= _MOST_COLUMNS:
        return searches, min(_MOST_COLUMNS, len(searches))
    order = [name for name in labels.DISTRIBUTION_ORDER if name in found]
    columns = [*order, *sorted(found - set(order))]
    return [line.get(name) for line in lines.values() for name in columns], len(columns)


def _memory(search: Search) -> float:
    limit = search.spec.get("memory_limit")
    return float(limit) if isinstance(limit, int) else math.inf
