"""``run``: measure a scenario, then compare its systems."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from harness.exit_codes import INVALID
from harness.terminal import (
    OUT,
    again_command,
    announce,
    default_cache,
    next_command,
    say_waiting,
    with_batch_sizes,
)
from harness.verbs.options import (
    CacheFolder,
    Changes,
    Filters,
    Format,
    FormatOption,
    RunsFolder,
    Scale,
    ScenarioName,
    answer_json,
    is_for_programs,
)


def run(
    scenario: ScenarioName,
    filters: Filters = None,
    scale: Scale = None,
    changes: Changes = None,
    rounds: Annotated[int | None, typer.Option(min=1, help="Instead of the scenario's.")] = None,
    runs: RunsFolder = Path("runs"),
    cache: CacheFolder = None,
    force: Annotated[bool, typer.Option("--force", help="Repeat finished runs too.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the runs, run none.")] = False,
    output_format: FormatOption = Format.table,
) -> None:
    """Run a scenario, then compare its systems. Finished runs are not repeated."""
    from harness.campaign import Campaign
    from harness.host_lock import only_one_measures
    from harness.progress import Display, run_title
    from harness.spec import plan_runs
    from harness.verbs.comparing import compare_runs

    for_programs = is_for_programs(output_format)
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
        if for_programs:
            answer_json([{"run": each.key, "title": run_title(each)} for each in pending])
        return
    statuses: list[str] = []
    with only_one_measures(say_waiting):
        if pending:
            with Display(OUT) as display:
                statuses = campaign.carry_out(pending, display, force=force)
        done = [campaign.runs.folder / planned.key for planned in campaign.planned]
        again = again_command(sys.argv[1:])
        compared = compare_runs(done, campaign.runs.folder, scenario=plan.scenario, command=again)
    OUT.print(f"Next: {next_command(plan.scenario.runs_name, campaign.runs.folder)}")
    if for_programs:
        answer_json(compared.as_json())
    if not compared.is_valid or any(status not in ("ok", "skipped") for status in statuses):
        raise typer.Exit(INVALID)
