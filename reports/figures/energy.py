"""What searches take of the machine: energy, or processor time where no energy is counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from reports.comparison import Search, compare
from reports.figures.drawing import PAGE_WIDTH_IN, house_style, new_figure, save_figure, tidy
from reports.figures.figure_runs import FigureRuns
from reports.figures.system_style import bar_legend, system_styles
from reports.records import Record
from reports.statistics import median

_KINDS = (
    ("energy_j", "energy of the GPU (kJ)", 1e-3),
    ("cpu_s", "processor time (s); no energy is counted on this machine", 1.0),
)
"""Counter, what it says, and its factor; the first that was sampled is shown."""


def draw_energy(runs: FigureRuns, folder: Path, stem: str) -> Sequence[Path]:
    """Energy of each search where a GPU counts it; else the processor time it took.

    Medians over the rounds; an axis says which of the two it is.
    """
    searches = compare(runs.records).searches
    for name, what, factor in _KINDS:
        bars = [
            (search, row.label, factor * amount)
            for search in searches
            for row in search.rows
            if (amount := _spent(runs.records, search, row.variant, name)) is not None
        ]
        if bars:
            return _draw(bars, searches, runs, folder, stem, what=what)
    return ()


def _draw(
    bars: Sequence[tuple[Search, str, float]], searches: Sequence[Search], runs: FigureRuns,
    folder: Path, stem: str, *, what: str,
) -> Sequence[Path]:  # fmt: skip
    shown = list(dict.fromkeys(search.key for search, _, _ in bars))
    titles = {search.key: search.panel_title for search in searches}
    styles = system_styles(label for _, label, _ in bars)
    height = 0.8 / len(styles)
    with house_style():
        per_search = 0.12 * len(styles) + 0.1
        figure = new_figure(figsize=(PAGE_WIDTH_IN, 1.2 + min(9.0, per_search * len(shown))))
        axis = figure.subplots()
        for search, label, amount in bars:
            place = shown.index(search.key) + height * (list(styles).index(label) + 0.5) - 0.4
            axis.barh(place, amount, height=0.92 * height, **styles[label].bar)
        axis.set_yticks(range(len(shown)), [titles[key] for key in shown], fontsize=6)
        axis.set_ylim(len(shown) - 0.5, -0.5)
        axis.set_xlabel(what)
        tidy(axis, grid="x")
        bar_legend(figure, styles)
        figure.suptitle(runs.title, fontsize=9, fontweight="bold")
        return save_figure(figure, folder, stem)


def _spent(records: Sequence[Record], search: Search, variant: str, name: str) -> float | None:
    """The median over rounds of a counter's total, over all devices."""
    totals = []
    for record in records:
        counters = record.telemetry.get("counters")
        if not (record.ok and record.search == search.key and record.variant == variant):
            continue
        if isinstance(counters, Mapping):
            own = [
                facts.get("total")
                for counter, facts in counters.items()
                if counter.rpartition(".")[2] == name and not counter.startswith("machine")
                and isinstance(facts, Mapping)
            ]  # fmt: skip
            known = [total for total in own if isinstance(total, (int, float))]
            if known:
                totals.append(float(sum(known)))
    return median(totals)
