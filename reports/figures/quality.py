"""The Pareto figure: how long a search takes, and how much accuracy its choice loses."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reports.figures.drawing import house_style, new_figure, save_figure
from reports.quality.measures import pareto
from reports.quality.rows import QualityRow, SearchQuality

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FILE_STEM = "quality"

_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""For the colour-blind (Okabe and Ito 2008)."""
_MARKERS = "osD^vPX"
_PANEL_IN = (3.4, 2.7)
_LONE_PANEL_IN = (4.8, 3.0)
_TITLE_PER_INCH = 11  # characters
_TITLE_WIDTH = 46


def draw_quality(searches: Sequence[SearchQuality], folder: Path) -> tuple[Path, Path]:
    """Write ``quality.png`` and ``quality.pdf`` into ``folder``; equal input, equal bytes.

    A panel per search: a mark per system at (median time, regret), a line through those that
    no other beats in both, and dashed what a model at random loses on average.
    """
    columns = min(len(searches), 2 if len(searches) in (2, 4) else 3)
    lines = -(-len(searches) // columns)
    with house_style():
        width, height = _PANEL_IN if columns > 1 else _LONE_PANEL_IN
        figure = new_figure(figsize=(columns * width, lines * height + 0.7))
        axes = figure.subplots(lines, columns, squeeze=False).flatten().tolist()
        names = list(dict.fromkeys(row.label for s in searches for row in _timed(s)))
        for axis, search in zip(axes, searches, strict=False):
            _panel(axis, search, names=names)
        common = searches[0].common_title or "Model search"
        figure.suptitle(
            _wrapped(common, round(columns * width * _TITLE_PER_INCH)),
            fontsize=9,
            fontweight="bold",
        )
        for axis in axes[len(searches) :]:
            axis.set_axis_off()
        known: dict[str, Any] = {}
        for axis in axes[: len(searches)]:
            for handle, label in zip(*axis.get_legend_handles_labels(), strict=True):
                known.setdefault(label, handle)
        figure.legend(
            known.values(), known.keys(), loc="outside lower center",
            ncols=min(4, 2 * columns), frameon=False,
        )  # fmt: skip
        return save_figure(figure, folder, FILE_STEM)


def _timed(search: SearchQuality) -> list[QualityRow]:
    return [row for row in search.rows if row.wall_s is not None]


def _panel(axis: Axes, search: SearchQuality, *, names: Sequence[str]) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    rows = _timed(search)
    points = {row.label: (row.wall_s or 0.0, 100 * row.regret) for row in rows}
    front = [points[name] for name in pareto(points)]
    # Along the front nothing is better until the next system's time.
    axis.step(
        [x for x, _ in front], [y for _, y in front], where="post", color="0.6", linewidth=1,
        zorder=1, label="not beaten in both",
    )  # fmt: skip
    for name, (x, y) in points.items():
        at = names.index(name)
        axis.plot(
            x, y, color=_COLOURS[at % len(_COLOURS)], marker=_MARKERS[at % len(_MARKERS)],
            markersize=6, markeredgecolor="white", markeredgewidth=0.6, linestyle="none",
            label=name, zorder=3, clip_on=False,
        )  # fmt: skip
    at_random = next(row for row in search.rows if row.label == "a model at random")
    axis.axhline(
        100 * at_random.regret, color="0.3", linestyle="--", linewidth=0.9,
        label="a model at random (mean)",
    )  # fmt: skip
    axis.set_xscale("log")
    axis.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=12))
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.xaxis.set_minor_locator(NullLocator())
    highest = max([100 * at_random.regret, *(y for _, y in points.values())])
    axis.set_ylim(-0.06 * (highest or 1.0), 1.15 * (highest or 1.0))
    axis.set_xlabel("time (s)")
    axis.set_ylabel("regret (percentage points)")
    axis.set_title(_wrapped(search.panel_title, _TITLE_WIDTH), loc="left")
    axis.grid(visible=True, color="0.9", linewidth=0.5)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)


def _wrapped(title: str, width: int) -> str:
    """Break between the parts of a title, not inside them."""
    parts = [part.replace(" ", "\u00a0") for part in title.split(" · ")]
    return "\n".join(textwrap.wrap("\u00a0· ".join(parts), width, break_on_hyphens=False))
