"""What stored scenarios came to: a line each, medians over their searches with the range.

``python -m bench.gains RUNS [--scale cpu]`` reads the campaigns of a scale below RUNS and
prints a table in Markdown. Searches whose answers differ, and probes, are left out.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from reports.comparison import Search, compare
from reports.grouping import by_kind
from reports.loading import load_records
from reports.rows import Row

SYSTEMS = ("SHiFT", "Alsatian (paper)", "Alsatian")
_HEADS = (
    "scenario", *(f"{name} over Base" for name in SYSTEMS), "operation ratio",
    "published Alsatian", "efficiency of Alsatian", "answers",
)  # fmt: skip


def lines(runs: Path, *, scale: str) -> list[str]:
    """The table's lines."""
    found = [
        "| " + " | ".join(_HEADS) + " |",
        "|---|" + "---:|" * (len(_HEADS) - 2) + "---|",
    ]
    for kind, records in by_kind(load_records([runs]).records).items():
        searches = compare(records).searches
        labels = {row.label for search in searches for row in search.rows}
        if kind.scale == scale and labels & set(SYSTEMS):
            found.append("| " + " | ".join(_cells(kind.scenario, searches)) + " |")
    return found


def _cells(name: str, searches: Sequence[Search]) -> list[str]:
    efficiencies = [
        row.efficiency for row in _rows(searches, "Alsatian") if row.efficiency is not None
    ]
    agreed = sum(search.agreement.status == "agree" for search in searches)
    return [
        name,
        *(_factors(searches, label, _speed_up) for label in SYSTEMS),
        _factors(searches, "Alsatian", lambda row: row.operation_ratio),
        _factors(searches, "Alsatian", lambda row: row.published),
        _range((100 * share for share in efficiencies), "{:.0f}", "%"),
        f"agree in {agreed} of {len(searches)}",
    ]


def _factors(searches: Sequence[Search], label: str, value: Callable[[Row], float | None]) -> str:
    rows = _rows(searches, label)
    return _range(map(value, rows), "{:.2f}", "×")


def _rows(searches: Sequence[Search], label: str) -> list[Row]:
    rows = (row for search in searches for row in search.rows)
    return [row for row in rows if row.label == label and row.agreement != "differ"]


def _speed_up(row: Row) -> float | None:
    return row.speed_up.value if row.speed_up else None


def _range(values: Iterable[float | None], form: str, unit: str) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return "–"
    text = form.format(statistics.median(known)) + unit
    if len(known) == 1:
        return text
    return f"{text} ({form.format(min(known))}–{form.format(max(known))})"


def main() -> None:
    """Print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", type=Path)
    parser.add_argument("--scale", default="cpu")
    given = parser.parse_args()
    print("\n".join(lines(given.runs, scale=given.scale)))


if __name__ == "__main__":
    main()
