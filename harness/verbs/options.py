"""Options that several verbs have, and what is written for programs."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from harness.terminal import OUT


class Format(StrEnum):
    """How an answer is written."""

    table = "table"
    json = "json"


FormatOption = Annotated[Format, typer.Option("--format", help="For a person, or for programs.")]
RunsFolder = Annotated[
    Path,
    typer.Option("--runs", envvar="ALSATIAN_BENCH_RUNS", help="Where runs are kept."),
]
CacheFolder = Annotated[
    Path | None,
    typer.Option(
        "--cache",
        envvar="ALSATIAN_BENCH_CACHE",
        help="Where generated data and snapshots are kept (default: the user's cache folder).",
    ),
]
Filters = Annotated[
    list[str] | None,
    typer.Option(
        "--filter", "-f", metavar="AXIS=VALUE[,VALUE]", help="Only these cells; repeatable."
    ),
]
Scale = Annotated[str | None, typer.Option(help="A scale of the scenario file.")]
Changes = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="PARAMETER=VALUE", help="In place of the scenario's value; repeatable."
    ),
]
ScenarioName = Annotated[str, typer.Argument(help="A scenario's name, or a YAML file.")]
RunFolders = Annotated[
    list[Path], typer.Argument(metavar="RUNS...", help="Folders with runs below them.")
]


def is_for_programs(form: Format) -> bool:
    """Whether to answer with ``answer_json``; what is meant for people then goes to stderr."""
    OUT.stderr = form is Format.json
    return OUT.stderr


def answer_json(document: Any) -> None:
    """Write the whole answer of a verb as one JSON document to stdout.

    JSON has no NaN and no infinity: what is no number becomes null, "unknown".
    """
    text = json.dumps(_finite(document), indent=2, ensure_ascii=False, allow_nan=False)
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()  # a reader that is gone is noticed here, not when the process ends


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(each) for key, each in value.items()}
    return [_finite(each) for each in value] if isinstance(value, (list, tuple)) else value
