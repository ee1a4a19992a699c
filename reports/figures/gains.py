"""Where speed comes from: ablation, efficiency, and speed-up over what sharing allows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reports import labels
from reports.comparison import Search, compare
from reports.figures.drawing import PAGE_WIDTH_IN, house_style, new_figure, save_figure, tidy
from reports.figures.figure_runs import FigureRuns
from reports.figures.system_style import SystemStyle, point_legend, system_styles
from reports.records import Record
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
_MOST_NAMED = 40  # searches; the names of more would not fit on a page


@dataclass(frozen=True, kw_only=True, slots=True)
class Ablated:
    """One option changed, on one search."""

    option: str
    search: str
    ratio: Ratio
    """time(with the change) / time(without it)."""


def ablations(records: Sequence[Record]) -> Mapping[str, Sequence[Ablated]]:
    """By the system that is changed: what each change of it does to its time.

    Only where the answers agree, and only rounds that both have.
    """
    times: dict[tuple[str, str], dict[int, float]] = {}
    for record in records:
        if record.ok and record.wall_s is not None:
            times.setdefault((record.search, record.label), {})[record.round] = record.wall_s
    found: dict[str, list[Ablated]] = {}
    for search in compare(records).searches:
        wrong = {row.label for row in search.rows if row.agreement == "differ"}
        for row in search.rows:
            reference, plus, option = row.label.partition(" + ")
            own = times.get((search.key, row.label), {})
            others = times.get((search.key, reference), {})
            common = sorted(own.keys() & others.keys())
            if not plus or not common or {row.label, reference} & wrong:
                continue
            ratio = paired_ratio([own[at] for at in common], [others[at] for at in common])
            entry = Ablated(option=option, search=search.panel_title, ratio=ratio)
            found.setdefault(reference, []).append(entry)
    return found


def draw_ablation(runs: FigureRuns, folder: Path, stem: str) -> Sequence[Path]:
    """What each option does to the time: a panel per system that is changed, a line per option."""
    changed = ablations(runs.records)
    panels = [(changed[name], what) for name, what in _REFERENCES.items() if name in changed]
    if sum(len({one.option for one in entries}) for entries, _ in panels) < 2:
        return ()
    rows = max(len({one.option for one in entries}) for entries, _ in panels)
    searches = list(dict.fromkeys(one.search for entries, _ in panels for one in entries))
    styles = system_styles(searches)
    with house_style():
        figure = new_figure(figsize=(PAGE_WIDTH_IN, 1.1 + (_ROW_IN + 0.03) * rows))
        axes = figure.subplots(1, len(panels), squeeze=False, sharex=True)[0]
        for axis, (entries, what) in zip(axes, panels, strict=True):
            options = list(dict.fromkeys(one.option for one in entries))
            for one in entries:
                place = options.index(one.option) + _dodge(searches, one.search)
                _interval(axis, one.ratio, place=place, style=styles[one.search])
            axis.axvline(1.0, color="0.15", linewidth=0.8)
            axis.set_yticks(range(len(options)), options)
            axis.set_ylim(len(options) - 0.5, -0.5)
            axis.set_title(what, loc="left")
            axis.set_xlabel("time / time without the change")
            tidy(axis, grid="x")
        if len(searches) > 1:
            point_legend(figure, {name: styles[name] for name in searches})
        figure.suptitle(runs.title, fontsize=9, fontweight="bold")
        return save_figure(figure, folder, stem)


def draw_efficiency(runs: FigureRuns, folder: Path, stem: str) -> Sequence[Path]:
    """Time bound over measured time: how near each system comes to the shortest time there is."""
    searches = [
        search
        for search in compare(runs.records).searches
        if any(row.efficiency is not None and row.agreement != "differ" for row in search.rows)
    ]
    if not searches:
        return ()
    styles = system_styles(row.label for search in searches for row in search.rows)
    with house_style():
        figure = new_figure(figsize=(PAGE_WIDTH_IN, 1.2 + _ROW_IN * min(60, len(searches))))
        axis = figure.subplots()
        for at, search in enumerate(searches):
            for row in search.rows:
                if row.efficiency is not None and row.agreement != "differ":
                    axis.plot(100 * row.efficiency, at, **styles[row.label].point)
        axis.set_ylim(len(searches) - 0.5, -0.5)
        axis.set_xlim(0, 103)
        axis.axvline(100, color="0.15", linewidth=0.8)
        axis.set_xlabel("efficiency: time bound / measured time (%)")
        tidy(axis, grid="x")
        point_legend(figure, styles)
        figure.suptitle(runs.title, fontsize=9, fontweight="bold")
        return save_figure(figure, folder, stem)


def draw_sharing(runs: FigureRuns, folder: Path, stem: str) -> Sequence[Path]:
    """Speed-up over Base against the operation ratio: what is shared, and what comes of it."""
    points = list(_shared(compare(runs.records).searches))
    if len(points) < 3:
        return ()
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
        axis.annotate("as many times faster as\nfewer operations", (high, high), xytext=(-4, -22),
                      textcoords="offset points", ha="right", fontsize=6.5)  # fmt: skip
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
        figure.suptitle(runs.title, fontsize=8, fontweight="bold", wrap=True)
        return save_figure(figure, folder, stem)


def _shared(searches: Sequence[Search]) -> Iterator[tuple[Row, float, Ratio]]:
    for search in searches:
        for row in search.rows:
            if row.speed_up is not None and row.operation_ratio is not None and not row.is_base:
                yield row, row.operation_ratio, row.speed_up


def _interval(axis: Axes, ratio: Ratio, *, place: float, style: SystemStyle) -> None:
    errors = None
    if ratio.low is not None and ratio.high is not None:
        errors = [[ratio.value - ratio.low], [ratio.high - ratio.value]]
    axis.errorbar(ratio.value, place, xerr=errors, **style.point, **_ERROR)


def _dodge(searches: Sequence[str], search: str) -> float:
    return 0.24 * (searches.index(search) - (len(searches) - 1) / 2) if len(searches) <= 4 else 0.0


def _name(search: Search) -> str:
    return search.panel_title or labels.architecture(search.spec.get("architecture"))
