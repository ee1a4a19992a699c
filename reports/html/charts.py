"""Where bars, ranges and boxes go: numbers for the page's drawings, in units of their own."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from reports import labels
from reports.campaigns import Campaign
from reports.comparison import Search
from reports.html.task_tree import TaskTree
from reports.rows import Row

WIDTH = 600
"""Of every drawing's scale, in its own units; the page stretches it."""
_ROOM = 1.08
_TREE_ROW = 14


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """A phase's share of a bar."""

    phase: str
    x: float
    width: float
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """One system's time on one search."""

    row: Row
    pieces: tuple[Piece, ...]
    length: float
    bound: float | None
    text: str
    """Behind the bar: the time and the speed-up."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tick:
    """A mark of an axis."""

    x: float
    text: str


def bars_of(search: Search) -> tuple[Bar, ...]:
    """A bar for each system of a search, all on one scale."""
    longest_s = max(
        (max(row.wall_s or 0.0, row.time_bound_s or 0.0) for row in search.rows), default=0.0
    )
    return tuple(_bar(row, WIDTH / longest_s if longest_s else 0.0) for row in search.rows)


def _bar(row: Row, per_s: float) -> Bar:
    if row.wall_s is None:
        return Bar(row=row, pieces=(), length=0.0, bound=None, text=row.outcome)
    pieces = []
    x = 0.0
    for phase, share in row.shares.items():
        width = share * row.wall_s * per_s
        style = labels.PHASES.get(phase)
        name = style.label if style else phase
        pieces.append(
            Piece(
                phase=phase if style else "other",
                x=round(x, 1),
                width=round(width, 1),
                text=f"{name}: {labels.seconds(share * row.wall_s)}, {labels.percent(share)}",
            )
        )
        x += width
    interval = ""
    if row.speed_up is not None:
        interval = labels.interval(row.speed_up.low, row.speed_up.high)
    gain = "" if row.is_base and row.speed_up else f" · {row.outcome}"
    return Bar(
        row=row,
        pieces=tuple(pieces) if row.agreement != "differ" else (),
        length=round(row.wall_s * per_s, 1),
        bound=None if row.time_bound_s is None else round(row.time_bound_s * per_s, 1),
        text=labels.seconds(row.wall_s) + gain + (f" ({interval})" if interval else ""),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Dot:
    """The speed-up of one system on one search, with its interval where there is one."""

    x: float
    low: float | None
    high: float | None
    published: float | None
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Strip:
    """All speed-ups of one system."""

    label: str
    dots: tuple[Dot, ...]
    middle: float
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Strips:
    """All systems' speed-ups over Base on one logarithmic axis."""

    strips: tuple[Strip, ...]
    ticks: tuple[Tick, ...]
    one: float
    """Where Base is."""

    @property
    def has_published(self) -> bool:
        """Whether any search has a published speed-up."""
        return any(dot.published is not None for strip in self.strips for dot in strip.dots)


def strips_of(campaign: Campaign) -> Strips | None:
    """The speed-ups of a campaign; None where there are none."""
    shown = [
        (search, row)
        for search in campaign.comparison.searches
        for row in search.rows
        if row.speed_up is not None and not row.is_base
    ]
    if not shown:
        return None
    values = [1.0]
    for _, row in shown:
        assert row.speed_up is not None  # chosen above
        known = (row.speed_up.value, row.speed_up.low, row.speed_up.high, row.published)
        values += [value for value in known if value is not None]
    low, high = min(values) / _ROOM, max(values) * _ROOM

    def place(value: float) -> float:
        return round(WIDTH * math.log(value / low) / math.log(high / low), 1)

    strips = []
    for speed in campaign.speeds:
        dots = [_dot(search, row, place) for search, row in shown if row.label == speed.label]
        text = labels.ratio(speed.middle)
        if speed.searches > 1:
            text += f" ({labels.interval(speed.low, speed.high)})"
        strips.append(
            Strip(label=speed.label, dots=tuple(dots), middle=place(speed.middle), text=text)
        )
    return Strips(
        strips=tuple(strips),
        ticks=tuple(Tick(x=place(at), text=f"{at:g}×") for at in _ticks(low, high)),
        one=place(1.0),
    )


def _dot(search: Search, row: Row, place: Callable[[float], float]) -> Dot:
    assert row.speed_up is not None
    speed_up = row.speed_up
    interval = labels.interval(speed_up.low, speed_up.high)
    parts = [f"{row.label}: {labels.ratio(speed_up.value)}"]
    parts += [f"({interval})"] if interval else []
    parts += [f"paper {labels.ratio(row.published)}"] if row.published is not None else []
    parts += [f"on {search.panel_title}"] if search.panel_title else []
    return Dot(
        x=place(speed_up.value),
        low=None if speed_up.low is None else place(speed_up.low),
        high=None if speed_up.high is None else place(speed_up.high),
        published=None if row.published is None else place(row.published),
        text=" ".join(parts),
    )


def _ticks(low: float, high: float) -> Sequence[float]:
    """1, 2, 5 and their tens between two values; fewer where there would be many."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    digits = (1, 2, 5) if len(powers) <= 3 else (1,)
    found = [digit * 10.0**power for power in powers for digit in digits]
    return [value for value in found if low <= value <= high]


@dataclass(frozen=True, kw_only=True, slots=True)
class Box:
    """A segment of a task tree."""

    x: float
    y: int
    width: float
    height: int
    share: int
    """Of the models that have it, in tenths from 0 (one model) to 9 (all of them)."""
    text: str
    label: str
    """Written into the box; empty where there is no room."""


def boxes_of(tree: TaskTree) -> tuple[Box, ...]:
    """A task tree as boxes: blocks from the left to the right, models from the top down."""
    per_block = WIDTH / tree.depth
    boxes = []
    for each in tree.segments:
        count = each.last_block - each.first_block + 1
        name = f"block {each.first_block}" if count == 1 else (
            f"blocks {each.first_block}–{each.last_block}"
        )  # fmt: skip
        shared = "one model" if each.models == 1 else f"{each.models} of {tree.models} models"
        width = count * per_block
        boxes.append(
            Box(
                x=round((each.first_block - 1) * per_block, 1),
                y=each.first_model * _TREE_ROW,
                width=round(width, 1),
                height=each.models * _TREE_ROW,
                share=math.ceil(9 * (each.models - 1) / max(1, tree.models - 1)),
                text=f"{name} of {shared} ({each.hash})",
                label=f"{each.models}×" if each.models > 1 and width > 30 else "",
            )
        )
    return tuple(boxes)


def tree_height(tree: TaskTree) -> int:
    """Of the drawing."""
    return tree.models * _TREE_ROW
