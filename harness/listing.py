"""What there is to choose from: for ``alsatian-bench list``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rich.markup import escape
from rich.table import Table

Row = Mapping[str, object]


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """Things of one kind."""

    title: str
    rows: tuple[Row, ...]
    """Each with the same names, the columns."""


def listings(kind: str) -> tuple[Listing, ...]:
    """All ``kind`` (scenarios, systems, architectures …); of systems, searches and probes."""
    makers: dict[str, Callable[[], tuple[Listing, ...]]] = {
        "scenarios": _scenarios,
        "systems": _systems,
        "architectures": _architectures,
        "datasets": _datasets,
        "scorers": _scorers,
        "parameters": _parameters,
    }
    return makers[kind]()


def rendered(listing: Listing) -> Table:
    """The table for a terminal."""
    table = Table(
        title=f"\n{listing.title}", title_justify="left", title_style="bold", box=None,
        pad_edge=False,
    )  # fmt: skip
    for column in listing.rows[0] if listing.rows else ():
        table.add_column(column, no_wrap=column in ("name", "options"), overflow="fold")
    for row in listing.rows:
        table.add_row(
            *(
                escape(_text(value) if name == "default" else _shown(value))
                for name, value in row.items()
            )
        )
    return table


def _scenarios() -> tuple[Listing, ...]:
    from harness.spec import vocabulary
    from scenarios.loading import load_scenario, shipped_scenarios

    known = vocabulary()
    rows = []
    for name, path in sorted(shipped_scenarios().items()):
        scenario = load_scenario(path, known)
        rows.append({"name": name, "what": scenario.title, "scales": list(scenario.scales)})
    return (Listing(title="scenarios", rows=tuple(rows)),)


def _systems() -> tuple[Listing, ...]:
    from systems.registry import available_systems

    searches: list[Row] = []
    probes: list[Row] = []
    for info in available_systems().values():
        row = {"name": info.name, "shown as": info.label, "what": info.summary}
        if info.kind == "probe":
            probes.append(row)
            continue
        names = ", ".join((info.name, *info.aliases))
        searches.append({**row, "name": names, "options": dict(info.options)})
    return (
        Listing(title="systems, with the defaults of their options", rows=tuple(searches)),
        Listing(
            title="probes: single steps measured, on the same axis as systems", rows=tuple(probes)
        ),
    )


def _architectures() -> tuple[Listing, ...]:
    from systems.models.architectures import ARCHITECTURES
    from systems.models.snapshot_families import SNAPSHOT_FAMILIES

    rows: list[Row] = [
        {
            "name": item.name,
            "shown as": item.label,
            "reads": item.modality,
            "blocks": item.block_count,
            "parameters": item.parameter_count,
            "pixels": item.resolution or None,
        }
        for item in ARCHITECTURES.values()
    ]
    rows += [  # of any size: model_set snapshots
        {
            "name": family.name,
            "shown as": family.label,
            "reads": family.modality,
            "blocks": "any",
            "parameters": "any",
            "pixels": "any",
        }
        for family in SNAPSHOT_FAMILIES.values()
    ]
    return (Listing(title="architectures", rows=tuple(rows)),)


def _datasets() -> tuple[Listing, ...]:
    from systems.data.datasets import available_datasets

    rows = tuple(
        {
            "name": item.name,
            "holds": item.modality,
            "what": item.summary,
            "needs a path": item.needs_path,
        }
        for item in available_datasets().values()
    )
    return (Listing(title="datasets", rows=rows),)


def _scorers() -> tuple[Listing, ...]:
    from systems.scoring.registry import available_scorers

    rows = tuple({"name": item.name, "what": item.summary} for item in available_scorers().values())
    return (Listing(title="scorers", rows=rows),)


def _parameters() -> tuple[Listing, ...]:
    from scenarios.parameters import PARAMETERS

    rows = tuple(
        {"name": item.name, "default": item.default, "meaning": item.meaning, "unit": item.unit}
        for item in PARAMETERS.values()
    )
    return (Listing(title="parameters of a run", rows=rows),)


def _shown(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, dict):
        return "\n".join(f"{name}={_text(each)}" for name, each in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _text(value: object) -> str:
    """As a scenario file has it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "null" if value is None else str(value)
