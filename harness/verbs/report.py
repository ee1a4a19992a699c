"""``report``: stored runs as one HTML file that needs no network."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from harness.terminal import ERR, OUT, again_command


class Format(StrEnum):
    """How the report in short is written."""

    table = "table"
    json = "json"


def report(
    folders: Annotated[
        list[Path], typer.Argument(metavar="RUNS...", help="Folders with runs below them.")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The folder that index.html goes into.")
    ] = Path("report"),
    title: Annotated[
        str | None, typer.Option(help="Its heading (default: the folders' names).")
    ] = None,
    output_format: Annotated[
        Format, typer.Option("--format", help="What it says in short: for a person, or programs.")
    ] = Format.table,
) -> None:
    """Write stored runs as one HTML file: verdicts, tables, figures, a page for each run."""
    from harness.reproducing import KnownScenario, known_scenario, scenario_file
    from reports.html.campaigns import Words
    from reports.html.page import Sources, write_report
    from reports.loading import load_records
    from reports.records import Record

    loaded = load_records(folders)
    known: dict[tuple[str, str | None], KnownScenario] = {}
    for key in {(record.scenario, record.scale) for record in loaded.records}:
        found = known_scenario(*key)
        if found is not None:
            known[key] = found

    def command(record: Record) -> str | None:
        scenario = known.get((record.scenario, record.scale))
        if scenario is not None and record.identity in scenario.commands:
            return scenario.commands[record.identity]
        text = scenario_file(record.spec, record.identity)
        return text and f"alsatian-bench run again.yaml\n\n# again.yaml\n{text}"

    written = write_report(
        loaded,
        output,
        Sources(
            title=title or f"Model search: {', '.join(map(str, folders))}",
            words={
                key: Words(title=each.title, description=each.description)
                for key, each in known.items()
            },
            command=command,
            made_by=again_command(sys.argv[1:]),
        ),
    )
    for problem in written.problems:
        ERR.print(f"[yellow]note:[/yellow] {escape(problem)}")
    if output_format is Format.json:
        print(json.dumps(written.as_json(), indent=2))
        return
    for campaign in written.campaigns:
        verdict = campaign.verdict
        OUT.print(f"{escape(campaign.name)}: {verdict.word}. {escape(verdict.sentence)}")
    OUT.print(
        f"Report: {escape(str(written.path))} ({written.runs} runs, "
        f"{written.path.stat().st_size / 1e6:.2f} MB; open it in a browser, it needs no network)"
    )
