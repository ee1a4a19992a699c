"""Which runs may stand side by side at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reports import labels
from reports.records import Record


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Kind:
    """What runs of one table or figure have in common, whatever else they are."""

    scenario: str
    scale: str
    """Empty where the scenario was run as it stands."""
    device: str
    host_class: str

    @property
    def name(self) -> str:
        """Scenario and scale, as folders of runs are named."""
        return f"{self.scenario}@{self.scale}" if self.scale else self.scenario


def by_kind(records: Sequence[Record]) -> Mapping[Kind, Sequence[Record]]:
    """``records`` by kind, in order: scenarios, scales, devices and machines never mix."""
    groups: dict[Kind, list[Record]] = {}
    for record in records:
        kind = Kind(
            scenario=record.scenario,
            scale=record.scale or "",
            device=str(record.spec.get("device") or labels.UNKNOWN),
            host_class=record.host_class,
        )
        groups.setdefault(kind, []).append(record)
    return {kind: groups[kind] for kind in sorted(groups)}


def search_specs(records: Sequence[Record]) -> list[dict[str, object]]:
    """What each record's search is: all that its systems have in common."""
    return [
        {name: value for name, value in record.spec.items() if name not in ("system", "options")}
        | {"scenario": record.scenario, "scale": record.scale, "host_class": record.host_class}
        for record in records
    ]


def search_titles(records: Sequence[Record]) -> list[str]:
    """The search of each record in one line that tells it from the others."""
    specs = search_specs(records)
    names = sorted({name for spec in specs for name in spec})
    differing = [name for name in names if len({repr(spec.get(name)) for spec in specs}) > 1]
    return [labels.search_title(spec, differing) for spec in specs]
