"""Times over many nights, and the levels that they lie on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from reports.figures.drawing import (
    PAGE_WIDTH_IN,
    house_style,
    new_figure,
    save_figure,
    set_title,
    tidy,
    wrap_parts,
)
from reports.history import Series

FILE_STEM = "history"
_TITLE_WIDTH, _TITLE_LINES = 50, 6  # of a panel, in characters
MOST_SHOWN = 24
"""Series of a figure: those that drift most."""


def draw_history(series: Sequence[Series], folder: Path) -> tuple[Path, Path]:
    """Write ``history.png`` and ``.pdf``: a panel per series, the largest drift first."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    shown = sorted(series, key=lambda each: -(each.drift or 0.0))[:MOST_SHOWN]
    columns = min(3, len(shown))
    lines = -(-len(shown) // columns)
    with house_style():
        figure = new_figure(figsize=(PAGE_WIDTH_IN, 0.4 + 1.8 * lines))
        axes = figure.subplots(lines, columns, squeeze=False).flatten().tolist()
        for axis, each in zip(axes, shown, strict=False):
            times = [datetime.fromisoformat(entry.time) for entry in each.entries]
            walls = [entry.wall_s for entry in each.entries]
            axis.plot(times, walls, color="0.45", marker="o", markersize=2.2, linestyle="none")
            for level in each.levels:
                ends = [times[level.first], times[level.end - 1]]
                axis.plot(ends, [level.value] * 2, color="#D55E00", linewidth=1.3)
            axis.set_ylim(bottom=0)
            axis.set_ylabel("s")
            title = [*wrap_parts(each.title, _TITLE_WIDTH), *wrap_parts(each.place, _TITLE_WIDTH)]
            axis.set_title("\n".join(title[:_TITLE_LINES]), loc="left", fontsize=5)
            axis.xaxis.set_major_locator(locator := AutoDateLocator(minticks=2, maxticks=4))
            axis.xaxis.set_major_formatter(ConciseDateFormatter(locator))
            axis.tick_params(axis="x", labelsize=5.5)
            tidy(axis, grid="y")
        for axis in axes[len(shown) :]:
            axis.set_axis_off()
        if len(series) > len(shown):
            more = f"{len(shown)} of {len(series)} series: those that drift most, if any does"
            set_title(figure, more)
        return save_figure(figure, folder, FILE_STEM)
