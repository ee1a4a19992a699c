"""``gate``: whether a version of the code is slower than another, or answers differently."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from harness.exit_codes import INTERRUPTED
from harness.terminal import ERR, OUT, default_cache
from harness.verbs.options import (
    CacheFolder,
    Changes,
    Filters,
    Format,
    FormatOption,
    Scale,
    answer_json,
    is_for_programs,
)
from scenarios.shares import parse_share
from systems.errors import ConfigurationError
from systems.registry import available_systems, system_info

Text = Annotated[str | None, typer.Option(metavar="REF", help="A branch, tag or commit.")]
Folder = Annotated[Path | None, typer.Option(metavar="DIR", help="Stored runs, not measured now.")]
Python = Annotated[
    Path | None, typer.Option(metavar="PATH", help="Interpreter of that side (default: this one).")
]


_MEASURING = (
    "scale", "filters", "changes", "rounds", "most_rounds", "allow_dirty", "base_python",
    "head_python",
)  # fmt: skip
_JUDGING = ("across_jobs",)


def gate(
    context: typer.Context,
    base: Text = None,
    head: Text = None,
    base_runs: Folder = None,
    head_runs: Folder = None,
    scenario: Annotated[
        list[str] | None, typer.Option(help="To measure; repeatable (default: gate).")
    ] = None,
    scale: Scale = None,
    filters: Filters = None,
    changes: Changes = None,
    tolerance: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[SYSTEM=]5%",
            help="Change that is let pass; repeatable (the scenario's).",
        ),
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Pairs of runs before the first look.")] = 8,
    most_rounds: Annotated[
        int, typer.Option(min=1, help="Pairs of runs before the last look, where one is in doubt.")
    ] = 16,
    across_jobs: Annotated[
        bool, typer.Option("--across-jobs", help="Judge stored runs not measured side by side.")
    ] = False,
    allow_dirty: Annotated[
        bool, typer.Option("--allow-dirty", help="Measure without uncommitted changes.")
    ] = False,
    base_python: Python = None,
    head_python: Python = None,
    cache: CacheFolder = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Where runs and summary go (default: gates/…; none for stored runs).",
        ),
    ] = None,
    output_format: FormatOption = Format.table,
) -> None:
    """Say whether head is slower than base: two git versions measured in turns, or stored runs.

    Exit codes: 0 same or improved, 1 regressed, 2 a mistake in the command, 3 answers differ,
    runs failed or nothing measured, 4 inconclusive.
    """
    from harness.checkouts import Versions
    from harness.gate import Request
    from harness.verbs.gating import (
        judge_stored,
        known_noise,
        measure_versions,
        tolerances_of,
    )
    from reports.gating.looks import Looks
    from reports.gating.metric import Rules
    from reports.gating.tables import gate_document, print_gate, write_gate
    from scenarios.loading import shipped_scenarios

    for_programs = is_for_programs(output_format)
    by_system = _tolerances(tolerance or [])
    looks = Looks.spaced(rounds, most_rounds)
    # Each version runs in a folder of its own, where a relative path means something else.
    folder = (cache or default_cache()).absolute()
    scenarios = scenario or ["gate"]
    rules = Rules(
        tolerance=by_system.pop("", None),
        by_system=by_system,
        by_scenario=(
            tolerances_of(scenarios, skip_unknown=True)
            if base and head
            else tolerances_of([*shipped_scenarios(), *(scenario or [])])
        ),
        noise=known_noise(folder),
        across_jobs=across_jobs,
    )
    if base and head and not (base_runs or head_runs):
        _refuse(context, _JUDGING, "what is measured now: base and head are always side by side")
        versions = Versions(
            base=base,
            head=head,
            base_python=(base_python or Path(sys.executable)).absolute(),
            head_python=(head_python or Path(sys.executable)).absolute(),
            allow_dirty=allow_dirty,
        )
        request = Request(
            scenarios=scenarios,
            scale=scale,
            filters=filters or [],
            changes=changes or [],
            rounds=looks.rounds[-1],
        )
        try:
            judgement, facts, output = measure_versions(
                versions, request, looks, rules, cache=folder, output=output
            )
        except KeyboardInterrupt:
            # Rounds of two sittings would not be measured side by side.
            ERR.print("Interrupted. A gate is one sitting: nothing was judged; start it again.")
            sys.exit(INTERRUPTED)
    elif base_runs and head_runs and not (base or head):
        _refuse(context, _MEASURING, "stored runs, which are judged as they are, all of them")
        judgement, facts = judge_stored(base_runs, head_runs, rules, looks)
    else:
        raise ConfigurationError(
            "Give two versions to measure (--base REF --head REF), or two folders of stored runs "
            "(--base-runs DIR --head-runs DIR)."
        )
    print_gate(OUT, judgement, facts)
    if output is not None:
        written = write_gate(output, judgement, facts)
        OUT.print(f"Summary: {escape(', '.join(map(str, written)))}")
    if for_programs:
        answer_json(gate_document(judgement, facts))
    if judgement.exit_code:
        raise typer.Exit(judgement.exit_code)


def _refuse(context: typer.Context, names: Iterable[str], what: str) -> None:
    """No option that somebody gives is without effect."""
    options = {"filters": "--filter", "changes": "--set"}
    for name in names:
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            option = options.get(name, f"--{name.replace('_', '-')}")
            raise ConfigurationError(f"{option} does not apply to {what}. Leave it out.")


def _tolerances(texts: list[str]) -> dict[str, float]:
    """Relative changes by system or label; the one for all others by the empty name."""
    found = {}
    for text in texts:
        system, _, value = text.rpartition("=")
        try:
            found[_named(system.strip())] = parse_share(value)
        except ValueError as error:
            raise ConfigurationError(
                f"--tolerance {text}: {error} For one system: alsatian=3%."
            ) from None
    return found


def _named(system: str) -> str:
    """The name of a system in records, or the label of one with changed options as it is."""
    labels = {info.label for info in available_systems().values()}
    if not system or system.partition(" + ")[0].removesuffix(" (strong)") in labels:
        return system
    return system_info(system).name
