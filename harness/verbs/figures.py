"""``figures``: the paper's figures and tables, and others, from stored runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from harness.terminal import ERR, OUT, default_cache, invocation
from harness.verbs.options import Format, FormatOption, answer_json, is_for_programs
from systems.errors import ConfigurationError

if TYPE_CHECKING:
    from reports.figures.figure_runs import FigureRuns, Spec


def figures(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[RUNS]...",
            envvar="ALSATIAN_BENCH_RUNS",
            help="Folders with runs below them (default: runs).",
        ),
    ] = None,
    paper: Annotated[
        bool, typer.Option("--paper", help="Only the paper's figures and tables.")
    ] = False,
    fig: Annotated[
        list[str] | None,
        typer.Option("--fig", metavar="ID", help="Only this one: 10, table1 …; repeatable."),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The folder that the files go into.")
    ] = Path("figures"),
    planning: Annotated[
        Path | None,
        typer.Option(help="Times of planners, as 'python -m bench.planner_scale --json' has them."),
    ] = None,
    output_format: FormatOption = Format.table,
) -> None:
    """Draw the paper's figures and tables from stored runs, and figures beyond the paper."""
    from reports.errors import ReportError
    from reports.figures.figure_runs import figure_runs
    from reports.figures.insights import INSIGHTS
    from reports.figures.paper import PAPER_FIGURES
    from reports.figures.planning import draw_planning, read_planned
    from reports.loading import load_records

    wanted = [_figure_id(name, PAPER_FIGURES) for name in fig or []]
    sources = folders or [Path("runs")]
    loaded = load_records(sources)
    found = figure_runs(loaded.records, _expected)
    absent = [name for name in wanted if name not in {runs.kind.scenario for runs in found}]
    if absent:
        where = ", ".join(f"'{folder}'" for folder in sources)
        raise ReportError(
            f"There are no runs of {' and '.join(absent)} below {where}. Make them with "
            f"{' and '.join(repr(_command(name)) for name in absent)}."
        )
    output.mkdir(parents=True, exist_ok=True)
    made: dict[str, Sequence[Path]] = {}
    for runs in found:
        name = runs.kind.scenario
        if name in PAPER_FIGURES and (not wanted or name in wanted):
            made[runs.stem] = PAPER_FIGURES[name].draw(runs, output, runs.stem)
        if paper or wanted:
            continue
        for ending, draw in INSIGHTS.items():
            stem = f"{runs.stem}-{ending}"
            made[stem] = draw(runs, output, stem)
        made[f"{runs.stem}-predicted"] = _predicted(runs, output)
    if planning is not None:
        made["planning"] = draw_planning(read_planned(planning), output, "planning")
    made = {stem: paths for stem, paths in made.items() if paths}
    missing = [] if wanted else [name for name in PAPER_FIGURES if name not in _scenarios(found)]
    _say(made, missing, loaded.problems, output_format)
    if not made:
        raise ReportError(
            "Nothing could be drawn of these runs: none belongs to a figure of the paper with a "
            f"measured Base. Make some with '{_command('fig10')}'."
        )


def _say(
    made: dict[str, Sequence[Path]], missing: Sequence[str], problems: Sequence[str], form: Format
) -> None:
    for problem in problems:
        ERR.print(f"[yellow]note:[/yellow] {escape(problem)}")
    if is_for_programs(form):
        files = {stem: [str(path) for path in paths] for stem, paths in made.items()}
        answer_json({"figures": files, "missing": {name: _command(name) for name in missing}})
        return
    folders = dict.fromkeys(str(path.parent) for paths in made.values() for path in paths)
    for stem, paths in made.items():
        kinds = dict.fromkeys(path.suffix.removeprefix(".") for path in paths)
        OUT.print(f"{escape(stem)}: {', '.join(kinds)}")
    OUT.print(f"All in {escape(', '.join(folders))}")
    for name in missing:
        OUT.print(f"{name}: no runs. Make them with '{_command(name)}'.", style="dim")


def _figure_id(name: str, known: Any) -> str:
    found = name if name in known else f"fig{name}"
    if found not in known:
        ids = ", ".join(each.removeprefix("fig") for each in known)
        raise ConfigurationError(
            f"There is no figure '{name}' with measurements in the paper. Ask for one of: {ids}."
        )
    return found


def _scenarios(found: Sequence[FigureRuns]) -> set[str]:
    return {runs.kind.scenario for runs in found}


def _command(scenario: str) -> str:
    return invocation(f"run {scenario} --scale cpu")


def _expected(scenario: str, scale: str | None) -> Sequence[Spec]:
    from harness.reproducing import known_scenario

    known = known_scenario(scenario, scale)
    return tuple(spec.canonical() for spec in known.specs) if known is not None else ()


def _predicted(runs: FigureRuns, output: Path) -> Sequence[Path]:
    """Predicted against measured times, where this machine measured them and has a profile."""
    from harness.environment import host_class
    from harness.hardware_profiles import find_profile
    from harness.prediction import predict_runs, rows
    from harness.reproducing import known_scenario
    from reports.figures.predicted import draw_predicted
    from reports.predictions import PredictedRow, with_measured
    from reports.readings import is_probe

    known = known_scenario(runs.kind.scenario, runs.kind.scale or None)
    measured = {record.identity for record in runs.records if not is_probe(record)}
    specs = [spec for spec in known.specs if spec.identity in measured] if known else []
    if not specs or runs.kind.host_class != host_class():
        return ()
    cache = default_cache()
    if find_profile(None, cache=cache, device=runs.kind.device).is_fallback:
        return ()  # of a guessed machine: nothing to hold against measurements
    table = with_measured(
        [PredictedRow(**row) for row in rows(predict_runs(specs, profile=None, cache=cache))],
        runs.records,
        host_class=host_class(),
    )
    return draw_predicted(table, runs, output, f"{runs.stem}-predicted")
