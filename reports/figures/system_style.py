"""What systems look like in every figure that tells them apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reports.figures.drawing import add_legend

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, kw_only=True, slots=True)
class SystemStyle:
    """Colour for the colour-blind (Okabe and Ito 2008); hatch and marker for grey."""

    colour: str
    hatch: str
    marker: str

    @property
    def point(self) -> dict[str, Any]:
        """A mark, for ``plot`` and ``errorbar``."""
        return {"color": self.colour, "marker": self.marker, **_POINT}

    @property
    def bar(self) -> dict[str, Any]:
        """A bar, for ``bar``, ``barh`` and ``Patch``."""
        fill = {"facecolor": self.colour, "hatch": self.hatch}
        return {**fill, "edgecolor": "0.15", "linewidth": 0.3}


_POINT: dict[str, Any] = {
    "linestyle": "none",
    "markersize": 4.5,
    "markeredgecolor": "0.15",
    "markeredgewidth": 0.4,
}
_KNOWN = {
    "Base": SystemStyle(colour="#4D4D4D", hatch="", marker="s"),
    "SHiFT": SystemStyle(colour="#E69F00", hatch="", marker="^"),
    "Alsatian (paper)": SystemStyle(colour="#56B4E9", hatch="////", marker="v"),
    "Alsatian": SystemStyle(colour="#0072B2", hatch="", marker="o"),
    "Joint": SystemStyle(colour="#CC79A7", hatch="....", marker="P"),
}
_OTHER_COLOURS = ("#009E73", "#D55E00", "#BBBBBB", "#F0E442", "#882255")
_OTHER_SHAPES = (
    ("\\\\\\\\", "D"), ("xxxx", "X"), ("----", "<"), ("++++", ">"), ("||||", "p"), ("oooo", "h"),
    ("**", "*"),
)  # fmt: skip
"""Hatches and markers; their number and that of the colours have no factor in common, so that
35 names look different."""


def system_styles(names: Iterable[str]) -> dict[str, SystemStyle]:
    """A look for each of ``names``; known systems always have the same one."""
    found: dict[str, SystemStyle] = {}
    others = 0
    for name in names:
        if name in found:
            continue
        if name in _KNOWN:
            found[name] = _KNOWN[name]
        else:
            hatch, marker = _OTHER_SHAPES[others % len(_OTHER_SHAPES)]
            colour = _OTHER_COLOURS[others % len(_OTHER_COLOURS)]
            found[name] = SystemStyle(colour=colour, hatch=hatch, marker=marker)
            others += 1
    return found


def bar_legend(figure: Figure, styles: Mapping[str, SystemStyle]) -> None:
    """Say below ``figure`` what the bars are."""
    from matplotlib.patches import Patch

    add_legend(figure, [Patch(label=name, **style.bar) for name, style in styles.items()])


def point_legend(figure: Figure, styles: Mapping[str, SystemStyle]) -> None:
    """Say below ``figure`` what the marks are."""
    from matplotlib.lines import Line2D

    marks = [Line2D([], [], label=name, **style.point) for name, style in styles.items()]
    add_legend(figure, marks)
