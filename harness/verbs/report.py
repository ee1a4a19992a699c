"""``report``: stored runs as one HTML file that needs no network."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from harness.terminal import ERR, OUT, again_command
from harness.verbs.options import (
    Format,
    FormatOption,
    RunFolders,
    answer_json,
    is_for_programs,
)


def report(
    folders: RunFolders,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The folder that index.html goes into.")
    ] = Path("report"),
    title: Annotated[
        str | None, typer.Option(help="Its heading (default: the folders' names).")
    ] = None,
    output_format: FormatOption = Format.table,
) -> None:
    """Write stored runs as one HTML file: verdicts, tables, figures, a page for each run."""
    from harness.reproducing import KnownScenario, known_scenario, scenario_file
    from reports.campaigns import Words
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
    if is_for_programs(output_format):
        answer_json(written.as_json())
        return
    for campaign in written.campaigns:
        verdict = campaign.verdict
        OUT.print(f"{escape(campaign.name)}: {verdict.word}. {escape(verdict.sentence)}")
    OUT.print(
        f"Report: {escape(str(written.path))} ({written.runs} runs, "
        f"{written.path.stat().st_size / 1e6:.2f} MB; open it in a browser, it needs no network)"
    )
    OUT.print(f"In short, for a pull request: {escape(str(written.summary))}")
