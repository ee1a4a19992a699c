"""Where speed comes from: ablation, efficiency, and speed-up over what sharing allows."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reports.comparison import Search
from reports.figures.drawing import (
    PAGE_WIDTH_IN,
    house_style,
    mark_absent,
    new_figure,
    save_figure,
    set_title,
    tidy,
)
from reports.figures.figure_runs import MOST_NAMED, FigureRuns, name_searches
from reports.figures.system_style import SystemStyle, point_legend, system_styles
from reports.rows import Row
from reports.statistics import Ratio, paired_ratio

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_REFERENCES = {
    "Alsatian": "switched otherwise in Alsatian",
    "Alsatian (paper)": "added alone to the published Alsatian",
}
_ERROR: dict[str, Any] = {"capsize": 2, "elinewidth": 0.9}
_ROW_IN = 0.22


@dataclass(frozen=True, kw_only=True, slots=True)
class Ablated:
    """One option changed, on one search."""

    option: str
    search: str
    ratio: Ratio | None
    """time(with the change) / time(without it); None where there is none."""
    reason: str = ""
    """Why there is none."""


def ablations(runs: FigureRuns) -> Mapping[str, Sequence[Ablated]]:
    """By the system that is changed: what each change of it does to its time.

    Only rounds that both have; without such, or where answers differ, the reason.
    """
    found: dict[str, list[Ablated]] = {}
    for search in runs.comparison.searches:
        rows = {tuple(row.label.split(" + ")): row for row in search.rows}
        for label, row in rows.items():
            name = label[0]
            option, common = _changed(label, rows)
            if not option:
                continue
            reference = rows.get((name, *common))
            own = _times(runs, search, row)
            others = _times(runs, search, reference) if reference is not None else {}
            both = sorted(own.keys() & others.keys())
            ratio, reason = None, ""
            if row.agreement == "differ" or (reference and reference.agreement == "differ"):
                reason = "answers differ"
            elif both:
                ratio = paired_ratio([own[at] for at in both], [others[at] for at in both])
            elif not own:
                reason = row.outcome
            else:
                reason = f"no {' + '.join([name, *common])} in the same rounds"
            on = " · ".join(filter(None, (search.panel_title, *common)))
            entry = Ablated(option=option, search=on, ratio=ratio, reason=reason)
            found.setdefault(name, []).append(entry)
    return found


def _changed(
    label: Sequence[str], rows: Collection[tuple[str, ...]]
) -> tuple[str, tuple[str, ...]]:
    """The option in which a system differs from its reference, and those that both have.

    The latter is what a whole ablation is about, such as a memory budget. No option where the
    system is the reference itself; all of them where there is none.
    """
    name, *changed = label
    places = sorted(range(len(changed)), key=lambda at: "budget=" in changed[at])  # those last
    for at in places:
        option = changed[at]
        common = (*changed[:at], *changed[at + 1 :])
        if (name, *common) in rows:
            return option, common
    is_reference = any(set(other) > set(label) for other in rows)
    return "" if is_reference else " + ".join(changed), ()


def _times(runs: FigureRuns, search: Search, row: Row) -> dict[int, float]:
    """Seconds by round."""
    rounds = runs.measured.get((search.key, row.variant), ())
    return {record.round: record.wall_s for record in rounds if record.wall_s is not None}


def draw_ablation(runs: FigureRuns, folder: Path, stem: str) -> Sequence[Path]:
    """What each option does to the time: a panel per system that is changed, a line per option."""
    changed = ablations(runs)
    panels = [(changed[name], what) for name, what in _REFERENCES.items() if name in changed]
    options = [{one.option for one in entries if one.ratio} for entries, _ in panels]
    if sum(map(len, options)) < 2:
        return ()
    rows = max(len({one.option for one in entries}) for entries, _ in panels)
    searches = list(dict.fromkeys(one.search for entries, _ in panels for one in entries))
    styles = system_styles(searches)
    with house_style():
        figure = new_figure(figsize=(PAGE_WIDTH_IN, 1.1 + (_ROW_IN + 0.03) * rows))
        axes = figure.subplots(1, len(panels), squeeze=False, sharex=True)[0]
        for axis, (entries, what) in zip(axes, panels, strict=True):
            places = list(dict.fromkeys(one.option for one in entries))
            for one in entries:
                place = places.index(one.option) + _dodge(searches, one.search)
                if one.ratio is not None:
                    _interval(axis, one.ratio, place=place, style=styles[one.search])
                else:
                    mark_absent(axis, one.reason, (1.0, place))
            axis.axvline(1.0, color="0.15", linewidth=0.8)
            axis.set_yticks(range(len(places)), places)
            axis.set_ylim(len(places) - 0.5, -0.5)
            axis.set_title(what, loc="left")
            axis.set_xlabel("time / time without the change")
            tidy(axis, grid="x")
        axes[0].set_xlim(_limits([one.ratio for entries, _ in panels for one in entries]))
        if len(searches) > 1:
            point_legend(figure, {name: styles[name] for name in searches})
        set_title(figure, runs.heading)
        return save_figure(figure, folder, stem)


def draw_efficiency(runs: FigureRuns, folder: Path, stem: str) -> Sequence[Path]:
    """Time bound over measured time: how near each system comes to the shortest time there is.

    A line for each search, or for each system where there is one search only. Who has none is
    named in its line, with the reason.
    """
    searches = runs.comparison.searches
    if not any(_has_efficiency(row) for search in searches for row in search.rows):
        return ()
    styles = system_styles(row.label for search in searches for row in search.rows)
    is_one = len(searches) == 1
    lines = [[row] for row in searches[0].rows] if is_one else [each.rows for each in searches]
    with house_style():
        figure = new_figure(figsize=(PAGE_WIDTH_IN, 1.2 + _ROW_IN * min(60, len(lines))))
        axis = figure.subplots()
        for at, rows in enumerate(lines):
            for row in rows:
                if _has_efficiency(row) and row.efficiency is not None:
                    axis.plot(100 * row.efficiency, at, **styles[row.label].point)
            lacking = [row for row in rows if not _has_efficiency(row)]
            if lacking and len(lines) <= MOST_NAMED:
                names = ", ".join(
                    f"{row.label}: {row.why_absent('no time bound')}" for row in lacking
                )
                mark_absent(axis, names, (0, at if is_one else at + 0.36))  # below the marks
        if is_one:
            axis.set_yticks(range(len(lines)), [rows[0].label for rows in lines])
            axis.set_ylim(len(lines) - 0.5, -0.5)
        else:
            name_searches(axis, searches)
            point_legend(figure, styles)
        axis.set_xlim(0, 103)
        axis.axvline(100, color="0.15", linewidth=0.8)
        axis.set_xlabel("efficiency: time bound / measured time (%)")
        tidy(axis, grid="x")
        set_title(figure, runs.heading)
        return save_figure(figure, folder, stem)


def draw_sharing(runs: FigureRuns, folder: Path, stem: str) -> Sequence[Path]:
    """Speed-up over Base against the operation ratio: what is shared, and what comes of it."""
    points = list(_shared(runs.comparison.searches))
    if len(points) < 3:
        return ()
    systems = sum(not row.is_base for search in runs.comparison.searches for row in search.rows)
    lacking = systems - len(points)
    styles = system_styles(row.label for row, _, _ in points)
    with house_style():
        figure = new_figure(figsize=(4.6, 3.7))
        axis = figure.subplots()
        for row, ratio, speed_up in points:
            errors = None
            if speed_up.low is not None and speed_up.high is not None:
                errors = [[speed_up.value - speed_up.low], [speed_up.high - speed_up.value]]
            axis.errorbar(ratio, speed_up.value, yerr=errors, **styles[row.label].point, **_ERROR)
        ends = [value for _, ratio, speed_up in points for value in (ratio, speed_up.value)]
        low, high = 0.9 * min(*ends, 1.0), 1.15 * max(ends)
        axis.plot([low, high], [low, high], color="0.15", linewidth=0.8)
        axis.text(0.02, 0.98, "line: as many times faster as fewer operations", va="top",
                  transform=axis.transAxes, fontsize=6.5)  # fmt: skip
        for set_scale, set_limits in (
            (axis.set_xscale, axis.set_xlim), (axis.set_yscale, axis.set_ylim),
        ):  # fmt: skip
            set_scale("log", base=2)
            set_limits(low, high)
        for one in (axis.xaxis, axis.yaxis):
            one.set_major_formatter(lambda value, _: f"{value:g}×")
        axis.set_xlabel("operation ratio: operations of Base / of the system")
        axis.set_ylabel("measured speed-up over Base")
        tidy(axis, grid="both")
        point_legend(figure, styles)
        more = f"\n{lacking} of {systems} are without a speed-up, and not shown" if lacking else ""
        set_title(figure, runs.heading + more)
        return save_figure(figure, folder, stem)


def _shared(searches: Sequence[Search]) -> Iterator[tuple[Row, float, Ratio]]:
    for search in searches:
        for row in search.rows:
            if row.speed_up is not None and row.operation_ratio and not row.is_base:
                yield row, row.operation_ratio, row.speed_up


def _interval(axis: Axes, ratio: Ratio, *, place: float, style: SystemStyle) -> None:
    errors = None
    if ratio.low is not None and ratio.high is not None:
        errors = [[ratio.value - ratio.low], [ratio.high - ratio.value]]
    axis.errorbar(ratio.value, place, xerr=errors, **style.point, **_ERROR)


def _limits(ratios: Sequence[Ratio | None]) -> tuple[float, float]:
    """The ends of an axis with all values; wide intervals of few rounds may go beyond it."""
    known = [ratio for ratio in ratios if ratio is not None]
    values = [1.0, *(ratio.value for ratio in known)]
    lowest = min(ratio.low or ratio.value for ratio in known)
    highest = max(ratio.high or ratio.value for ratio in known)
    return (
        max(0.95 * min(*values, lowest), 0.5 * min(values)),
        min(1.05 * max(*values, highest), 2 * max(values)),
    )


def _dodge(searches: Sequence[str], search: str) -> float:
    return 0.24 * (searches.index(search) - (len(searches) - 1) / 2) if len(searches) <= 4 else 0.0


def _has_efficiency(row: Row) -> bool:
    return row.efficiency is not None and row.agreement != "differ"
