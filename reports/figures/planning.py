"""How planning grows with the number of models."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from reports.errors import ReportError
from reports.figures.drawing import (
    house_style,
    log_scale,
    new_figure,
    save_figure,
    set_title,
    tidy,
)
from reports.figures.system_style import system_styles

MADE_BY = "python -m bench.planner_scale 1000 10000 100000 1000000 --json FILE"
"""What measures it: planning takes no runs of searches."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Planned:
    """What one planner took for all rounds of a search."""

    planner: str
    models: int
    seconds: float


def read_planned(path: Path) -> tuple[Planned, ...]:
    """The results that ``MADE_BY`` wrote.

    Raises:
        ReportError: there is no such file, or it is no such file.
    """
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        found = tuple(_planned(row) for row in rows)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ReportError(
            f"'{path}' does not hold the times of planners ({type(error).__name__}: {error}). "
            f"Make it with '{MADE_BY}'."
        ) from error
    if not found:
        raise ReportError(f"'{path}' holds no times. Make it with '{MADE_BY}'.")
    return found


def draw_planning(planned: Sequence[Planned], folder: Path, stem: str) -> tuple[Path, Path]:
    """Seconds over models, a line per planner, both logarithmic; a dashed line grows with n."""
    lines: dict[str, list[Planned]] = {}
    for one in sorted(planned, key=lambda one: (one.planner, one.models)):
        lines.setdefault(one.planner, []).append(one)
    styles = system_styles(lines)
    with house_style():
        figure = new_figure(figsize=(4.6, 3.2))
        axis = figure.subplots()
        for name, points in lines.items():
            look = {**styles[name].point, "linestyle": "-", "linewidth": 1.1}
            axis.plot([p.models for p in points], [p.seconds for p in points], label=name, **look)
        first = min(planned, key=lambda one: (one.models, one.seconds))
        last = max(one.models for one in planned)
        axis.plot(
            [first.models, last], [first.seconds, first.seconds * last / first.models],
            color="0.4", linewidth=0.8, linestyle="--", label="in proportion",
        )  # fmt: skip
        log_scale(axis, "both")
        axis.set_xlabel("models of 25 blocks")
        axis.set_ylabel("planning of all rounds (s)")
        tidy(axis, grid="both")
        axis.legend(frameon=False)
        set_title(figure, "How planning grows with the number of models")
        return save_figure(figure, folder, stem)


def _planned(row: Mapping[str, object]) -> Planned:
    models, seconds = row["models"], row["seconds"]
    if not isinstance(models, int) or not isinstance(seconds, (int, float)):
        raise TypeError("models and seconds have to be numbers")
    if models < 1 or not 0 < seconds < math.inf:
        raise ValueError("models and seconds have to be positive")
    name = f"{str(row['planner']).replace('_', '-')}, {str(row['distribution']).replace('_', ' ')}"
    return Planned(planner=name, models=models, seconds=float(seconds))
