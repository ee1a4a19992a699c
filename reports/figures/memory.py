"""What memory searches need: over time, and against their time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reports import labels
from reports.comparison import Search, compare
from reports.errors import ReportError
from reports.figures.drawing import PAGE_WIDTH_IN, house_style, new_figure, save_figure, tidy
from reports.figures.figure_runs import FigureRuns
from reports.figures.system_style import point_legend, system_styles
from reports.hardware import Track, read_tracks
from reports.records import Record
from reports.timeline import lanes_of, read_spans, stretches

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LINES = (("0.1", "-"), ("#0072B2", "--"))
_MEMORY = ("memory of its control group, page cache included", "memory of the search")
_GPU_MEMORY = "memory used"
_SEARCHES_IN_A_ROW = 3
_MOST_SEARCHES = 24  # panels of the Pareto figure
_BOX: dict[str, Any] = {"linewidth": 0.3, "edgecolor": "0.15"}


def draw_memory_over_time(runs: FigureRuns, folder: Path, stem: str) -> Sequence[Path]:
    """Memory over time, the phases beneath it; a panel per system, of the longest search.

    Of each system the first measured round is shown.
    """
    searches = [search for search in compare(runs.records).searches if search.rounds]
    if not searches:
        return ()
    longest = max(searches, key=lambda search: max(row.wall_s or 0.0 for row in search.rows))
    shown = []
    for row in longest.rows:
        run = _first_round(runs.records, longest, row.variant)
        tracks = _memory_tracks(run) if run else ()
        if run and tracks:
            shown.append((row.label, run, tracks))
    if not shown:
        return ()
    with house_style():
        figure = new_figure(figsize=(PAGE_WIDTH_IN, 1.0 + 1.05 * len(shown)))
        axes = figure.subplots(len(shown), 1, squeeze=False, sharex=True, sharey=True)[:, 0]
        top = max(value for _, _, tracks in shown for t in tracks for value in _values(t))
        phases: set[str] = set()
        for axis, (name, run, tracks) in zip(axes, shown, strict=True):
            for place, track in enumerate(tracks):
                steps = len(track.values)
                width = (track.to_s - track.from_s) / max(1, steps - 1)
                times = [track.from_s + at * width for at in range(steps)]
                values = [math.nan if value is None else value / 1000 for value in track.values]
                line = {"color": ("0.1", "#0072B2")[place % 2], "linewidth": 1.1}
                axis.plot(
                    times, values, linestyle=("-", "--")[place % 2], label=track.title, **line
                )
            phases |= _strip(axis, run, height=-0.13 * top / 1000)
            axis.set_ylim(-0.16 * top / 1000, 1.08 * top / 1000)
            axis.set_ylabel("GB")
            axis.set_title(name, loc="left")
            tidy(axis, grid="y")
        axes[-1].set_xlabel("seconds from the begin of the search")
        from matplotlib.patches import Patch

        lines, _ = axes[0].get_legend_handles_labels()
        handles = [
            *lines,
            *(
                Patch(facecolor=style.colour, hatch=style.hatch, label=style.label, **_BOX)
                for phase, style in labels.PHASES.items()
                if phase in phases
            ),
        ]
        figure.legend(handles=handles, loc="outside lower center", ncols=5, frameon=False)
        subject = longest.panel_title
        title = f"{runs.title}\n{subject}" if subject else runs.title
        figure.suptitle(title, fontsize=8, fontweight="bold")
        return save_figure(figure, folder, stem)


def draw_time_and_memory(runs: FigureRuns, folder: Path, stem: str) -> Sequence[Path]:
    """Time against peak memory, a panel per search; systems that none beats in both are joined.

    Searches that differ in their memory limit or budget only share a panel.
    """
    panels: dict[str, list[tuple[str, float, float, str]]] = {}
    for search in compare(runs.records).searches:
        limit = _limit(search)
        key = repr({**search.spec, **dict.fromkeys(_LIMITS), "system": None, "options": None})
        for row in search.rows:
            peak = row.counts.get("process_peak_bytes")
            if row.wall_s is not None and peak and row.agreement != "differ":
                panels.setdefault(key, []).append((row.label, peak / 1e9, row.wall_s, limit))
    panels = {key: points for key, points in panels.items() if len(points) > 1}
    if not 0 < len(panels) <= _MOST_SEARCHES:
        return ()
    titles = _panel_titles(runs, panels)
    columns = min(_SEARCHES_IN_A_ROW, len(panels))
    lines = math.ceil(len(panels) / columns)
    styles = system_styles(label for points in panels.values() for label, *_ in points)
    with house_style():
        width = PAGE_WIDTH_IN if columns > 1 else 4.6
        figure = new_figure(figsize=(width, 1.0 + 2.1 * lines))
        axes = figure.subplots(lines, columns, squeeze=False).flatten().tolist()
        for axis, (key, points) in zip(axes, panels.items(), strict=False):
            for label, memory_gb, time_s, limit in points:
                axis.plot(memory_gb, time_s, **styles[label].point)
                if limit:
                    axis.annotate(limit, (memory_gb, time_s), xytext=(4, 2), fontsize=5.5,
                                  textcoords="offset points")  # fmt: skip
            front = _pareto([(memory_gb, time_s) for _, memory_gb, time_s, _ in points])
            axis.plot(*zip(*front, strict=True), color="0.4", linewidth=0.8, zorder=0)
            axis.set_title(titles[key], loc="left")
            axis.set_xlim(left=0)
            axis.set_ylim(bottom=0)
            axis.set_xlabel("peak memory of the process (GB)")
            axis.set_ylabel("time (s)")
            tidy(axis, grid="both")
        for axis in axes[len(panels) :]:
            axis.set_axis_off()
        point_legend(figure, styles)
        figure.suptitle(runs.title, fontsize=9, fontweight="bold")
        return save_figure(figure, folder, stem)


_LIMITS = ("memory_limit", "memory_budget", "cache_budget")


def _limit(search: Search) -> str:
    found = [labels.size(v) for name in _LIMITS if isinstance(v := search.spec.get(name), int)]
    return ", ".join(found)


def _panel_titles(runs: FigureRuns, panels: Mapping[str, object]) -> dict[str, str]:
    """What tells the panels apart, by their key."""
    found: dict[str, dict[str, object]] = {}
    for record in runs.records:
        spec = {**record.spec, **dict.fromkeys(_LIMITS), "system": None, "options": None}
        found.setdefault(repr(spec), spec)
    specs = [found[key] for key in panels]
    _, particular = labels.title_parts(specs)
    return {key: " · ".join(parts) for key, parts in zip(panels, particular, strict=True)}


def _first_round(records: Sequence[Record], search: Search, variant: str) -> Record | None:
    own = [r for r in records if r.ok and r.search == search.key and r.variant == variant]
    return min(own, key=lambda record: record.round, default=None)


def _memory_tracks(run: Record) -> tuple[Track, ...]:
    """The memory of the processes (or their control group), and of the GPU."""
    folder = run.path.parent
    try:
        spans = read_spans(folder)
        window = (spans.begin_ns, spans.end_ns) if spans else None
        tracks = read_tracks(folder, window_ns=window)
    except ReportError:
        return ()
    host = [track for name in _MEMORY for track in tracks if track.title == name][:1]
    return (*host, *(track for track in tracks if track.title.endswith(_GPU_MEMORY)))


def _values(track: Track) -> list[float]:
    return [value for value in track.values if value is not None] or [0.0]


def _strip(axis: Axes, run: Record, *, height: float) -> set[str]:
    """Colour a strip below zero by the phase of each moment; the phases that are in it."""
    spans = read_spans(run.path.parent)
    if spans is None:
        return set()
    seen: set[str] = set()
    for lane in lanes_of(spans)[:1]:
        for phase, from_s, to_s in stretches(lane, spans.length_s):
            style = labels.PHASES.get(phase)
            if style is not None:
                seen.add(phase)
                axis.barh(height / 2, to_s - from_s, left=from_s, height=-height,
                          color=style.colour, hatch=style.hatch, linewidth=0)  # fmt: skip
    return seen


def _pareto(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The points that no other beats in both, by the first number."""
    front: list[tuple[float, float]] = []
    for point in sorted(points):
        if not front or point[1] < front[-1][1]:
            front.append(point)
    return front
