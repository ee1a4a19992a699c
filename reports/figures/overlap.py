"""The heat map of shared prefixes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from reports import labels
from reports.figures.drawing import house_style, new_figure, save_figure
from reports.overlap import FILE_STEM, ModelBlocks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_NAMED = 40  # more models' names would be too small to read
_NUMBERED = 20  # the same for the numbers in the cells
_LONGEST_NAME = 28  # characters


def draw_overlap(
    models: Sequence[ModelBlocks], lengths: np.ndarray, folder: Path
) -> tuple[Path, Path]:
    """Write ``overlap.png`` and ``overlap.pdf``; equal input, equal bytes.

    A cell for each pair of models, in the order given: how many blocks from the start they
    have in common. Lines separate families.
    """
    import seaborn as sns

    side = min(9.0, 2.2 + 0.22 * len(models)) if len(models) <= _NAMED else 6.5
    with house_style("white"):
        figure = new_figure(figsize=(side + 1.6, side + 0.6))
        axis = figure.subplots()
        sns.heatmap(
            lengths,
            ax=axis,
            cmap="viridis",
            vmin=0,
            square=True,
            annot=len(models) <= _NUMBERED,
            fmt="d",
            annot_kws={"fontsize": 6},
            xticklabels=False,
            yticklabels=False,
            cbar_kws={"label": "blocks in common from the start", "shrink": 0.7},
        )
        _name(axis, models)
        axis.set_title(f"Shared prefixes of {len(models)} models", loc="left", fontweight="bold")
        # Tight: names are wider than a square of cells leaves room for.
        return save_figure(figure, folder, FILE_STEM, is_tight=True)


def _name(axis: Axes, models: Sequence[ModelBlocks]) -> None:
    """Names of models beside the rows, or of families where there are too many."""
    families = [model.family for model in models]
    starts = [i for i, family in enumerate(families) if i == 0 or family != families[i - 1]]
    for start in starts[1:]:
        axis.axhline(start, color="white", linewidth=1.2)
        axis.axvline(start, color="white", linewidth=1.2)
    ends = [*starts[1:], len(models)]
    places = [(start + end) / 2 for start, end in zip(starts, ends, strict=True)]
    named = [labels.architecture(families[start]) for start in starts]
    axis.set_xticks(places, named, rotation=0 if len(named) < 4 else 30)
    if len(models) > _NAMED:
        axis.set_yticks(places, named, rotation=0)
    else:
        names = [_shortened(model.name) for model in models]
        axis.set_yticks(np.arange(len(models)) + 0.5, names, rotation=0, fontsize=6.5)


def _shortened(name: str) -> str:
    """The end of a long name: that is where names of one family differ."""
    return name if len(name) <= _LONGEST_NAME else f"…{name[1 - _LONGEST_NAME :]}"
