"""``compare``: one set of stored runs, its systems side by side; or two sets, A and B."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from harness.exit_codes import INVALID
from harness.terminal import ERR, OUT
from harness.verbs.options import Format, FormatOption, answer_json, is_for_programs
from systems.errors import ConfigurationError


def compare(
    folders: Annotated[
        list[Path],
        typer.Argument(metavar="A [B]", help="One folder with runs below it, or two."),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Where tables and figures go (default: A; of two sets nowhere)."
        ),
    ] = None,
    output_format: FormatOption = Format.table,
) -> None:
    """Compare the systems of stored runs; or one set of runs with another, system by system.

    Two sets are of two commits, two machines or two days. Times of different kinds of machines
    are shown, and never divided by each other. For a verdict on two commits use gate.
    """
    from harness.verbs.comparing import compare_runs

    for_programs = is_for_programs(output_format)
    if len(folders) > 2:
        raise ConfigurationError(
            f"compare takes one folder of runs, or two to hold against each other, not "
            f"{len(folders)}. To see several in one table, put them below one folder and give that."
        )
    if len(folders) == 2:
        is_valid, document = _two(folders[0], folders[1], output)
    else:
        compared = compare_runs(folders, output or folders[0])
        is_valid, document = compared.is_valid, compared.as_json()
    if for_programs:
        answer_json(document)
    if not is_valid:
        raise typer.Exit(INVALID)


def _two(a: Path, b: Path, output: Path | None) -> tuple[bool, dict[str, object]]:
    from reports.contrast import contrast
    from reports.contrast_tables import print_contrasts, write_contrasts
    from reports.loading import load_records

    sides = [load_records(folder) for folder in (a, b)]
    paths = [{record.path.resolve() for record in side.records} for side in sides]
    if common := paths[0] & paths[1]:
        raise ConfigurationError(
            f"{len(common)} runs are in both A and B: '{a}' and '{b}' overlap, and a run says "
            "nothing beside itself. Give two folders that have no run in common."
        )
    contrasts = contrast(sides[0].records, sides[1].records)
    names = (str(a), str(b))
    for side in sides:
        for problem in side.problems:
            ERR.print(f"[yellow]note:[/yellow] {escape(problem)}")
    if not contrasts.rows:
        OUT.print(
            "A and B have no search in common: nothing can be compared (probes never are; "
            "compare each folder by itself)."
        )
    print_contrasts(OUT, contrasts, names)
    if output is not None:
        written = write_contrasts(contrasts, names, output)
        OUT.print(f"Table: {', '.join(map(str, written))}")
    return contrasts.is_valid, contrasts.as_json()
