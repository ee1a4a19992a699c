"""The command line: thin verbs over the packages that do the work."""

from __future__ import annotations

import signal
import sys
import traceback
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.markup import escape

from harness.terminal import (
    ERR,
    OUT,
    again_command,
    announce,
    calibrate_machine,
    default_cache,
    next_command,
    say_waiting,
    with_batch_sizes,
)
from harness.verbs import data, gate, report, store
from systems.errors import BenchError, ConfigurationError

OK, USAGE, NOTHING_MEASURED, INTERRUPTED = 0, 2, 3, 130
"""Exit codes (1 is a regression and 4 inconclusive: the gate's)."""

app = typer.Typer(
    name="alsatian-bench",
    help="Compare model search systems: Base, SHiFT and Alsatian.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(data.app, name="data")
app.add_typer(store.app, name="store")
app.command()(gate.gate)
app.command()(report.report)


class Listing(StrEnum):
    """What can be listed."""

    scenarios = "scenarios"
    systems = "systems"
    architectures = "architectures"
    datasets = "datasets"
    scorers = "scorers"
    parameters = "parameters"


class Device(StrEnum):
    """Where models run."""

    cpu = "cpu"
    cuda = "cuda"


class Format(StrEnum):
    """How an answer is written."""

    table = "table"
    json = "json"


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


@app.command()
def run(
    scenario: Annotated[str, typer.Argument(help="A scenario's name, or a YAML file.")],
    filters: Filters = None,
    scale: Scale = None,
    changes: Changes = None,
    rounds: Annotated[int | None, typer.Option(min=1, help="Instead of the scenario's.")] = None,
    runs: RunsFolder = Path("runs"),
    cache: CacheFolder = None,
    force: Annotated[bool, typer.Option("--force", help="Repeat finished runs too.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the runs, run none.")] = False,
) -> None:
    """Run a scenario, then compare its systems. Finished runs are not repeated."""
    from harness.campaign import Campaign
    from harness.host_lock import only_one_measures
    from harness.progress import Display, run_title
    from harness.spec import plan_runs
    from harness.verbs.comparing import compare_runs

    plan = plan_runs(scenario, filters=filters or [], scale=scale, changes=changes or [])
    folder = cache or default_cache()
    plan = with_batch_sizes(plan, folder, measure=not dry_run)
    campaign = Campaign(
        plan.scenario.runs_name,
        plan.specs,
        rounds=rounds or plan.scenario.rounds,
        runs=runs,
        cache=folder,
        monotone=plan.scenario.monotone,
        stands_for=plan.scenario.stands_for,
    )
    pending = campaign.pending(force=force)
    announce(plan, campaign, pending)
    if dry_run:
        for planned in pending:
            OUT.print(f"{planned.key}  {escape(run_title(planned))}")
        return
    statuses: list[str] = []
    with only_one_measures(say_waiting):
        if pending:
            with Display(OUT) as display:
                statuses = campaign.carry_out(pending, display, force=force)
        done = [campaign.runs.folder / planned.key for planned in campaign.planned]
        again = again_command(sys.argv[1:])
        agreed = compare_runs(done, campaign.runs.folder, scenario=plan.scenario, command=again)
    OUT.print(f"Next: {next_command(plan.scenario.runs_name, campaign.runs.folder)}")
    if not agreed or any(status not in ("ok", "skipped") for status in statuses):
        raise typer.Exit(NOTHING_MEASURED)


@app.command(name="list")
def list_(
    what: Annotated[Listing | None, typer.Argument(help="Default: all but parameters.")] = None,
) -> None:
    """List scenarios, systems, architectures, datasets, scorers or parameters."""
    from harness.listing import listing

    kinds = [what] if what else [kind for kind in Listing if kind is not Listing.parameters]
    for kind in kinds:
        OUT.print(listing(kind.value))


@app.command()
def validate(
    file: Annotated[str, typer.Argument(help="A scenario's name, or a YAML file.")],
    filters: Filters = None,
    scale: Scale = None,
    changes: Changes = None,
) -> None:
    """Check a scenario file and show what it expands to; runs nothing."""
    from harness.spec import plan_runs

    plan = plan_runs(file, filters=filters or [], scale=scale, changes=changes or [])
    plan = with_batch_sizes(plan, default_cache(), measure=False)
    OUT.print(
        f"{plan.scenario.name} is valid: {len(plan.specs)} different runs × "
        f"{plan.scenario.rounds} rounds."
    )
    for spec in plan.specs:
        OUT.print(f"  {spec.identity[:12]}  {escape(spec.summary)}")
    for parameters, reason in plan.excluded:
        named = ", ".join(f"{axis}={value}" for axis, value in parameters.items())
        OUT.print(f"  excluded: {escape(named)}: {escape(reason)}")


@app.command()
def compare(
    folders: Annotated[
        list[Path], typer.Argument(metavar="RUNS...", help="Folders with runs below them.")
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Where table and figure go (default: first folder)."),
    ] = None,
) -> None:
    """Compare stored runs: times, speed-ups over Base, phases, agreement."""
    from harness.verbs.comparing import compare_runs

    if not compare_runs(folders, output or folders[0]):
        raise typer.Exit(NOTHING_MEASURED)


@app.command()
def trace(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The file; .gz compresses (default: in the folder)."),
    ] = None,
) -> None:
    """Write a run's timeline as a Chrome trace: spans, hardware series and profile."""
    from harness.trace_export import write_chrome_trace

    made = write_chrome_trace(run, output or run / "trace.json")
    OUT.print(
        f"{made.path}: {made.slices:,} slices, {made.counter_values:,} counter values"
        + (f", {made.profiler_events:,} profiler events" if made.profiler_events else "")
        + f" ({made.file_bytes / 1e6:.1f} MB)"
    )
    OUT.print("Open it at https://ui.perfetto.dev (nothing is uploaded: it stays in the browser).")


