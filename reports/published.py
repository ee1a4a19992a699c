"""The published numbers that a run can be held against, by figure of the paper.

Read off the vector graphics of the Alsatian paper (SIGMOD 2025, doi 10.1145/3725264); they
come with the package as data.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from reports.records import Record

_COLUMNS = {
    "baseline": "baseline",
    "shift": "shift",
    "alsatian-paper": "alsatian",
    "alsatian": "alsatian",
}
"""Our systems to the published bars; both Alsatians are held against the one there is."""
_SAME_SEARCHES = {"fig11": ("fig11", "fig10")}
"""By figure where its searches are found: one that shows parts of what another shows whole."""
_PHASES = ("prepare_model", "prepare_data", "inference", "proxy_scoring")
_BYTES_PER_GB = 1e9


@functools.cache
def published() -> Mapping[str, Any]:
    """All of them by figure (``fig10`` …), each a list of rows."""
    return json.loads((files("reports") / "data" / "published.json").read_text(encoding="utf-8"))


def published_s(record: Record) -> float | None:
    """Seconds that the paper gives for what ``record`` stands for; None where it gives none.

    The scenario's name says the figure; architecture, distribution, items and memory limit
    find the bar, each by the published value that the run's own stands for.
    """
    found = _bar(record)
    return None if found is None else _seconds(found, _COLUMNS[record.system])


def published_phases_s(record: Record) -> Mapping[str, float]:
    """The same, split into the paper's four phases; empty where it shows no split."""
    found = _bar(record) or {}
    return {phase: float(found[phase]) for phase in _PHASES if phase in found}


def _bar(record: Record) -> Mapping[str, Any] | None:
    column = _COLUMNS.get(record.system)
    if column is None:
        return None
    figures = _SAME_SEARCHES.get(record.scenario, (record.scenario,))
    found = [published().get(figure) for figure in figures]
    rows = [row for each in found if isinstance(each, list) for row in each]
    values = {**record.spec, **record.stands_for}
    return next((row for row in rows if _is_of(row, values, column)), None)


def _is_of(row: Mapping[str, Any], values: Mapping[str, Any], column: str) -> bool:
    asked = {name: values.get(name) for name in ("architecture", "distribution", "items")}
    limit = values.get("memory_limit")
    asked["memory_gb"] = limit / _BYTES_PER_GB if isinstance(limit, int) else None
    asked["system"] = column
    return all(asked[name] == value for name, value in row.items() if name in asked)


def _seconds(row: Mapping[str, Any], column: str) -> float:
    if f"{column}_s" in row:
        return float(row[f"{column}_s"])
    if f"{column}_min" in row:
        return 60.0 * float(row[f"{column}_min"])
    return sum(float(row[phase]) for phase in _PHASES)
