"""One style for all figures, and one way to write them."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Sequence
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


def set_title(figure: Figure, text: str) -> None:
    """Write the title above all panels, wrapped to the figure's width between its parts.

    The figure grows by what more than one line takes.
    """
    width_in, height_in = figure.get_size_inches()
    lines = [
        wrapped for line in text.split("\n") for wrapped in wrap_parts(line, int(13.5 * width_in))
    ]
    figure.suptitle("\n".join(lines), fontsize=8.5, fontweight="bold")
    figure.set_size_inches(width_in, height_in + 0.15 * (len(lines) - 1))


def wrap_parts(text: str, width: int) -> list[str]:
    """Lines of at most ``width`` characters, broken between the parts of a title if possible."""
    parts = text.split(" · ")
    kept = [part.replace(" ", "\u00a0") if len(part) < width else part for part in parts]
    lines = textwrap.wrap("\u00a0· ".join(kept), width, break_on_hyphens=False)
    return [line.removesuffix("\u00a0·") for line in lines]


def add_legend(figure: Figure, handles: Sequence[Any], **settings: Any) -> None:
    """A legend below all panels, as broad as fits; the figure grows by what further lines take."""
    width_in, height_in = figure.get_size_inches()
    columns = _legend_columns([str(handle.get_label()) for handle in handles], width_in)
    lines = math.ceil(len(handles) / columns)
    figure.legend(
        handles=handles, loc="outside lower center", ncols=columns, frameon=False, **settings
    )
    figure.set_size_inches(width_in, height_in + 0.16 * (lines - 1))


def _legend_columns(names: Sequence[str], width_in: float) -> int:
    for columns in range(len(names), 1, -1):
        each = math.ceil(len(names) / columns)  # a legend is filled column by column
        widths = [10 + max(map(len, names[at : at + each])) for at in range(0, len(names), each)]
        if sum(widths) <= 17 * width_in:  # so many characters are in an inch
            return len(widths)
    return 1


def text_width(note: Any) -> float:
    """Width of a text, or of an annotation's text, in points."""
    from matplotlib.text import Text

    figure = note.figure
    # The annotation's own extent would be empty while its point is outside of the axes.
    box = Text.get_window_extent(note, figure.canvas.get_renderer())
    return float(box.width) * 72 / figure.dpi


def tidy(axis: Axes, *, grid: Literal["x", "y", "both"]) -> None:
    """No frame above and to the right, and pale lines behind what is drawn."""
    axis.grid(visible=False)
    axis.grid(visible=True, axis=grid, color="0.88", linewidth=0.5)
    axis.set_axisbelow(True)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)


def tidy_bars(axis: Axes) -> None:
    """The same for lying bars: their names close by, and no line beneath."""
    tidy(axis, grid="x")
    axis.tick_params(axis="y", length=0, pad=2)
    axis.tick_params(axis="x", pad=1)
    axis.spines["bottom"].set_visible(False)


def log_scale(
    axis: Axes, which: Literal["x", "y", "both"], *, steps: Sequence[float] = (1.0,)
) -> None:
    """Logarithmic scales with plain numbers at ``steps`` of each decade.

    Matplotlib's own ticks are formulas, which are not set in these figures.
    """
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    for name, one, set_scale in (
        ("x", axis.xaxis, axis.set_xscale), ("y", axis.yaxis, axis.set_yscale),
    ):  # fmt: skip
        if which in (name, "both"):
            set_scale("log")
            one.set_major_locator(LogLocator(subs=steps))
            one.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.12g}"))
            one.set_minor_formatter(NullFormatter())


def mark_absent(axis: Axes, reason: str, at: tuple[float, float]) -> None:
    """A cross, and why there is no number, in the place of one: nothing is left out silently."""
    axis.annotate(
        f"× {reason}", at, xytext=(3, 0), textcoords="offset points", va="center", fontsize=5.5,
        style="italic",
    )  # fmt: skip


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
    if (engine := figure.get_layout_engine()) is not None:
        engine.execute(figure)  # once more than savefig does: names take room from their panels
    figure.savefig(png, dpi=200, bbox_inches=box, metadata={"Software": None})
    figure.set_layout_engine("none")  # all has its place now: the second file takes it over
    figure.savefig(pdf, bbox_inches=box, metadata=nothing)
    return png, pdf
