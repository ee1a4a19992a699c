"""The time of searches against the memory that they need."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reports import labels
from reports.comparison import Search
from reports.figures.drawing import (
    PAGE_WIDTH_IN,
    house_style,
    new_figure,
    save_figure,
    set_title,
    tidy,
    wrap_parts,
)
from reports.figures.figure_runs import FigureRuns, Spec
from reports.figures.system_style import SystemStyle, point_legend, system_styles
from reports.rows import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_BUDGETS = ("memory_budget=", "cache_budget=")
_SEARCHES_IN_A_ROW = 4
_MOST_SEARCHES = 24  # panels
_NEAR = 0.12  # of a panel's width, and half of it of its height: the room that a limit takes


@dataclass(frozen=True, kw_only=True, slots=True)
class _Point:
    """One system under one limit."""

    label: str
    """Without its budget."""
    limit: str
    """Of memory, or the budget; empty where there is none."""
    memory_gb: float
    time_s: float


@dataclass(frozen=True, kw_only=True, slots=True)
class _Panel:
    """One search under all its limits."""

    spec: Spec
    points: list[_Point]
    lacking: list[str]
    """A line for each system that has no point."""


def draw_time_and_memory(runs: FigureRuns, folder: Path, stem: str) -> Sequence[Path]:
    """Time against peak memory of the process, a panel per search.

    Systems that none beats in both are joined. Searches that differ in their memory limit only
    share a panel, and so do budgets. Who has no point is named in the panel, with the reason.
    """
    found = [
        panel
        for panel in _panels(runs.comparison.searches)
        if panel.points and len(panel.points) + len(panel.lacking) > 1
    ]
    panels = found[:_MOST_SEARCHES]
    if not panels:
        return ()
    _, particular = labels.title_parts([panel.spec for panel in found])
    columns = min(_SEARCHES_IN_A_ROW, len(panels))
    lines = math.ceil(len(panels) / columns)
    styles = system_styles(point.label for panel in panels for point in panel.points)
    with house_style():
        width = PAGE_WIDTH_IN if columns > 1 else 4.6
        figure = new_figure(figsize=(width, 1.2 + (1.45 if columns > 1 else 2.4) * lines))
        axes = figure.subplots(lines, columns, squeeze=False).flatten().tolist()
        for axis, panel, parts in zip(axes, panels, particular, strict=False):
            _draw_panel(axis, panel, styles)
            limits = {point.limit for point in panel.points}
            common = [f"within {limit}" for limit in limits if limit and len(limits) == 1]
            title = "\n".join(wrap_parts(" · ".join([*parts, *common]), 30 if columns > 1 else 60))
            axis.set_title(title, loc="left", fontsize=6 if columns > 1 else 8)
        for at, axis in enumerate(axes[: len(panels)]):
            if at % columns == 0:
                axis.set_ylabel("time (s)")
            if at + columns >= len(panels):
                axis.set_xlabel("peak memory (GB)")
        for axis in axes[len(panels) :]:
            axis.set_axis_off()
        point_legend(figure, styles)
        more = f"\nthe first {len(panels)} of {len(found)} searches"
        set_title(figure, runs.heading + (more if len(found) > len(panels) else ""))
        return save_figure(figure, folder, stem)


def _panels(searches: Sequence[Search]) -> Sequence[_Panel]:
    found: dict[str, _Panel] = {}
    for search in searches:
        spec = {**search.spec, "memory_limit": None, "system": None, "options": None}
        key = json.dumps(spec, sort_keys=True)
        panel = found.setdefault(key, _Panel(spec=spec, points=[], lacking=[]))
        for row in search.rows:
            name, limit = _name_and_limit(search, row)
            peak_bytes = row.counts.get("process_peak_bytes")
            if row.wall_s is not None and peak_bytes and row.agreement != "differ":
                panel.points.append(
                    _Point(label=name, limit=limit, memory_gb=peak_bytes / 1e9, time_s=row.wall_s)
                )
            else:
                at = f", {limit}" if limit else ""
                panel.lacking.append(f"× {name}{at}: {row.why_absent('memory not known')}")
    return tuple(found.values())


def _draw_panel(axis: Axes, panel: _Panel, styles: Mapping[str, SystemStyle]) -> None:
    for point in panel.points:
        axis.plot(point.memory_gb, point.time_s, **styles[point.label].point)
    for at, limits in _limits(panel.points):
        axis.annotate(limits, at, xytext=(4, 2), fontsize=5.5, textcoords="offset points")
    front = _pareto([(point.memory_gb, point.time_s) for point in panel.points])
    axis.plot(*zip(*front, strict=True), color="0.4", linewidth=0.8, zorder=0)
    axis.set_xlim(0, 1.12 * max(point.memory_gb for point in panel.points))
    axis.set_ylim(0, 1.12 * max(point.time_s for point in panel.points))
    if panel.lacking:
        axis.text(0.02, 0.02, "\n".join(panel.lacking), transform=axis.transAxes, fontsize=5,
                  style="italic")  # fmt: skip
    tidy(axis, grid="both")


def _limits(points: Sequence[_Point]) -> Sequence[tuple[tuple[float, float], str]]:
    """Where to write which limits: points so near that their texts would overlap have one.

    Nothing is written where all points have the same limit: that is in the title.
    """
    if len({point.limit for point in points}) < 2:
        return ()
    widest_gb = max(point.memory_gb for point in points)
    longest_s = max(point.time_s for point in points)
    found: dict[tuple[float, float], list[str]] = {}
    for point in points:
        near = (
            (gb, s)
            for gb, s in found
            if abs(gb - point.memory_gb) < _NEAR * widest_gb
            and abs(s - point.time_s) < _NEAR / 2 * longest_s
        )
        if point.limit:
            found.setdefault(next(near, (point.memory_gb, point.time_s)), []).append(point.limit)
    return [(at, ", ".join(dict.fromkeys(limits))) for at, limits in found.items()]


def _name_and_limit(search: Search, row: Row) -> tuple[str, str]:
    """A system without its budget, and the budget, or the limit of its memory."""
    parts = row.label.split(" + ")
    budgets = [part for part in parts if part.startswith(_BUDGETS)]
    limit = search.spec.get("memory_limit")
    shown = [labels.size(limit)] if isinstance(limit, int) else []
    shown += [budget.partition("=")[2] for budget in budgets]
    return " + ".join(part for part in parts if part not in budgets), ", ".join(shown)


def _pareto(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The points that no other beats in both, by the first number."""
    front: list[tuple[float, float]] = []
    for point in sorted(points):
        if not front or point[1] < front[-1][1]:
            front.append(point)
    return front
