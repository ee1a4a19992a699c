"""``predict``: what a scenario's runs would take, by the cost model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from harness.terminal import OUT, default_cache
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


def predict(
    scenario: ScenarioName,
    profile: Annotated[
        str | None,
        typer.Option(help="A hardware profile: 'paper', or a YAML file (default: this machine's)."),
    ] = None,
    filters: Filters = None,
    scale: Scale = None,
    changes: Changes = None,
    runs: RunsFolder = Path("runs"),
    cache: CacheFolder = None,
    output_format: FormatOption = Format.table,
) -> None:
    """Predict the times of a scenario's runs without running them; beside what was measured."""
    from harness.environment import host_class
    from harness.prediction import notes, predict_runs, rows
    from harness.spec import plan_runs
    from harness.tuning import with_known_batch_sizes
    from reports.errors import ReportError
    from reports.loading import load_records
    from reports.predictions import PredictedRow, as_json, print_predictions, with_measured

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
    if is_for_programs(output_format):
        answer_json(as_json(table, notes(predicted)))
        return
    print_predictions(OUT, table)
    for line in notes(predicted):
        OUT.print(escape(line))
