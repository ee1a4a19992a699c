"""``history``: times over many nights, and whether they drift."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from harness.exit_codes import REGRESSED
from harness.terminal import ERR, OUT
from harness.verbs.options import Format, FormatOption, RunFolders, answer_json, is_for_programs
from scenarios.shares import parse_share
from systems.errors import ConfigurationError

app = typer.Typer(
    help="Keep the times of many nights, and find slow drift in them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
HistoryFile = Annotated[Path, typer.Option("--file", help="The history: a line of JSON per time.")]
DEFAULT = Path("history.jsonl")


@app.command()
def add(folders: RunFolders, file: HistoryFile = DEFAULT) -> None:
    """Append the median times of stored runs; what is there already is not added again."""
    from reports.history import add_entries, entries_of
    from reports.loading import load_records

    loaded = load_records(folders)
    for problem in loaded.problems:
        ERR.print(f"[yellow]note:[/yellow] {escape(problem)}")
    entries = entries_of(loaded.records)
    added = add_entries(file, entries)
    OUT.print(f"{escape(str(file))}: {added} of {len(entries)} times added.")


@app.command()
def check(
    file: HistoryFile = DEFAULT,
    tolerance: Annotated[str, typer.Option(help="Drift that is let pass.")] = "5%",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The folder for a figure.")
    ] = None,
    output_format: FormatOption = Format.table,
) -> None:
    """Say which times have drifted: the last level over the lowest one before it.

    Exit codes: 0 none beyond the tolerance, 1 some, 3 there is no history.
    """
    from reports.figures.history import draw_history
    from reports.history import read_history, series_of

    try:
        most = 1 + parse_share(tolerance)
    except ValueError as error:
        raise ConfigurationError(f"--tolerance: {error}") from None
    series = series_of(read_history(file))
    drifted = [each for each in series if each.drift is not None and each.drift > most]
    if output is not None and series:
        output.mkdir(parents=True, exist_ok=True)
        OUT.print(f"Figure: {', '.join(map(str, draw_history(series, output)))}")
    if is_for_programs(output_format):
        answer_json(
            [
                {
                    "series": each.title,
                    "host_class": each.entries[0].host_class,
                    "nights": len(each.entries),
                    "levels": [asdict(level) for level in each.levels],
                    "drift": each.drift,
                    "has_drifted": each in drifted,
                }
                for each in series
            ]
        )
    for each in drifted:
        step = each.entries[each.levels[-1].first]
        OUT.print(
            f"[red]drift:[/red] {escape(each.title)}: {each.drift:.2f}× of its lowest level, since "
            f"{step.time[:10]} (commit {escape(step.commit)}; {escape(step.host_class)})"
        )
    OUT.print(f"{len(series)} series, {len(drifted)} with drift beyond {escape(tolerance)}.")
    if drifted:
        raise typer.Exit(REGRESSED)
