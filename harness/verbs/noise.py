"""``noise``: how much two runs of the same thing differ on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from harness.exit_codes import INVALID
from harness.terminal import OUT, default_cache, say_waiting, with_batch_sizes
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


def noise(
    scenario: ScenarioName,
    filters: Filters = None,
    scale: Scale = None,
    changes: Changes = None,
    rounds: Annotated[int, typer.Option(min=2, help="Pairs of runs of each kind.")] = 8,
    runs: RunsFolder = Path("runs"),
    cache: CacheFolder = None,
    output_format: FormatOption = Format.table,
) -> None:
    """Measure this machine's own noise: every run twice per round (A/A), kept per host class.

    Exit codes: 0 fine, 3 nothing was measured, or a run failed.
    """
    from harness.environment import host_class
    from harness.host_lock import only_one_measures
    from harness.noise import NoiseFolder, noise_campaign
    from harness.progress import Display
    from harness.spec import plan_runs
    from reports.loading import load_records
    from reports.noise import describe, noise_floors

    for_programs = is_for_programs(output_format)
    folder = cache or default_cache()
    plan = plan_runs(scenario, filters=filters or [], scale=scale, changes=changes or [])
    plan = with_batch_sizes(plan, folder, measure=True)
    campaign = noise_campaign(plan, rounds=rounds, runs=runs, cache=folder)
    pending = campaign.pending()
    with only_one_measures(say_waiting), Display(OUT) as display:
        statuses = campaign.carry_out(pending, display)
    found = noise_floors(load_records([campaign.runs.folder]).records)
    floors = [floor for floor in found if floor.host_class == host_class()]
    for floor in floors:
        OUT.print(escape(describe(floor, rounds=rounds)))
        NoiseFolder(folder, host_class()).keep(floor.as_json())
    if for_programs:
        answer_json([floor.as_json() for floor in floors])
    if not floors or any(status not in ("ok", "skipped") for status in statuses):
        raise typer.Exit(INVALID)
