"""``list`` and ``validate``: what there is, and what a scenario expands to; nothing is run."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer
from rich.markup import escape

from harness.terminal import OUT, default_cache, with_batch_sizes
from harness.verbs.options import (
    CacheFolder,
    Changes,
    Filters,
    Format,
    FormatOption,
    Scale,
    ScenarioName,
    answer_json,
    is_for_programs,
)


class Listing(StrEnum):
    """What can be listed."""

    scenarios = "scenarios"
    systems = "systems"
    architectures = "architectures"
    datasets = "datasets"
    scorers = "scorers"
    parameters = "parameters"


def list_(
    what: Annotated[Listing | None, typer.Argument(help="Default: all but parameters.")] = None,
    output_format: FormatOption = Format.table,
) -> None:
    """List scenarios, systems, architectures, datasets, scorers or parameters."""
    from harness.listing import listings, rendered

    kinds = [what] if what else [kind for kind in Listing if kind is not Listing.parameters]
    found = {kind.value: listings(kind.value) for kind in kinds}
    if is_for_programs(output_format):
        answer_json(
            {kind: [row for each in tables for row in each.rows] for kind, tables in found.items()}
        )
        return
    for tables in found.values():
        for table in tables:
            OUT.print(rendered(table))


def validate(
    file: ScenarioName,
    filters: Filters = None,
    scale: Scale = None,
    changes: Changes = None,
    cache: CacheFolder = None,
    output_format: FormatOption = Format.table,
) -> None:
    """Check a scenario file and show what it expands to; runs nothing."""
    from harness.particulars import IN_SUMMARY, particulars
    from harness.spec import plan_runs

    for_programs = is_for_programs(output_format)
    plan = plan_runs(file, filters=filters or [], scale=scale, changes=changes or [])
    plan = with_batch_sizes(plan, cache or default_cache(), measure=False)
    if for_programs:
        answer_json(
            {
                "scenario": plan.scenario.name,
                "rounds": plan.scenario.rounds,
                "runs": [{"identity": s.identity, "spec": s.canonical()} for s in plan.specs],
                "excluded": [
                    {"parameters": dict(parameters), "reason": reason}
                    for parameters, reason in plan.excluded
                ],
            }
        )
        return
    OUT.print(
        f"{plan.scenario.name} is valid: {len(plan.specs)} different runs × "
        f"{plan.scenario.rounds} rounds."
    )
    particular = particulars(plan.specs, said=IN_SUMMARY)
    for spec, words in zip(plan.specs, particular, strict=True):
        summary = ", ".join(filter(None, (spec.summary, words)))
        OUT.print(f"  {spec.identity[:12]}  {escape(summary)}")
    for parameters, reason in plan.excluded:
        named = ", ".join(f"{axis}={value}" for axis, value in parameters.items())
        OUT.print(f"  excluded: {escape(named)}: {escape(reason)}")
