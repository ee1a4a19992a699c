"""The figure of a comparison: where each system's time goes, and what it gains."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reports import labels
from reports.comparison import Comparison, Search
from reports.figures.drawing import (
    house_style,
    new_figure,
    save_figure,
    text_width,
    tidy_bars,
    wrap_parts,
)
from reports.rows import Row
from reports.statistics import CLAIM_ROUNDS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FILE_STEM = "comparison"

_LABEL_WIDTH = 22  # characters of a system's name before it wraps
_TITLE_WIDTH = {1: 74, 2: 54, 3: 44}  # characters of a panel's title, by number of columns
_PANEL_WIDTH = {1: 4.6, 2: 3.2, 3: 2.5}  # inches
_NAMES_WIDTH = 1.4  # inches for the systems' names beside a panel
_BAR_HEIGHT = 0.24  # inches from bar to bar
_DENSE_BAR_HEIGHT = 0.19  # the same where many panels have to fit on a page
_SMALLEST_SHARE = 0.01  # of a bar; smaller additions to the paper's phases are "other"
_LEGEND_COLUMNS = 5
_NOT_THE_SCALE = frozenset({"system", "options", "distribution"})


def draw(comparison: Comparison, folder: Path) -> tuple[Path, Path]:
    """Write ``comparison.png`` and ``comparison.pdf`` into ``folder``; equal input, equal bytes.

    A panel per search (at least one), a bar per system: the phases' exclusive seconds, the
    time bound as a mark, the speed-up over Base at the end. Systems whose answers differ are
    shown without phases and without a speed-up; what was not measured says why.
    """
    with house_style():
        figure = new_figure()
        _fill(figure, comparison)
        return save_figure(figure, folder, FILE_STEM)


def _fill(figure: Figure, comparison: Comparison) -> None:
    searches = comparison.searches
    columns = grid_columns(searches)
    lines = [searches[at : at + columns] for at in range(0, len(searches), columns)]
    same_rows = len({tuple(row.label for row in search.rows) for search in searches}) == 1
    bar_height = _BAR_HEIGHT if len(lines) <= 4 else _DENSE_BAR_HEIGHT
    heights = [
        max(_panel_height(search, columns=columns, bar_height=bar_height) for search in line)
        for line in lines
    ]
    named_columns = 1 if same_rows else columns
    figure.set_size_inches(
        columns * _PANEL_WIDTH[columns] + named_columns * _NAMES_WIDTH,
        sum(heights) + (1.0 if any(search.rounds for search in searches) else 0.4),
    )
    axes = figure.subplots(len(lines), columns, squeeze=False, height_ratios=heights)
    tells_rounds = len({count for search in searches for count in search.rounds}) > 1
    tells_timing = not all(search.timing_only for search in searches)
    for line, line_axes in zip(lines, axes, strict=True):
        for place, (axis, search) in enumerate(zip(line_axes, line, strict=False)):
            title = _panel_title(search, columns=columns, tells_timing=tells_timing)
            axis.set_title(title, loc="left")
            names = [_wrapped(row.label) for row in search.rows]
            places = _places(names)
            axis.set_yticks(places, names if place == 0 or not same_rows else [""] * len(names))
            axis.set_ylim(places[-1] + 0.6, -0.7)
            for row, at in zip(search.rows, places, strict=True):
                _draw_row(axis, row, place=at)
        for axis in line_axes[len(line) :]:
            axis.set_axis_off()
        _finish_line(line_axes[: len(line)], line, columns=columns, tells_rounds=tells_rounds)
    figure.suptitle(_title(comparison), fontsize=9, fontweight="bold")
    _legend(figure, searches)


def grid_columns(searches: Sequence[Search]) -> int:
    """Panels beside each other: one per distribution where these form a grid, else up to 3."""
    distributions = {str(search.spec.get("distribution")) for search in searches}
    if 1 < len(distributions) <= 3 and len(searches) % len(distributions) == 0:
        return len(distributions)
    return min(len(searches), 2 if len(searches) <= 4 else 3)


def _panel_height(search: Search, *, columns: int, bar_height: float) -> float:
    title = _panel_title(search, columns=columns, tells_timing=True)
    places = _places([_wrapped(row.label) for row in search.rows])
    return 0.36 + 0.14 * (title.count("\n") + 1) + bar_height * (places[-1] + 1.3)


def _places(names: Sequence[str]) -> list[float]:
    """Where the bars go, from the top: names of several lines get more room."""
    rooms = [max(1.0, 0.58 * (name.count("\n") + 1)) for name in names]
    return [sum(rooms[:at]) + room / 2 - rooms[0] / 2 for at, room in enumerate(rooms)]


def _draw_row(axis: Axes, row: Row, *, place: float) -> None:
    """One bar, in seconds."""
    if row.wall_s is None:
        return
    box: dict[str, Any] = {"height": 0.66, "linewidth": 0.3, "edgecolor": "0.15"}
    if row.agreement == "differ":
        axis.barh(place, row.wall_s, color="white", hatch="//////", **box)
        return
    left_s = 0.0
    for phase, share in _shown_shares(row).items():
        style = labels.PHASES[phase]
        width_s = share * row.wall_s
        axis.barh(place, width_s, left=left_s, color=style.colour, hatch=style.hatch, **box)
        left_s += width_s
    if row.time_bound_s is not None:
        at_s = row.time_bound_s
        axis.plot([at_s, at_s], [place - 0.33, place + 0.33], color="black", linewidth=0.9)
        axis.plot(at_s, place - 0.42, color="black", marker="v", markersize=3.4, linestyle="none")


def _shown_shares(row: Row) -> dict[str, float]:
    """The shares of a bar by phase, in order; what is too thin to be seen is ``other``."""
    shown: dict[str, float] = {}
    for phase, share in row.shares.items():
        is_seen = phase in labels.PAPER_PHASES or share >= _SMALLEST_SHARE
        name = phase if phase in labels.PHASES and is_seen else "other"
        shown[name] = shown.get(name, 0.0) + share
    return {phase: shown[phase] for phase in labels.PHASES if phase in shown}


def _finish_line(
    axes: Sequence[Axes], line: Sequence[Search], *, columns: int, tells_rounds: bool
) -> None:
    """Write the outcomes, and scale the axes so that they fit.

    Searches that differ in their distribution only are there to be compared: one scale.
    """
    requests = [
        {name: value for name, value in search.spec.items() if name not in _NOT_THE_SCALE}
        for search in line
    ]
    groups = (
        [list(zip(axes, line, strict=True))]
        if all(request == requests[0] for request in requests)
        else [[pair] for pair in zip(axes, line, strict=True)]
    )
    for group in groups:
        needed_s = 0.0
        for axis, search in group:
            for row, place in zip(search.rows, axis.get_yticks(), strict=True):
                texts = _outcome_texts(row, tells_rounds=tells_rounds)
                width = _write(axis, texts, at=(_bar_end_s(row), float(place)))
                share = min(0.8, width / (0.94 * 72 * _PANEL_WIDTH[columns]))
                needed_s = max(needed_s, _bar_end_s(row) / (1 - share))
        for axis, _ in group:
            _scale(axis, needed_s)


def _scale(axis: Axes, longest_s: float) -> None:
    axis.set_xlim(0, 1.02 * longest_s or 1.0)
    tidy_bars(axis)
    axis.spines["left"].set(color="0.4", linewidth=0.6)
    if not longest_s:
        axis.set_xticks([])
        return
    unit, factor = _unit(longest_s)
    step = _tick_step(longest_s / factor)
    ticks = [at * step for at in range(int(longest_s / factor / step) + 1)]
    axis.set_xticks(
        [tick * factor for tick in ticks], ["0", *(f"{tick:g} {unit}" for tick in ticks[1:])]
    )


def _tick_step(longest: float) -> float:
    """The smallest of 1, 2, 5 times a power of ten that gives at most four steps."""
    power = 10.0 ** math.floor(math.log10(longest / 4))
    return next(step * power for step in (1, 2, 5, 10) if step * power * 4 >= longest)


def _bar_end_s(row: Row) -> float:
    return max(row.wall_s or 0.0, row.time_bound_s or 0.0)


def _outcome_texts(row: Row, *, tells_rounds: bool) -> list[tuple[str, dict[str, Any]]]:
    """The speed-up in bold; interval, rounds and published one plain; reasons in italics."""
    if row.speed_up is None:
        return [(row.outcome, {"style": "italic"})]
    parts: list[tuple[str, dict[str, Any]]] = [(row.outcome, {"weight": "bold"})]
    plain = [labels.interval(row.speed_up.low, row.speed_up.high)]
    if tells_rounds:
        plain.append(labels.rounds(row.speed_up.rounds))
    if row.published is not None and not row.is_base:
        plain.append(f"paper {labels.ratio(row.published)}")
    text = ", ".join(part for part in plain if part)
    return [*parts, (f"({text})", {})] if text else parts


def _write(
    axis: Axes, texts: Sequence[tuple[str, dict[str, Any]]], *, at: tuple[float, float]
) -> float:
    """Write texts beside each other from the point ``at``; returns their width in points."""
    offset = 4.0
    for text, font in texts:
        note = axis.annotate(
            text, at, xytext=(offset, 0), textcoords="offset points", va="center_baseline",
            fontsize=7, bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6},
            **font,
        )  # fmt: skip
        offset += text_width(note) + 2.5
    return offset


def _legend(figure: Figure, searches: Sequence[Search]) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    rows = [row for search in searches for row in search.rows if row.wall_s is not None]
    phases = {phase for row in rows if row.agreement != "differ" for phase in _shown_shares(row)}
    box: dict[str, Any] = {"edgecolor": "0.15", "linewidth": 0.3}
    handles: list[Any] = [
        Patch(facecolor=style.colour, hatch=style.hatch, label=style.label, **box)
        for phase, style in labels.PHASES.items()
        if phase in phases
    ]
    if any(row.time_bound_s is not None for row in rows):
        bound = Line2D(
            [], [], color="black", marker="v", markersize=3.4, linestyle="none", label="time bound"
        )
        handles.append(bound)
    if any(row.agreement == "differ" for row in rows):
        handles.append(Patch(facecolor="white", hatch="//////", label="answers differ", **box))
    if handles:
        legend = figure.legend(
            handles=handles, loc="outside lower center", ncols=_LEGEND_COLUMNS, frameon=False,
            handlelength=1.4, columnspacing=1.4, title=_caption(searches), title_fontsize=7.5,
        )  # fmt: skip
        legend.get_title().set_multialignment("center")


def _caption(searches: Sequence[Search]) -> str:
    """What the numbers at the bars are, and what they rest on."""
    counts = sorted({count for search in searches for count in search.rounds})
    what = "bars: search time by phase (median); numbers: speed-up over Base"
    if counts and counts[-1] > 1:
        what += " (95% interval)"
    if not counts or counts[0] >= CLAIM_ROUNDS:
        return what
    each = labels.rounds(counts[0]) + (" each" if len(counts) == 1 else " or more")
    return f"{what}\n{each}; a claim takes {CLAIM_ROUNDS} rounds"


def _title(comparison: Comparison) -> str:
    columns = grid_columns(comparison.searches)
    width_in = columns * _PANEL_WIDTH[columns] + _NAMES_WIDTH
    title = "\n".join(wrap_parts(comparison.common_title, int(12 * width_in))) or "Model search"
    if all(search.timing_only for search in comparison.searches):
        title += f"\n{labels.TIMING_ONLY}"
    return title


def _panel_title(search: Search, *, columns: int, tells_timing: bool) -> str:
    title = search.panel_title
    if search.timing_only and tells_timing:
        title = f"{title} ({labels.TIMING_ONLY})".strip()
    return "\n".join(wrap_parts(title, _TITLE_WIDTH[columns]))


def _unit(longest_s: float) -> tuple[str, float]:
    """The unit of an axis, and how many seconds it is."""
    if longest_s >= 36_000:
        return "h", 3600.0
    return ("min", 60.0) if longest_s >= 600 else ("s", 1.0)


def _wrapped(label: str) -> str:
    return "\n".join(textwrap.wrap(label, _LABEL_WIDTH, break_long_words=True))
