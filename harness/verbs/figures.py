"""``figures``: the paper's figures and tables, and others, from stored runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from harness.exit_codes import INVALID
from harness.terminal import ERR, OUT, default_cache, invocation
from harness.verbs.options import (
    CacheFolder,
    Format,
    FormatOption,
    answer_json,
    is_for_programs,
)
from scenarios.errors import ScenarioError
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
    cache: CacheFolder = None,
    output_format: FormatOption = Format.table,
) -> None:
    """Draw the paper's figures and tables from stored runs, and figures beyond the paper.

    Exit codes: 0 fine, 3 nothing could be drawn, or not what --fig asks for.
    """
    from reports.errors import ReportError
    from reports.figures.figure_runs import figure_runs
    from reports.figures.insights import INSIGHTS
    from reports.figures.paper import PAPER_FIGURES, why_nothing
    from reports.figures.planning import draw_planning, read_planned
    from reports.loading import load_records

    wanted = [_figure_id(name, PAPER_FIGURES) for name in fig or []]
    planned = read_planned(planning) if planning is not None else ()
    sources = folders or [Path("runs")]
    loaded = load_records(sources)
    found = figure_runs(loaded.records, _known)
    absent = [name for name in wanted if name not in {runs.kind.scenario for runs in found}]
    if absent:
        where = ", ".join(f"'{folder}'" for folder in sources)
        raise ReportError(
            f"There are no runs of {' and '.join(absent)} below {where}. Make them with "
            f"{' and '.join(repr(_command(name)) for name in absent)}."
        )
    output.mkdir(parents=True, exist_ok=True)
    made: dict[str, Sequence[Path]] = {}
    undrawn: dict[str, str] = {}
    for runs in found:
        name = runs.kind.scenario
        if name in PAPER_FIGURES and (not wanted or name in wanted):
            made[runs.stem] = PAPER_FIGURES[name](runs, output, runs.stem)
            if not made[runs.stem]:
                undrawn[runs.stem] = why_nothing(runs)
        if paper or wanted:
            continue
        for ending, draw in INSIGHTS.items():
            stem = f"{runs.stem}-{ending}"
            made[stem] = draw(runs, output, stem)
        try:
            made[f"{runs.stem}-predicted"] = _predicted(runs, output, cache or default_cache())
        except (ConfigurationError, ScenarioError) as error:  # of this figure only
            undrawn[f"{runs.stem}-predicted"] = str(error)
    if planned:
        made["planning"] = draw_planning(planned, output, "planning")
    made = {stem: paths for stem, paths in made.items() if paths}
    drawable = PAPER_FIGURES if paper and not wanted else ()
    missing = [name for name in drawable if name not in _scenarios(found)]
    for problem in loaded.problems:
        ERR.print(f"[yellow]note:[/yellow] {escape(problem)}")
    _say(made, undrawn, missing, output_format)
    if not made and not undrawn:
        raise ReportError(
            "Nothing can be drawn of these runs: none belongs to a figure of the paper. Make some "
            f"with '{_command('fig10')}'."
        )
    if not made or (wanted and undrawn):
        raise typer.Exit(INVALID)


def _say(
    made: dict[str, Sequence[Path]], undrawn: dict[str, str], missing: Sequence[str], form: Format
) -> None:
    for stem, why in undrawn.items():
        ERR.print(f"[yellow]note:[/yellow] {escape(stem)} is not drawn: {escape(why)}")
    if is_for_programs(form):
        files = {stem: [str(path) for path in paths] for stem, paths in made.items()}
        commands = {name: _command(name) for name in missing}
        answer_json({"figures": files, "not_drawn": undrawn, "missing": commands})
        return
    folders = dict.fromkeys(str(path.parent) for paths in made.values() for path in paths)
    for stem, paths in made.items():
        kinds = dict.fromkeys(path.suffix.removeprefix(".") for path in paths)
        OUT.print(f"{escape(stem)}: {', '.join(kinds)}")
    if made:
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


def _known(scenario: str, scale: str | None) -> tuple[str, Sequence[Spec]]:
    from harness.reproducing import known_scenario

    known = known_scenario(scenario, scale)
    if known is None:
        return "", ()
    return known.title, tuple(spec.canonical() for spec in known.specs)


def _predicted(runs: FigureRuns, output: Path, cache: Path) -> Sequence[Path]:
    """Predicted against measured times, where this machine measured them and has a profile.

    Raises:
        ConfigurationError: a run cannot be predicted.
        ScenarioError: this machine's profile is not right.
    """
    from harness.environment import host_class
    from harness.hardware_profiles import find_profile
    from harness.prediction import predict_runs, rows
    from harness.reproducing import run_spec
    from reports.figures.predicted import draw_predicted
    from reports.predictions import PredictedRow, with_measured
    from reports.readings import is_probe

    if runs.kind.host_class != host_class():
        return ()
    if find_profile(None, cache=cache, device=runs.kind.device).is_fallback:
        return ()  # of a guessed machine: nothing to hold against measurements
    measured = {r.identity: r.spec for r in runs.records if r.ok and not is_probe(r)}
    found = [run_spec(spec, identity) for identity, spec in measured.items()]
    specs = [spec for spec in found if spec is not None]
    if not specs:
        return ()
    table = with_measured(
        [PredictedRow(**row) for row in rows(predict_runs(specs, profile=None, cache=cache))],
        runs.records,
        host_class=host_class(),
    )
    return draw_predicted(table, runs, output, f"{runs.stem}-predicted")
