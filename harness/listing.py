"""Tables of what there is: for ``alsatian-bench list``."""

from __future__ import annotations

from collections.abc import Callable

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table


def listing(kind: str) -> RenderableType:
    """The table of all ``kind`` (scenarios, systems, architectures …); of systems, two."""
    tables: dict[str, Callable[[], RenderableType]] = {
        "scenarios": _scenarios,
        "systems": _systems,
        "architectures": _architectures,
        "datasets": _datasets,
        "scorers": _scorers,
        "parameters": _parameters,
    }
    return tables[kind]()


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, no_wrap=column in ("name", "options (defaults)"), overflow="fold")
    return table


def _scenarios() -> Table:
    from harness.spec import vocabulary
    from scenarios.loading import load_scenario, shipped_scenarios

    table = _table("scenarios", "name", "what", "file")
    known = vocabulary()
    for name, path in sorted(shipped_scenarios().items()):
        table.add_row(name, load_scenario(path, known).title, path.name)
    return table


def _systems() -> Group:
    from systems.registry import available_systems

    table = _table("systems", "name", "shown as", "what", "options (defaults)")
    title = "probes: single steps measured, on the same axis as systems"
    probes = _table(title, "name", "shown as", "what")
    for info in available_systems().values():
        if info.kind == "probe":
            probes.add_row(info.name, info.label, info.summary)
            continue
        options = "\n".join(f"{name}={_shown(value)}" for name, value in info.options.items())
        name = ", ".join((info.name, *info.aliases))
        table.add_row(name, info.label, info.summary, options)
    return Group(table, "", probes)


def _architectures() -> Table:
    from systems.models.architectures import ARCHITECTURES
    from systems.models.snapshot_families import SNAPSHOT_FAMILIES

    table = _table("architectures", "name", "shown as", "reads", "blocks", "parameters", "pixels")
    for item in ARCHITECTURES.values():
        pixels = str(item.resolution) if item.resolution else "–"
        table.add_row(
            item.name, item.label, item.modality, str(item.block_count),
            f"{item.parameter_count:,}", pixels,
        )  # fmt: skip
    for family in SNAPSHOT_FAMILIES.values():  # of any size: model_set snapshots
        table.add_row(family.name, family.label, family.modality, "any", "any", "any")
    return table


def _datasets() -> Table:
    from systems.data.datasets import DATASETS

    table = _table("datasets", "name", "holds", "what", "needs a path")
    for item in DATASETS.values():
        table.add_row(item.name, item.modality, item.summary, "yes" if item.needs_path else "no")
    return table


def _scorers() -> Table:
    from systems.scoring import SCORERS

    table = _table("scorers", "name", "what")
    for name, meaning in SCORERS.items():
        table.add_row(name, meaning)
    return table


def _parameters() -> Table:
    from scenarios.parameters import PARAMETERS

    table = _table("parameters of a run", "name", "default", "meaning")
    for item in PARAMETERS.values():
        unit = escape(f" [{item.unit}]") if item.unit else ""
        table.add_row(item.name, _shown(item.default), f"{item.meaning}{unit}")
    return table


def _shown(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
