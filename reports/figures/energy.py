"""What searches take of the machine: energy, or processor time where no energy is counted."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from reports.comparison import Search
from reports.figures.drawing import (
    PAGE_WIDTH_IN,
    house_style,
    mark_absent,
    new_figure,
    save_figure,
    set_title,
    tidy,
)
from reports.figures.figure_runs import FigureRuns, name_searches
from reports.figures.system_style import bar_legend, system_styles
from reports.records import Record
from reports.statistics import median


@dataclass(frozen=True, kw_only=True, slots=True)
class Quantity:
    """Something that is counted during a search."""

    counters: re.Pattern[str]
    """Names of the counters whose totals are added up."""
    title: str
    factor: float


QUANTITIES = (
    Quantity(
        counters=re.compile(r"gpu\d+(\.mig\d+)?\.energy_j"),
        title="energy of the GPU during the search (kJ)",
        factor=1e-3,
    ),
    Quantity(
        counters=re.compile(r"tree\.cpu_s"),
        title="processor time of the search (s); no energy is counted on this machine",
        factor=1.0,
    ),
)
"""The first that was sampled is shown."""


def draw_energy(runs: FigureRuns, folder: Path, stem: str) -> Sequence[Path]:
    """Energy of each search where a GPU counts it; else the processor time it took.

    Medians over the rounds; an axis says which of the two it is. A system without a number has
    the reason in the place of its bar.
    """
    searches = runs.comparison.searches
    for quantity in QUANTITIES:
        amounts = {
            (search.key, row.label): amount
            for search in searches
            for row in search.rows
            if row.agreement != "differ"
            and (amount := spent(runs.measured.get((search.key, row.variant), ()), quantity))
            is not None
        }
        if amounts:
            return _draw(amounts, searches, runs, folder, stem, what=quantity.title)
    return ()


def _draw(
    amounts: Mapping[tuple[str, str], float], searches: Sequence[Search], runs: FigureRuns,
    folder: Path, stem: str, *, what: str,
) -> Sequence[Path]:  # fmt: skip
    styles = system_styles(row.label for search in searches for row in search.rows)
    height = 0.8 / len(styles)
    with house_style():
        per_search = (0.2 if len(searches) == 1 else 0.12) * len(styles) + 0.1
        figure = new_figure(figsize=(PAGE_WIDTH_IN, 1.4 + min(9.0, per_search * len(searches))))
        axis = figure.subplots()
        for number, (label, style) in enumerate(styles.items()):
            bars = [
                (at + height * (number + 0.5) - 0.4, amounts[search.key, label])
                for at, search in enumerate(searches)
                if (search.key, label) in amounts
            ]
            if bars:
                places, values = zip(*bars, strict=True)
                axis.barh(places, values, height=0.92 * height, **style.bar)
        for at, search in enumerate(searches):
            for row in search.rows:
                if (search.key, row.label) not in amounts:
                    number = list(styles).index(row.label)
                    place = at + height * (number + 0.5) - 0.4
                    mark_absent(axis, f"{row.label}: {row.why_absent('not counted')}", (0, place))
        name_searches(axis, searches)
        if len(searches) == 1:  # the names stand beside the bars
            ticks = [height * (number + 0.5) - 0.4 for number in range(len(styles))]
            axis.set_yticks(ticks, list(styles), fontsize=7)
            axis.set_ylim(0.43, -0.43)
        else:
            bar_legend(figure, styles)
        axis.set_xlim(left=0)
        axis.set_xlabel(what)
        tidy(axis, grid="x")
        set_title(figure, runs.heading)
        return save_figure(figure, folder, stem)


def _is_of_another_gpu(counter: str, record: Record) -> bool:
    """Whether it counts on a device that the search did not run on."""
    gpus = record.telemetry.get("gpus")
    facts = gpus.get(counter.rpartition(".")[0]) if isinstance(gpus, Mapping) else None
    if record.gpu_uuid is None or not isinstance(facts, Mapping) or not facts.get("uuid"):
        return False
    return record.gpu_uuid not in str(facts.get("uuid"))  # NVML writes "GPU-" before it


def spent(rounds: Sequence[Record], quantity: Quantity) -> float | None:
    """The median over rounds of what was counted for the search, in the quantity's unit."""
    totals = []
    for record in rounds:
        counters = record.telemetry.get("counters")
        if isinstance(counters, Mapping) and record.telemetry.get("is_complete") is not False:
            known = [
                facts["total"]
                for name, facts in counters.items()
                if quantity.counters.fullmatch(name)
                and not _is_of_another_gpu(name, record)
                and isinstance(facts, Mapping)
                and isinstance(facts.get("total"), (int, float))
            ]
            if known:
                totals.append(quantity.factor * sum(known))
    return median(totals)