@app.command()
def doctor(
    runs: RunsFolder = Path("runs"),
    cache: CacheFolder = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    calibrate: Annotated[
        bool, typer.Option("--calibrate", help="Measure this machine for predictions and plans.")
    ] = False,
    device: Annotated[Device, typer.Option(help="What to calibrate.")] = Device.cpu,
) -> None:
    """Say what this machine can prove, limit and count, and what is missing."""
    from harness import doctor as examination

    if calibrate:
        calibrate_machine(cache or default_cache(), device.value)
        return
    sections = examination.doctor(cache=cache or default_cache(), runs=runs)
    if as_json:
        OUT.print_json(data=examination.as_json(sections))
    else:
        examination.print_doctor(OUT, sections)


@app.command()
def predict(
    scenario: Annotated[str, typer.Argument(help="A scenario's name, or a YAML file.")],
    profile: Annotated[
        str | None,
        typer.Option(help="A hardware profile: 'paper', or a YAML file (default: this machine's)."),
    ] = None,
    filters: Filters = None,
    scale: Scale = None,
    changes: Changes = None,
    runs: RunsFolder = Path("runs"),
    cache: CacheFolder = None,
    output: Annotated[
        Format, typer.Option("--format", help="For a person, or for programs.")
    ] = Format.table,
) -> None:
    """Predict the times of a scenario's runs without running them; beside what was measured."""
    from harness.environment import host_class
    from harness.prediction import notes, predict_runs, rows
    from harness.spec import plan_runs
    from harness.tuning import with_known_batch_sizes
    from reports.errors import ReportError
    from reports.loading import load_records
    from reports.predictions import PredictedRow, print_predictions, with_measured
    from reports.predictions import as_json as predictions_as_json

    folder = cache or default_cache()
    plan = plan_runs(scenario, filters=filters or [], scale=scale, changes=changes or [])
    plan = with_known_batch_sizes(plan, cache=folder)
    predicted = predict_runs(plan.specs, profile=profile, cache=folder)
    table = [PredictedRow(**row) for row in rows(predicted)]
    try:
        records = load_records([runs / plan.scenario.runs_name]).records
    except ReportError:  # nothing was measured yet
        records = ()
    table = with_measured(table, records, host_class=host_class())
    if output is Format.json:
        print(predictions_as_json(table, notes(predicted)))
        return
    print_predictions(OUT, table)
    for line in notes(predicted):
        OUT.print(escape(line))


