"""``export``: stored runs as one table for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from harness.terminal import ERR, OUT
from harness.verbs.options import Format, FormatOption, RunFolders, answer_json, is_for_programs


def export(
    folders: RunFolders,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The file: .csv or .parquet.")
    ] = Path("runs.parquet"),
    output_format: FormatOption = Format.table,
) -> None:
    """Write a line per run: times, phases, counts, answer, parameters (docs/export.md).

    With --format json the lines go to standard output, and no file is written.
    """
    from reports.export import export_lines, write_export
    from reports.loading import load_records

    loaded = load_records(folders, every=True)
    for problem in loaded.problems:
        ERR.print(f"[yellow]note:[/yellow] {escape(problem)}")
    if is_for_programs(output_format):
        answer_json(export_lines(loaded.records))
        return
    count = write_export(loaded.records, output)
    OUT.print(f"{escape(str(output))}: {count:,} runs. What the columns mean: docs/export.md")
