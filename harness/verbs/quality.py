"""``quality``: what the searches of a scenario are worth, against real fine-tuning."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from harness.terminal import OUT, default_cache, invocation, say_waiting, with_batch_sizes
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

if TYPE_CHECKING:
    from reports.quality.rows import SearchQuality, Truth


def quality(
    scenario: ScenarioName,
    filters: Filters = None,
    scale: Scale = None,
    changes: Changes = None,
    runs: RunsFolder = Path("runs"),
    cache: CacheFolder = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Of fine-tuning (default: as the models', or 20).")
    ] = None,
    repeats: Annotated[int, typer.Option(min=1, help="Fine-tunings of each model.")] = 1,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Default: beside the runs.")
    ] = None,
    output_format: FormatOption = Format.table,
) -> None:
    """Fine-tune every candidate of a scenario's searches, and say what each search is worth."""
    from harness.spec import plan_runs
    from reports.quality.tables import quality_lines

    for_programs = is_for_programs(output_format)
    folder = cache or default_cache()
    plan = with_batch_sizes(
        plan_runs(scenario, filters=filters or [], scale=scale, changes=changes or []),
        folder,
        measure=False,
    )
    asked = [scenario, *(["--scale", scale] if scale else [])]
    asked += [word for change in changes or [] for word in ("--set", change)]
    judged = judge_scenario(
        plan,
        runs=runs,
        cache=folder,
        epochs=epochs,
        repeats=repeats,
        output=output,
        command=invocation(f"run {shlex.join(asked)}"),
    )
    if for_programs:
        answer_json(quality_lines(judged))


def judge_scenario(
    plan: Any,
    *,
    runs: Path,
    cache: Path,
    epochs: int | None,
    repeats: int,
    output: Path | None,
    command: str,
) -> Sequence[SearchQuality]:
    """Fine-tune all candidates of the plan's stored runs, and hold the searches against it.

    Args:
        plan: the scenario's runs (``harness.spec.RunPlan``).
        runs: where runs are kept.
        cache: where models are, and what fine-tuning has shown.
        epochs: of fine-tuning; None: as many as the models' own training had.
        repeats: fine-tunings of each model.
        output: where tables and figure go; None: beside the runs.
        command: what makes the runs, where there are none.

    Returns:
        The searches, judged.

    Raises:
        ReportError: nothing of the scenario was run.
        ConfigurationError: the candidates cannot be judged.
    """
    from harness.host_lock import only_one_measures
    from harness.progress import Display
    from harness.quality import fine_tune_candidates
    from reports.errors import ReportError
    from reports.figures.quality import draw_quality
    from reports.loading import load_records
    from reports.quality.rows import judge
    from reports.quality.tables import print_quality, write_quality

    folder = runs / plan.scenario.runs_name
    planned = {spec.identity: spec for spec in plan.specs}
    try:
        stored = load_records([folder]).records
    except ReportError:  # nothing was run yet
        stored = ()
    records = [
        record
        for record in stored
        if record.identity in planned and record.ok and record.answer is not None
    ]
    if not records:
        raise ReportError(
            f"None of the runs of {plan.scenario.name} in {folder} has an answer to judge. Run the "
            f"scenario first: {command}"
        )
    searches = {
        record.identity: (planned[record.identity], sorted(record.answer.models))
        for record in records
        if record.answer is not None
    }
    with only_one_measures(say_waiting), Display(OUT) as display:
        found = fine_tune_candidates(
            list(searches.values()), cache=cache, epochs=epochs, repeats=repeats,
            on_event=display.preparing,
        )  # fmt: skip
    judged = judge(records, {identity: _truth(facts) for identity, facts in found.items()})
    print_quality(OUT, judged)
    output = output or folder
    output.mkdir(parents=True, exist_ok=True)
    tables = write_quality(judged, output)
    figures = draw_quality(judged, output)
    OUT.print(f"Table: {', '.join(escape(str(path)) for path in tables)}")
    OUT.print(f"Figure: {', '.join(escape(str(path)) for path in figures)}")
    return judged


def _truth(facts: Mapping[str, Any]) -> Truth:
    """What the worker found, for reports."""
    from reports.amortisation import IngestCost
    from reports.quality.rows import Truth

    models = facts["models"]
    repeats = min(len(each["accuracies"]) for each in models.values())
    return Truth(
        accuracy={
            id_: sum(each["accuracies"]) / len(each["accuracies"]) for id_, each in models.items()
        },
        fine_tuning_s=sum(sum(each["seconds"]) / repeats for each in models.values()),
        items=facts["items"],
        evaluated_on=facts["evaluated_on"],
        repeats=repeats,
        first_models=frozenset(id_ for id_, each in models.items() if each["is_base"]),
        model_bytes={id_: each["bytes"] for id_, each in models.items()},
        ingest=IngestCost(**facts["ingest"]),
    )
