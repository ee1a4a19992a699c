"""One style for all figures, and one way to write them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PAGE_WIDTH_IN = 7.16
"""Of both columns of a paper with two."""

_STYLE: dict[Any, Any] = {
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7.5,
    "legend.fontsize": 7.5,
    "hatch.linewidth": 0.5,
    "text.parse_math": False,  # a dollar in a name is a dollar
    "pdf.fonttype": 42,  # TrueType: text stays text, as publishers want it
}


@contextmanager
def house_style(grid: str = "whitegrid") -> Iterator[None]:
    """Figures that are made and written in here look alike."""
    import matplotlib as mpl
    import seaborn as sns

    with sns.plotting_context("paper"), sns.axes_style(grid), mpl.rc_context(_STYLE):
        yield


def new_figure(**settings: Any) -> Figure:
    """An empty figure; it never opens a window, whatever the user's backend is."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(layout="constrained", **settings)
    FigureCanvasAgg(figure)
    return figure


def tidy(axis: Axes, *, grid: Literal["x", "y", "both"]) -> None:
    """No frame above and to the right, and pale lines behind what is drawn."""
    axis.grid(visible=False)
    axis.grid(visible=True, axis=grid, color="0.88", linewidth=0.5)
    axis.set_axisbelow(True)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)


def save_figure(
    figure: Figure, folder: Path, stem: str, *, is_tight: bool = False
) -> tuple[Path, Path]:
    """Write ``figure`` as ``stem.png`` and ``stem.pdf``; equal figures give equal bytes.

    ``is_tight`` makes room for what stands out of the figure, such as long names.
    """
    folder.mkdir(parents=True, exist_ok=True)
    png, pdf = (folder / f"{stem}.{kind}" for kind in ("png", "pdf"))
    box = "tight" if is_tight else None
    nothing = {"CreationDate": None, "Producer": None, "Creator": None}
    figure.savefig(png, dpi=200, bbox_inches=box, metadata={"Software": None})
    figure.savefig(pdf, bbox_inches=box, metadata=nothing)
    return png, pdf
