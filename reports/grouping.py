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
