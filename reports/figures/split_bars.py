"""Bars split by phase in one unit (figures 5, 11 and 16), published ones thin beneath."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reports import labels
from reports.figures.drawing import (
    PAGE_WIDTH_IN,
    add_legend,
    house_style,
    new_figure,
    save_figure,
    set_title,
    text_width,
    tidy_bars,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_BAR_IN = 0.27  # from bar to bar
_AXES_PT = 72 * (PAGE_WIDTH_IN - 1.1)  # all panels of a line, without the names before them
_THICK, _THIN = 0.5, 0.2  # of that distance
_BOX: dict[str, Any] = {"linewidth": 0.3, "edgecolor": "0.15"}
_FEWEST_PUBLISHED = 0.004  # of the axis: thinner parts could not be seen


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """One bar, in its panel's unit."""

    name: str
    parts: Mapping[str, float]
    """By phase; empty where nothing was measured."""
    published: Mapping[str, float] = field(default_factory=dict)
    """The paper's bar by phase, in the paper's own unit of the same kind."""
    bound: float | None = None
    """The time bound."""
    text: str = ""
    """At the end of the bar, in bold; the reason where nothing was measured."""
    remark: str = ""
    """After it, plain."""

    @property
    def length(self) -> float:
        """To where it reaches, with all that belongs to it."""
        return max(sum(self.parts.values()), sum(self.published.values()), self.bound or 0.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Panel:
    """Bars beneath each other."""

    title: str
    bars: tuple[Bar, ...]


def draw_split_bars(
    places: Sequence[Panel | None], folder: Path, stem: str, *, columns: int, title: str, unit: str
) -> tuple[Path, Path]:
    """Write panels as ``stem.png`` and ``stem.pdf``, ``columns`` beside each other; None: a gap.

    All panels share one scale, for they are there to be compared.
    """
    lines = math.ceil(len(places) / columns)
    panels = [panel for panel in places if panel is not None]
    rows = max(len(panel.bars) for panel in panels)
    with house_style():
        figure = new_figure(figsize=(PAGE_WIDTH_IN, 0.8 + lines * (0.4 + _BAR_IN * rows)))
        axes = figure.subplots(lines, columns, squeeze=False, sharex=True)
        ends: list[float] = []
        for at, line in enumerate(axes):
            written: list[str] = []
            own = places[at * columns : (at + 1) * columns]
            for axis, panel in itertools.zip_longest(line, own):
                if panel is None:
                    axis.set_axis_off()
                    continue
                ends.append(_panel(axis, panel, width_pt=_AXES_PT / columns))
                names = [bar.name for bar in panel.bars]
                axis.set_yticks(range(len(names)), [""] * len(names) if names == written else names)
                written = names
        axes[0, 0].set_xlim(0, 1.02 * max(ends))
        for column in axes.T:
            for last in [axis for axis in column if axis.axison][-1:]:
                last.set_xlabel(unit)
                last.tick_params(labelbottom=True)
        set_title(figure, title)
        add_legend(figure, _legend(panels), handlelength=1.4, columnspacing=1.2)
        return save_figure(figure, folder, stem)


def _panel(axis: Axes, panel: Panel, *, width_pt: float) -> float:
    """Draw it; how far its axis must reach so that bars and the texts after them fit."""
    needed = max((bar.length for bar in panel.bars), default=0.0) or 1.0
    for at, bar in enumerate(panel.bars):
        has_published = bool(bar.published)
        place = at - 0.13 if has_published else at
        _stack(axis, bar.parts, place=place, height=_THICK)
        if has_published:
            _stack(axis, bar.published, place=at + 0.24, height=_THIN, alpha=0.55)
        if bar.bound is not None:
            axis.plot(
                [bar.bound, bar.bound], [place - 0.31, place + 0.31], color="black", linewidth=1.2
            )
        end = bar.length if bar.parts else 0.0
        offset = 3.0
        for text, look in ((bar.text, _text_look(bar)), (bar.remark, {})):
            if text:
                note = axis.annotate(
                    text, (end, at), xytext=(offset, 0), textcoords="offset points", va="center",
                    fontsize=6.5, **look,
                )  # fmt: skip
                note.set_in_layout(False)  # the axis has room for it
                offset += text_width(note) + 3.0
        needed = max(needed, end / (1 - min(0.7, offset / width_pt)))
    axis.set_ylim(len(panel.bars) - 0.45, -0.55)
    axis.set_title(panel.title, loc="left")
    tidy_bars(axis)
    return needed


def _stack(
    axis: Axes, parts: Mapping[str, float], *, place: float, height: float, alpha: float = 1.0
) -> None:
    left = 0.0
    unknown = sum(width for phase, width in parts.items() if phase not in labels.PHASES)
    for phase, style in labels.PHASES.items():
        width = parts.get(phase, 0.0) + (unknown if phase == "other" else 0.0)
        if width > 0:
            axis.barh(
                place, width, left=left, height=height, color=style.colour, hatch=style.hatch,
                alpha=alpha, **_BOX,
            )  # fmt: skip
            left += width


def _text_look(bar: Bar) -> dict[str, Any]:
    return {"weight": "bold"} if bar.parts else {"style": "italic"}


def _legend(panels: Sequence[Panel]) -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    bars = [bar for panel in panels for bar in panel.bars]
    longest = max((bar.length for bar in bars), default=0.0)
    seen = {
        phase
        for bar in bars
        for phase, width in (*bar.parts.items(), *bar.published.items())
        if width >= _FEWEST_PUBLISHED * longest
    }
    handles: list[Any] = [
        Patch(facecolor=style.colour, hatch=style.hatch, label=style.label, **_BOX)
        for phase, style in labels.PHASES.items()
        if phase in seen
    ]
    if any(bar.bound is not None for bar in bars):
        handles.append(Line2D([], [], color="black", linewidth=1.2, label="time bound"))
    if any(bar.published for bar in bars):
        handles.append(Patch(facecolor="0.8", alpha=0.55, label="thin: published", **_BOX))
    return handles
