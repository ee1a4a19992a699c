"""``history``: times over many nights, and whether they drift."""

from __future__ import annotations

import itertools
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from harness.exit_codes import INVALID, REGRESSED
from harness.terminal import ERR, OUT
from harness.verbs.options import Format, FormatOption, RunFolders, answer_json, is_for_programs
from scenarios.shares import parse_share
from systems.errors import BenchError, ConfigurationError

app = typer.Typer(
    help="Keep the times of many nights, and find slow drift in them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
HistoryFile = Annotated[Path, typer.Option("--file", help="The history: a line of JSON per time.")]
DEFAULT = Path("history.jsonl")


@app.command()
def add(
    folders: RunFolders, file: HistoryFile = DEFAULT, output_format: FormatOption = Format.table
) -> None:
    """Append the median times of stored runs; what is there already is not added again.

    Exit codes: 0 fine, 3 there is no time to add.
    """
    from reports.history import add_entries, entries_of
    from reports.loading import load_records

    for_programs = is_for_programs(output_format)
    loaded = load_records(folders)
    for problem in loaded.problems:
        ERR.print(f"[yellow]note:[/yellow] {escape(problem)}")
    entries = entries_of(loaded.records)
    added = add_entries(file, entries)
    if for_programs:
        answer_json({"file": str(file), "added": added, "times": len(entries)})
    OUT.print(f"{escape(str(file))}: {added} of {len(entries)} times added.")
    if not entries:
        raise typer.Exit(INVALID)


@app.command()
def check(
    file: HistoryFile = DEFAULT,
    tolerance: Annotated[str, typer.Option(help="Drift that is let pass.")] = "5%",
    since: Annotated[
        str | None,
        typer.Option(
            metavar="DATE", help="Leave earlier nights out: what slowed down before is accepted."
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The folder for a figure.")
    ] = None,
    output_format: FormatOption = Format.table,
) -> None:
    """Say which times have drifted: the last level over the lowest one before it.

    Exit codes: 0 none beyond the tolerance, 1 some, 3 there is no history, or no night in it.
    """
    from reports.figures.history import draw_history
    from reports.history import read_history, series_of

    for_programs = is_for_programs(output_format)
    try:
        most = 1 + parse_share(tolerance)
    except ValueError as error:
        raise ConfigurationError(f"--tolerance: {error}") from None
    series = series_of(read_history(file), since=_date(since))
    has_drifted = [each.drift is not None and each.drift > most for each in series]
    if output is not None and series:
        output.mkdir(parents=True, exist_ok=True)
        OUT.print(f"Figure: {', '.join(map(str, draw_history(series, output)))}")
    if for_programs:
        answer_json(
            [
                {
                    "series": each.title,
                    "scenario": each.entries[-1].scenario,
                    "scale": each.entries[-1].scale,
                    "host_class": each.entries[-1].host_class,
                    "nights": len(each.entries),
                    "levels": [asdict(level) for level in each.levels],
                    "drift": each.drift,
                    "steps": [
                        {"time": entry.time, "commit": entry.commit, "ratio": ratio}
                        for entry, ratio in each.steps
                    ],
                    "has_drifted": is_so,
                }
                for each, is_so in zip(series, has_drifted, strict=True)
            ]
        )
    for each in itertools.compress(series, has_drifted):
        OUT.print(
            f"[red]drift:[/red] {escape(each.title)} ({escape(each.place)}): {each.drift:.2f}× of "
            "its lowest level, by"
        )
        for first, ratio in each.steps:
            OUT.print(f"  {ratio:.2f}× since {first.time[:10]}, commit {escape(first.commit)}")
    if not series:
        after = f" since {since}" if since else ""
        raise BenchError(
            f"'{file}' holds no time{after}: 'alsatian-bench history add RUNS' adds a night's."
        )
    OUT.print(f"{len(series)} series, {sum(has_drifted)} with drift beyond {escape(tolerance)}.")
    if any(has_drifted):
        raise typer.Exit(REGRESSED)


def _date(text: str | None) -> str:
    try:
        return date.fromisoformat(text).isoformat() if text else ""
    except ValueError:
        raise ConfigurationError(f"--since {text}: not a date. Give one like 2026-01-31.") from None