@app.command()
def quality(
    scenario: Annotated[str, typer.Argument(help="A scenario's name, or a YAML file.")],
    filters: Filters = None,
    scale: Scale = None,
    runs: RunsFolder = Path("runs"),
    cache: CacheFolder = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Of fine-tuning (default: as the models', or 20).")
    ] = None,
    repeats: Annotated[int, typer.Option(min=1, help="Fine-tunings of each model.")] = 1,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Default: beside the runs.")
    ] = None,
) -> None:
    """Fine-tune every candidate of a scenario's searches, and say what each search is worth."""
    from harness.spec import plan_runs
    from harness.verbs.quality import judge_scenario

    folder = cache or default_cache()
    plan = with_batch_sizes(
        plan_runs(scenario, filters=filters or [], scale=scale), folder, measure=False
    )
    judge_scenario(plan, runs=runs, cache=folder, epochs=epochs, repeats=repeats, output=output)


@app.command()
def noise(
    scenario: Annotated[str, typer.Argument(help="A scenario's name, or a YAML file.")],
    filters: Filters = None,
    scale: Scale = None,
    changes: Changes = None,
    rounds: Annotated[int, typer.Option(min=2, help="Pairs of runs of each kind.")] = 8,
    runs: RunsFolder = Path("runs"),
    cache: CacheFolder = None,
) -> None:
    """Measure this machine's own noise: every run twice per round (A/A), kept per host class."""
    from harness.environment import host_class
    from harness.host_lock import only_one_measures
    from harness.noise import NoiseFolder, noise_campaign
    from harness.progress import Display
    from harness.spec import plan_runs
    from reports.loading import load_records
    from reports.noise import describe, noise_floors

    folder = cache or default_cache()
    plan = plan_runs(scenario, filters=filters or [], scale=scale, changes=changes or [])
    plan = with_batch_sizes(plan, folder, measure=True)
    campaign = noise_campaign(plan, rounds=rounds, runs=runs, cache=folder)
    pending = campaign.pending()
    with only_one_measures(say_waiting), Display(OUT) as display:
        campaign.carry_out(pending, display)
    for floor in noise_floors(load_records([campaign.runs.folder]).records):
        OUT.print(escape(describe(floor, rounds=rounds)))
        NoiseFolder(folder, host_class()).keep(floor.as_json())


def main() -> NoReturn:
    """Run the command line; every user error is a sentence and an exit code."""
    signal.signal(signal.SIGTERM, _interrupt)
    code = OK
    try:
        # Depending on its version, typer returns the code of an exit or raises it.
        code = app(standalone_mode=False) or OK
    except typer.Exit as stop:
        code = stop.exit_code
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except BrokenPipeError:
        sys.stdout = None  # whoever read the output is gone: nothing to flush to
        code = OK
    except OSError as error:
        name = f" '{error.filename}'" if error.filename else ""
        _fail(f"{error.strerror or error}{name}.", NOTHING_MEASURED)
    except Exception as error:
        known = _exit_code(error)
        if known is None:  # a fault of this program: its trace, and never a regression's code
            traceback.print_exc()
        _fail(_message(error), NOTHING_MEASURED if known is None else known)
    if code == INTERRUPTED:
        ERR.print("Interrupted. Finished runs are kept: the same command goes on from there.")
    sys.exit(code)


def _exit_code(error: Exception) -> int | None:
    from reports.errors import ReportError
    from scenarios.loading import ScenarioError

    if _is_usage_error(error) or isinstance(error, (ScenarioError, ConfigurationError)):
        return USAGE
    return NOTHING_MEASURED if isinstance(error, (BenchError, ReportError)) else None


def _message(error: Exception) -> str:
    return getattr(error, "format_message", error.__str__)()


def _is_usage_error(error: Exception) -> bool:
    # Click's own errors, by their shape: typer brings click along, or a copy of its own.
    return hasattr(error, "format_message")


def _fail(message: str, code: int) -> NoReturn:
    ERR.print(f"[bold red]error:[/bold red] {escape(message)}")
    sys.exit(code)


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt
