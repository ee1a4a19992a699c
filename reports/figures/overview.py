"""Many searches at a glance: each system's time as a share of Base's, in small panels.

The arrangement of the paper's figure 10: a panel for each distribution and number of items, a
group of bars for each architecture, a bar for each system.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reports import labels
from reports.comparison import Comparison, Search
from reports.figures.drawing import (
    PAGE_WIDTH_IN,
    add_legend,
    house_style,
    new_figure,
    save_figure,
    set_title,
)
from reports.figures.figure_runs import facts_of
from reports.figures.system_style import SystemStyle, system_styles
from reports.rows import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FILE_STEM = "overview"
FEWEST_SEARCHES = 4
"""With fewer, the breakdown says it all."""

_GROUP, _COLUMN, _ROW = "architecture", "distribution", "items"
_AXES = (_GROUP, _COLUMN, _ROW)
_ROW_HEIGHT_IN = 2.0
_BARS_ROOM = 0.82  # of a group, the rest is air
_LOWEST_TOP, _HIGHEST_TOP = 1.3, 2.6  # of a panel, in times of Base; slower bars are cut off
_TEXT_ROOM = 0.82  # of a panel's height: where the text above a bar begins at most


@dataclass(frozen=True, kw_only=True, slots=True)
class Grid:
    """Searches that differ in architecture, distribution and items only, by these three."""

    searches: Mapping[tuple[str, str, str], Search]
    groups: tuple[str, ...]
    columns: tuple[str, ...]
    rows: tuple[str, ...]
    systems: tuple[str, ...]
    """Labels of all systems but Base."""
    cells: frozenset[tuple[str, str, str]]
    """The places that have a search, or should have one."""


def grid_of(
    comparison: Comparison,
    *,
    fewest: int = FEWEST_SEARCHES,
    expected: Sequence[Mapping[str, object]] = (),
) -> Grid | None:
    """The searches as a grid; None where other things differ too, or there are too few.

    Args:
        comparison: searches of one scenario.
        fewest: searches that make a grid.
        expected: specifications that belong to the grid whether they were run or not; without
            them, all that the found architectures, distributions and items span.
    """
    searches = comparison.searches
    if len(searches) < fewest or why_no_grid(comparison):
        return None
    found = {_place(search.spec): search for search in searches}
    places = list(dict.fromkeys([*map(_place, expected), *found]))
    groups, columns, rows = (_distinct(place[at] for place in places) for at in range(3))
    return Grid(
        searches=found,
        groups=groups,
        columns=columns,
        rows=rows,
        systems=_distinct(r.label for search in searches for r in search.rows if not r.is_base),
        cells=frozenset(places if expected else itertools.product(groups, columns, rows)),
    )


def why_no_grid(comparison: Comparison) -> str | None:
    """Why these searches cannot be shown as a grid, as a sentence; None where they can."""
    searches = comparison.searches
    rows = [row for search in searches for row in search.rows]
    if not any(row.is_base and row.status == "ok" for row in rows):
        return "Base was not measured, and all else is shown in units of its time."
    if all(row.is_base for row in rows):
        return "no other system than Base was run."
    if len({(search.scenario, search.scale, search.host_class) for search in searches}) > 1:
        return "the runs are of several scenarios, scales or machines."
    is_single = len({_place(search.spec) for search in searches}) == len(searches)
    first = searches[0].spec
    # How many checkpoints of a family there are is no choice of the scenario's.
    own = ("models",) if first.get("model_set") == "snapshots" else ()
    ignored = (*_AXES, *own, *(_FOLLOWING if is_single else ("system", "options")))
    names = {name for search in searches for name in search.spec if name not in ignored}
    differing = sorted(n for n in names if any(s.spec.get(n) != first.get(n) for s in searches))
    if differing:
        return (
            f"the runs differ in {', '.join(differing)}, and a figure shows one kind of them: put "
            "each kind into a folder of its own."
        )
    return None


_FOLLOWING = ("system", "options", "resolution", "sequence_length", "dataset")
"""What systems or architectures bring along, or what the grid is about."""


def draw_overview(comparison: Comparison, folder: Path) -> tuple[Path, ...]:
    """Write ``overview.png`` and ``.pdf`` into ``folder``; none where there is no grid."""
    grid = grid_of(comparison)
    return draw_grid(grid, folder, FILE_STEM, title=facts_of(comparison)) if grid else ()


def draw_grid(grid: Grid, folder: Path, stem: str, *, title: str) -> tuple[Path, Path]:
    """Write the grid as ``stem.png`` and ``stem.pdf``; a cross where there is no run."""
    with house_style():
        figure = new_figure()
        _fill(figure, grid, title=title)
        return save_figure(figure, folder, stem)


def _fill(figure: Figure, grid: Grid, *, title: str) -> None:
    rows, panels = len(grid.rows), len(grid.columns)
    figure.set_size_inches(PAGE_WIDTH_IN, 0.9 + _ROW_HEIGHT_IN * rows)
    axes = figure.subplots(rows, panels, squeeze=False, sharey=True)
    for line, row in zip(axes, grid.rows, strict=True):
        for axis, column in zip(line, grid.columns, strict=True):
            _panel(axis, grid, column=column, row=row, top=_top(grid))
            parts = [labels.distribution(column)] if panels > 1 else []
            parts += [f"{row} items"] if rows > 1 else []
            axis.set_title(", ".join(parts), loc="left")
        line[0].set_ylabel("time / time of Base")
    set_title(figure, title)
    add_legend(figure, _legend(grid))


def _top(grid: Grid) -> float:
    """The end of all panels' axis: intervals of few rounds must not press the bars flat."""
    shares = [
        1 / row.speed_up.value
        for search in grid.searches.values()
        for row in search.rows
        if row.speed_up is not None
    ]
    return min(_HIGHEST_TOP, max(_LOWEST_TOP, 1.25 * max(shares, default=1.0)))


def _panel(axis: Axes, grid: Grid, *, column: str, row: str, top: float) -> None:
    width = _BARS_ROOM / len(grid.systems)
    styles = system_styles(grid.systems)
    for at, group in enumerate(grid.groups):
        if (group, column, row) not in grid.cells:
            continue
        search = grid.searches.get((group, column, row))
        found = {each.label: each for each in search.rows} if search else {}
        base = next((each for each in found.values() if each.is_base), None)
        for number, label in enumerate(grid.systems):
            x = at + (number - (len(grid.systems) - 1) / 2) * width
            _bar(axis, found.get(label), base, x=x, width=width, style=styles[label])
    for text in axis.texts:
        x, y = text.get_position()
        text.set_position((x, min(y, _TEXT_ROOM * top)))
    axis.axhline(1.0, color="0.15", linewidth=0.8)
    axis.set_xlim(-0.55, len(grid.groups) - 0.45)
    axis.set_ylim(0, top)
    axis.set_xticks(
        range(len(grid.groups)), [_group_name(grid, g, column, row) for g in grid.groups]
    )
    axis.tick_params(axis="x", length=0, pad=1, labelsize=6)
    axis.grid(visible=False, axis="x")
    axis.grid(visible=True, axis="y", color="0.88", linewidth=0.5)
    axis.set_axisbelow(True)


def _bar(
    axis: Axes, row: Row | None, base: Row | None, *, x: float, width: float, style: SystemStyle
) -> None:
    """A system's share of Base's time; a cross and the reason where there is none."""
    text: dict[str, Any] = {"ha": "center", "va": "bottom", "rotation": 90, "fontsize": 5.5}
    if row is None or row.speed_up is None or base is None or base.wall_s is None:
        reason = row.outcome if row is not None else labels.STATUS_LABELS["missing"]
        axis.text(x, 0.02, f"× {reason}", style="italic", **text)
        return
    share = 1 / row.speed_up.value
    axis.bar(x, share, width=0.92 * width, **style.bar)
    top = share
    if row.speed_up.low is not None and row.speed_up.high is not None:
        low, high = 1 / row.speed_up.high, 1 / row.speed_up.low
        axis.errorbar(
            x, share, yerr=[[share - low], [high - share]], color="0.15", linewidth=0.7, capsize=1.5
        )
        top = high
    if row.time_bound_s is not None:
        axis.hlines(
            row.time_bound_s / base.wall_s, x - width / 2, x + width / 2, color="0.0", linewidth=1.3
        )
    if row.published is not None:
        # Beside the text, so that nobody takes the one for the value of the other.
        axis.plot(x - 0.42 * width, 1 / row.published, marker="D", **_PUBLISHED)
    box = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}  # over the line of Base
    axis.text(
        x + 0.25 * width, top + 0.04, labels.ratio(row.speed_up.value), fontweight="bold", bbox=box,
        **text,
    )  # fmt: skip


_PUBLISHED: dict[str, Any] = {
    "markersize": 3.0,
    "markerfacecolor": "white",
    "markeredgecolor": "0.1",
    "markeredgewidth": 0.7,
    "linestyle": "none",
    "zorder": 4,  # above the texts
}


def _legend(grid: Grid) -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Any] = []
    for label, style in system_styles(grid.systems).items():
        handles.append(Patch(label=label, **style.bar))
    shown = [row for search in grid.searches.values() for row in search.rows]
    if any(row.time_bound_s is not None for row in shown):
        handles.append(Line2D([], [], color="0.0", linewidth=1.3, label="time bound"))
    if any(row.published is not None for row in shown):
        handles.append(Line2D([], [], marker="D", label="published", **_PUBLISHED))
    handles.append(Line2D([], [], color="0.15", linewidth=0.8, label="Base"))
    return handles


def _group_name(grid: Grid, group: str, column: str, row: str) -> str:
    """The architecture, and the seconds that stand for 1."""
    search = grid.searches.get((group, column, row))
    base = next((r for r in search.rows if r.is_base), None) if search else None
    name = labels.architecture(group).replace("NetV2", "Net\nV2").replace(" + ", " +\n")
    return f"{name}\n{labels.seconds(base.wall_s)}" if base and base.wall_s else name


def _place(spec: Mapping[str, object]) -> tuple[str, str, str]:
    group, column, row = (str(spec.get(name)) for name in _AXES)
    return group, column, row


def _distinct(values: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))
