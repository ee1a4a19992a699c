"""Figures beyond the paper, for the runs of any scenario."""

from __future__ import annotations

from collections.abc import Mapping

from reports.figures.energy import draw_energy
from reports.figures.gains import draw_ablation, draw_efficiency, draw_sharing
from reports.figures.memory import draw_memory_over_time
from reports.figures.paper import Draw
from reports.figures.time_and_memory import draw_time_and_memory

INSIGHTS: Mapping[str, Draw] = {
    "ablation": draw_ablation,
    "efficiency": draw_efficiency,
    "sharing": draw_sharing,
    "memory": draw_memory_over_time,
    "pareto": draw_time_and_memory,
    "energy": draw_energy,
}
"""By the end of the files' names; each draws nothing where the runs do not have what it shows."""
