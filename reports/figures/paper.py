"""Every figure and table of the Alsatian paper, from stored runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from reports import labels
from reports.comparison import Search, compare
from reports.figures.figure_runs import FigureRuns
from reports.figures.overview import draw_grid, grid_of
from reports.figures.readings import draw_readings
from reports.figures.split_bars import Bar, Panel, draw_split_bars
from reports.latex import architecture_table, speed_up_table
from reports.readings import collect_readings
from reports.rows import Row

Draw = Callable[[FigureRuns, Path, str], Sequence[Path]]


@dataclass(frozen=True, kw_only=True, slots=True)
class PaperFigure:
    """A figure or table, and the scenario whose runs it shows."""

    id: str
    """As the scenario is called: ``fig10``, ``table1``."""
    title: str
    draw: Draw
    """Writes the files of one campaign; returns none where it has nothing to show."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Units:
    """What 1 is in a panel: Base's seconds, here and in the paper."""

    measured_s: float | None = None
    published_s: float | None = None


def _overview(runs: FigureRuns, folder: Path, stem: str) -> Sequence[Path]:
    grid = grid_of(compare(runs.records), fewest=1, expected=runs.expected)
    if grid is None:
        return ()
    table = folder / f"{stem}.tex"
    made = draw_grid(grid, folder, stem, title=runs.title)
    table.write_text(speed_up_table(grid, caption=runs.title, label=stem), encoding="utf-8")
    return (*made, table)


def _split_of_systems(runs: FigureRuns, folder: Path, stem: str) -> Sequence[Path]:
    """Figure 11: a panel per search, in units of Base's time of that search."""
    searches = compare(runs.records).searches
    return _split(searches, [_units(search) for search in searches], runs, folder, stem, of="Base")


def _split_by_memory(runs: FigureRuns, folder: Path, stem: str) -> Sequence[Path]:
    """Figure 16: a panel per limit, in units of Base's time with the most memory."""
    searches = sorted(compare(runs.records).searches, key=_memory, reverse=True)
    units = [_units(searches[0])] * len(searches) if searches else []
    of = f"Base, {searches[0].panel_title}" if len(searches) > 1 else "Base"
    return _split(searches, units, runs, folder, stem, of=of)


def _split(
    searches: Sequence[Search], units: Sequence[_Units], runs: FigureRuns, folder: Path,
    stem: str, *, of: str,
) -> Sequence[Path]:  # fmt: skip
    if not searches:
        return ()
    panels = [
        Panel(
            title=search.panel_title,
            bars=tuple(_bar(row, name=row.label, unit=unit) for row in _once_published(search)),
        )
        for search, unit in zip(searches, units, strict=True)
    ]
    return draw_split_bars(
        panels, folder, stem, columns=_columns(searches), title=runs.title,
        unit=f"time / time of {of}",
    )  # fmt: skip


def _split_of_one_model(runs: FigureRuns, folder: Path, stem: str) -> Sequence[Path]:
    """Figure 5: a panel per architecture, a bar per number of items, in shares of its time."""
    panels: dict[str, list[Bar]] = {}
    for search in compare(runs.records).searches:
        spec = search.spec
        name = f"{spec.get('items')} items"
        if spec.get("part") not in (None, "full"):
            name += f",\n{labels.parameter('part', spec.get('part'))}"
        row = search.rows[0]
        bar = replace(
            _bar(row, name=name, unit=_Units(measured_s=row.wall_s)),
            text=labels.seconds(row.wall_s),
        )
        panels.setdefault(labels.architecture(spec.get("architecture")), []).append(bar)
    if not panels:
        return ()
    return draw_split_bars(
        [Panel(title=title, bars=tuple(bars)) for title, bars in panels.items()],
        folder, stem, columns=min(2, len(panels)), title=runs.title, unit="share of the time",
    )  # fmt: skip


def _readings(runs: FigureRuns, folder: Path, stem: str) -> Sequence[Path]:
    tables = collect_readings(runs.records)
    made = [
        path.replace(path.with_name(path.name.replace("readings-", f"{stem}-")))
        for path in draw_readings(tables, folder)
    ]
    sizes = [table for table in tables if table.probe == "probe-sizes" and table.rows]
    for table in sizes:
        path = folder / f"{stem}.tex"
        text = architecture_table(table, caption=runs.title, label=stem)
        path.write_text(text, encoding="utf-8")
        made.append(path)
    return made


PAPER_FIGURES: Mapping[str, PaperFigure] = {
    figure.id: figure
    for figure in (
        PaperFigure(id="fig5", title="one model's time by phase", draw=_split_of_one_model),
        PaperFigure(id="fig10", title="end-to-end search time", draw=_overview),
        PaperFigure(id="fig11", title="each system's time by phase", draw=_split_of_systems),
        PaperFigure(id="fig12", title="parameters and time per block", draw=_readings),
        PaperFigure(id="fig13", title="models really fine-tuned", draw=_overview),
        PaperFigure(id="fig14", title="published checkpoints by family", draw=_overview),
        PaperFigure(id="fig15", title="all families in one search", draw=_overview),
        PaperFigure(id="fig16", title="memory limits", draw=_split_by_memory),
        PaperFigure(id="fig17", title="BERT on texts", draw=_overview),
        PaperFigure(id="table1", title="sizes of architectures", draw=_readings),
    )
}
"""In the paper's order."""


def _bar(row: Row, *, name: str, unit: _Units) -> Bar:
    published_s = row.published_phases_s if unit.published_s else {}
    published = {p: time_s / (unit.published_s or 1.0) for p, time_s in published_s.items()}
    if row.wall_s is None or not unit.measured_s or row.agreement == "differ":
        return Bar(name=name, parts={}, published=published, text=row.outcome)
    has_paper = row.published is not None and not row.is_base
    return Bar(
        name=name,
        parts={p: share * row.wall_s / unit.measured_s for p, share in row.shares.items()},
        published=published,
        bound=None if row.time_bound_s is None else row.time_bound_s / unit.measured_s,
        text=row.outcome,
        remark=f"(paper {labels.ratio(row.published)})" if has_paper else "",
    )


def _once_published(search: Search) -> Iterator[Row]:
    """The published Alsatian is shown at its reproduction only, where there is one."""
    has_paper = any(row.system == "alsatian-paper" for row in search.rows)
    for row in search.rows:
        is_other = has_paper and row.system == "alsatian"
        yield replace(row, published_phases_s={}, published=None) if is_other else row


def _units(search: Search) -> _Units:
    base = next((row for row in search.rows if row.is_base), None)
    if base is None:
        return _Units()
    published_s = sum(base.published_phases_s.values()) or None
    return _Units(measured_s=base.wall_s, published_s=published_s)


def _columns(searches: Sequence[Search]) -> int:
    distributions = {str(search.spec.get("distribution")) for search in searches}
    return len(distributions) if len(distributions) == 3 else min(3, len(searches))


def _memory(search: Search) -> float:
    limit = search.spec.get("memory_limit")
    return float(limit) if isinstance(limit, int) else 0.0
