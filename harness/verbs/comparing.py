"""The end of ``run`` and all of ``compare``: tables, figure, analysis page and summary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from harness.terminal import ERR, OUT

if TYPE_CHECKING:
    from harness.reproducing import KnownScenario
    from reports.comparison import Comparison
    from reports.readings import ReadingsTable
    from reports.records import Record


@dataclass(frozen=True, kw_only=True, slots=True)
class Compared:
    """What a comparison came to."""

    comparison: Comparison
    readings: Sequence[ReadingsTable]
    files: Sequence[Path]
    """That were written."""

    @property
    def is_valid(self) -> bool:
        """Something was measured, no run went wrong, and no answers differ."""
        is_valid = self.comparison.is_valid if self.comparison.searches else bool(self.readings)
        return is_valid and all(table.is_valid for table in self.readings)

    def as_json(self) -> dict[str, object]:
        """In plain JSON types; the lines have the columns of ``comparison.csv``."""
        from reports.frame import comparison_lines

        return {
            "is_valid": self.is_valid,
            "systems": comparison_lines(self.comparison),
            "readings": [
                {"probe": table.probe, "rows": [dict(row) for row in table.rows]}
                for table in self.readings
            ],
            "files": [str(path) for path in self.files],
        }


def compare_runs(
    folders: Sequence[Path], output: Path, *, scenario: Any = None, command: str = ""
) -> Compared:
    """Print and write the comparison of the runs below ``folders``.

    Args:
        folders: runs, or folders of runs.
        output: where the files go.
        scenario: what was run, for the page's title; None: the shipped one that the runs are of,
            if they are of one.
        command: what has it run again.

    Returns:
        What came out, and the files.
    """
    from reports.analysis import Subject, write_analysis
    from reports.comparison import compare
    from reports.figures.breakdown import draw
    from reports.figures.overview import draw_overview
    from reports.loading import load_records
    from reports.precision import write_csv as write_precisions
    from reports.readings import collect_readings
    from reports.readings_tables import markdown_section
    from reports.summary import summarise
    from reports.tables import print_comparison, write_csv, write_markdown

    loaded = load_records(folders)
    if scenario is None:
        scenario, command = _what_was_run(loaded.records)
    comparison, readings = compare(loaded.records), collect_readings(loaded.records)
    output.mkdir(parents=True, exist_ok=True)
    figures: list[Path] = []
    tables: list[Path] = []
    if comparison.searches:
        print_comparison(OUT, comparison)
        tables = [output / f"comparison.{kind}" for kind in ("csv", "md")]
        write_csv(comparison, tables[0])
        write_markdown(comparison, tables[1])
        if comparison.precisions:
            tables.append(output / "precision.csv")
            write_precisions(comparison.precisions, tables[-1])
        figures += [*draw_overview(comparison, output), *draw(comparison, output)]
    if readings:
        tables += [output / f"readings.{kind}" for kind in ("csv", "md")]
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
    if tables:
        OUT.print(f"Table: {', '.join(map(str, tables))}")
    if figures:
        OUT.print(f"Figure: {', '.join(map(str, figures))}")
    OUT.print(f"Analysis: {page}")
    return Compared(comparison=comparison, readings=readings, files=(*tables, *figures, page))


def _what_was_run(records: Sequence[Record]) -> tuple[KnownScenario | None, str]:
    """The shipped scenario of which all runs are, unchanged, and the command for it."""
    from harness.reproducing import known_scenario

    kinds = {(record.scenario, record.scale) for record in records}
    ((name, scale),) = kinds if len(kinds) == 1 else {("", None)}
    scenario = known_scenario(name, scale)
    if scenario is None or any(r.identity not in scenario.commands for r in records):
        return None, ""
    of_scale = f" --scale {scale}" if scale else ""
    return scenario, f"alsatian-bench run {name}{of_scale}"


def _publish_readings(tables: Sequence[ReadingsTable], output: Path) -> Sequence[Path]:
    """Print and write what probes found; the files of its figures."""
    from reports.figures.readings import draw_readings
    from reports.readings_tables import print_readings, write_csv, write_markdown

    print_readings(OUT, tables)
    write_csv(tables, output / "readings.csv")
    write_markdown(tables, output / "readings.md")
    return draw_readings(tables, output)
