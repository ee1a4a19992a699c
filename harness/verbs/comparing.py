"""The end of ``run`` and all of ``compare``: tables, figure, analysis page and summary."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from harness.terminal import ERR, OUT

if TYPE_CHECKING:
    from reports.readings import ReadingsTable


def compare_runs(
    folders: Sequence[Path], output: Path, *, scenario: Any = None, command: str = ""
) -> bool:
    """Print and write the comparison of the runs below ``folders``.

    Args:
        folders: runs, or folders of runs.
        output: where the files go.
        scenario: what was run, for the page's title; None where it is not known.
        command: what has it run again.

    Returns:
        False where answers differ, a run went wrong, or nothing was measured.
    """
    from reports.analysis import Subject, write_analysis
    from reports.comparison import compare
    from reports.figure import draw
    from reports.loading import load_records
    from reports.overview import draw_overview
    from reports.precision import write_csv as write_precisions
    from reports.readings import collect_readings
    from reports.readings_tables import markdown_section
    from reports.summary import summarise
    from reports.tables import print_comparison, write_csv, write_markdown

    loaded = load_records(folders)
    comparison, readings = compare(loaded.records), collect_readings(loaded.records)
    output.mkdir(parents=True, exist_ok=True)
    figures: list[Path] = []
    if comparison.searches:
        print_comparison(OUT, comparison)
        write_csv(comparison, output / "comparison.csv")
        write_markdown(comparison, output / "comparison.md")
        if comparison.precisions:
            write_precisions(comparison.precisions, output / "precision.csv")
        figures += [*draw_overview(comparison, output), *draw(comparison, output)]
    if readings:
        figures += _publish_readings(readings, output)
    subject = Subject(
        title=scenario.title if scenario else f"Runs of {', '.join(map(str, folders))}",
        description=scenario.description if scenario else "",
        command=command,
    )
    page = output / "analysis.md"
    write_analysis(
        subject,
        comparison,
        loaded.records,
        figures=figures,
        more=[markdown_section(table) for table in readings],
        path=page,
    )
    for problem in loaded.problems:
        ERR.print(f"[yellow]note:[/yellow] {escape(problem)}")
    for line in summarise(comparison).lines:
        OUT.print(escape(line))
    if comparison.searches:
        OUT.print(f"Table: {output / 'comparison.csv'}, {output / 'comparison.md'}")
    if readings:
        OUT.print(f"Readings: {output / 'readings.csv'}, {output / 'readings.md'}")
    if figures:
        OUT.print(f"Figure: {', '.join(str(path) for path in figures)}")
    OUT.print(f"Analysis: {page}")
    is_valid = comparison.is_valid if comparison.searches else bool(readings)
    return is_valid and all(table.is_valid for table in readings)


def _publish_readings(tables: Sequence[ReadingsTable], output: Path) -> Sequence[Path]:
    """Print and write what probes found; the files of its figures."""
    from reports.readings_figure import draw_readings
    from reports.readings_tables import print_readings, write_csv, write_markdown

    print_readings(OUT, tables)
    write_csv(tables, output / "readings.csv")
    write_markdown(tables, output / "readings.md")
    return draw_readings(tables, output)
