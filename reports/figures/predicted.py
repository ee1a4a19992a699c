"""Predicted against measured times."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from reports.figures.drawing import (
    house_style,
    log_scale,
    new_figure,
    save_figure,
    set_title,
    tidy,
)
from reports.figures.figure_runs import FigureRuns
from reports.figures.system_style import point_legend, system_styles
from reports.predictions import PredictedRow

GOAL = 0.2
"""The error that the cost model aims at, as a share of the measured time."""


def draw_predicted(
    rows: Sequence[PredictedRow], runs: FigureRuns, folder: Path, stem: str
) -> Sequence[Path]:
    """A mark per system and search; on the diagonal the prediction was right."""
    points = [
        (row.label, measured_s, row.wall_s)
        for row in rows
        if (measured_s := row.measured_s) is not None
    ]
    if not points:
        return ()
    rows_in_order = [row.label for search in runs.comparison.searches for row in search.rows]
    measured = dict.fromkeys(label for label, _, _ in points)
    styles = system_styles(label for label in (*rows_in_order, *measured) if label in measured)
    times = [time for _, *both in points for time in both]
    low, high = 0.8 * min(times), 1.25 * max(times)
    with house_style():
        figure = new_figure(figsize=(4.4, 3.9))
        axis = figure.subplots()
        axis.fill_between(
            [low, high], [low * (1 - GOAL), high * (1 - GOAL)],
            [low * (1 + GOAL), high * (1 + GOAL)], color="0.9", linewidth=0,
        )  # fmt: skip
        axis.plot([low, high], [low, high], color="0.15", linewidth=0.8)
        for label, measured_s, predicted_s in points:
            axis.plot(measured_s, predicted_s, **styles[label].point)
        log_scale(axis, "both", steps=(1.0, 2.0, 5.0))
        axis.set_xlim(low, high)
        axis.set_ylim(low, high)
        axis.set_xlabel("measured (s)")
        axis.set_ylabel(f"predicted (s); grey: within {GOAL:.0%}")
        tidy(axis, grid="both")
        point_legend(figure, styles)
        profiles = ", ".join(dict.fromkeys(row.profile for row in rows))
        set_title(figure, f"{runs.heading}\npredicted by profile {profiles}")
        return save_figure(figure, folder, stem)
