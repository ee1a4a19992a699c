"""What memory searches need, over time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reports import labels
from reports.errors import ReportError
from reports.figures.drawing import (
    PAGE_WIDTH_IN,
    add_legend,
    house_style,
    new_figure,
    save_figure,
    set_title,
    tidy,
)
from reports.figures.figure_runs import FigureRuns
from reports.hardware import Track, read_tracks
from reports.records import Record
from reports.timeline import lanes_of, read_spans, stretches

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LINES = (("0.1", "-"), ("#0072B2", "--"), ("#D55E00", ":"))
_MEMORY = ("memory of its control group, page cache included", "memory of the search")
_GPU_MEMORY = "memory used"
_BOX: dict[str, Any] = {"linewidth": 0.3, "edgecolor": "0.15"}


def draw_memory_over_time(runs: FigureRuns, folder: Path, stem: str) -> Sequence[Path]:
    """Memory over time, the phases beneath it; a panel per system, of the longest search.

    Of each system the first measured round is shown; who has no series is named in the title.
    """
    searches = [search for search in runs.comparison.searches if search.rounds]
    if not searches:
        return ()
    longest = max(searches, key=lambda search: max(row.wall_s or 0.0 for row in search.rows))
    shown, lacking = [], []
    for row in longest.rows:
        run = next(iter(runs.measured.get((longest.key, row.variant), ())), None)
        tracks = _memory_tracks(run) if run else ()
        if run and tracks:
            shown.append((row.label, run, tracks))
        else:
            why = row.outcome if row.status != "ok" else "memory not sampled"
            lacking.append(f"{row.label} ({why})")
    if not shown:
        return ()
    titles = dict.fromkeys(track.title for _, _, tracks in shown for track in tracks)
    looks = {title: _LINES[at % len(_LINES)] for at, title in enumerate(titles)}
    with house_style():
        figure = new_figure(figsize=(PAGE_WIDTH_IN, 1.2 + 1.05 * len(shown)))
        axes = figure.subplots(len(shown), 1, squeeze=False, sharex=True, sharey=True)[:, 0]
        top_gb = max(value for _, _, tracks in shown for t in tracks for value in _values(t)) / 1e3
        phases: set[str] = set()
        for axis, (name, run, tracks) in zip(axes, shown, strict=True):
            for track in tracks:
                colour, line = looks[track.title]
                axis.plot(*_line(track), color=colour, linestyle=line, linewidth=1.1)
            phases |= _strip(axis, run, height=-0.13 * top_gb)
            axis.set_ylim(-0.16 * top_gb, 1.08 * top_gb)
            axis.set_ylabel("GB")
            axis.set_title(name, loc="left")
            tidy(axis, grid="y")
        axes[-1].set_xlabel("seconds from the begin of the search")
        _legend(figure, looks, phases)
        parts = [runs.heading, longest.panel_title]
        parts += [f"not shown: {', '.join(lacking)}"] if lacking else []
        set_title(figure, "\n".join(part for part in parts if part))
        return save_figure(figure, folder, stem)


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


def _line(track: Track) -> tuple[list[float], list[float]]:
    """Seconds and GB."""
    steps = len(track.values)
    width_s = (track.to_s - track.from_s) / max(1, steps - 1)
    times_s = [track.from_s + at * width_s for at in range(steps)]
    return times_s, [math.nan if value is None else value / 1000 for value in track.values]


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


def _legend(figure: Figure, looks: Mapping[str, tuple[str, Any]], phases: set[str]) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Any] = [
        Line2D([], [], color=colour, linestyle=line, linewidth=1.1, label=title)
        for title, (colour, line) in looks.items()
    ]
    handles += [
        Patch(facecolor=style.colour, hatch=style.hatch, label=style.label, **_BOX)
        for phase, style in labels.PHASES.items()
        if phase in phases
    ]
    add_legend(figure, handles)
