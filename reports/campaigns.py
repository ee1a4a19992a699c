"""Runs that may stand side by side, and what they say together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from reports import labels
from reports.analysis import findings
from reports.comparison import Comparison, Search, compare
from reports.grouping import Kind, by_kind
from reports.readings import ReadingsTable, collect_readings
from reports.records import Record
from reports.statistics import median

Grade = Literal["good", "unsure", "bad"]

_ESCAPED = re.compile(r"\\([\\|<>`*_\[\]])")


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What to think of the runs of a campaign, before any number."""

    kind: Grade
    word: str
    sentence: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SystemSpeed:
    """The speed-ups of one system over all searches of a campaign."""

    label: str
    low: float
    middle: float
    high: float
    searches: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Campaign:
    """The runs of one scenario, at one scale, on one kind of device and machine."""

    scenario: str
    scale: str | None
    device: str
    host_class: str
    title: str
    """The scenario's own, where it is known."""
    description: str
    verdict: Verdict
    findings: tuple[str, ...]
    speeds: tuple[SystemSpeed, ...]
    comparison: Comparison
    readings: tuple[ReadingsTable, ...]
    unmeasured: tuple[str, ...]
    """A sentence for each kind of run that was not measured, or is missing."""
    records: tuple[Record, ...]

    @property
    def name(self) -> str:
        """Scenario and scale, as folders of runs are named."""
        return f"{self.scenario}@{self.scale}" if self.scale else self.scenario

    @property
    def measured(self) -> int:
        """Runs with a time."""
        return sum(record.ok for record in self.records)


@dataclass(frozen=True, kw_only=True, slots=True)
class Words:
    """What a scenario calls itself."""

    title: str
    description: str = ""


def campaigns_of(
    records: Sequence[Record], words: Mapping[tuple[str, str | None], Words]
) -> tuple[Campaign, ...]:
    """The campaigns of ``records``; scenarios, scales, devices and machines are never mixed.

    Args:
        records: all runs.
        words: titles by scenario and scale, as far as they are known.
    """
    return tuple(
        _campaign(group, kind, words.get((kind.scenario, kind.scale or None)))
        for kind, group in by_kind(records).items()
    )


def mixtures(records: Sequence[Record]) -> tuple[str, ...]:
    """A sentence for each thing in which the runs differ that forbids to compare their times."""
    kinds = {
        "scales": [record.scale or "as it stands" for record in records],
        "devices": [str(record.spec.get("device") or labels.UNKNOWN) for record in records],
        "kinds of machines": [record.host_class for record in records],
        "versions of the code": [record.code[:8] for record in records],
    }
    return tuple(
        f"These runs are of {len(values)} {what} ({'; '.join(values)})."
        for what, found in kinds.items()
        if len(values := list(dict.fromkeys(found))) > 1
    )


def plain(text: str) -> str:
    """A text that was escaped for Markdown, as it was."""
    return _ESCAPED.sub(r"\1", text)


def _campaign(records: Sequence[Record], kind: Kind, words: Words | None) -> Campaign:
    comparison, readings = compare(records), collect_readings(records)
    return Campaign(
        scenario=kind.scenario,
        scale=kind.scale or None,
        device=kind.device,
        host_class=kind.host_class,
        title=words.title if words else kind.scenario,
        description=words.description if words else "",
        verdict=_verdict(records, comparison),
        findings=tuple(plain(line) for line in findings(comparison)) if comparison.searches else (),
        speeds=tuple(_speeds(comparison)),
        comparison=comparison,
        readings=readings,
        unmeasured=tuple(_unmeasured(comparison.searches, readings)),
        records=tuple(records),
    )


def _verdict(records: Sequence[Record], comparison: Comparison) -> Verdict:
    ok = sum(record.ok for record in records)
    states = [search.agreement.status for search in comparison.searches]
    missing = sum(r.status == "missing" for search in comparison.searches for r in search.rows)
    bad = sum(record.status not in ("ok", "skipped") for record in records)
    if not ok:
        return Verdict(
            kind="bad", word="nothing measured", sentence=f"None of {len(records)} runs has a time."
        )
    if "differ" in states:
        return Verdict(
            kind="bad",
            word="answers differ",
            sentence=f"In {states.count('differ')} of {_searches(len(states))} systems gave "
            "different answers: their times say nothing, and have no speed-up.",
        )
    lacks = [f"{bad} of {len(records)} runs went wrong"] if bad else []
    lacks += [f"{missing} were never made"] if missing else []
    if lacks:
        return Verdict(
            kind="unsure", word="incomplete", sentence=f"{' and '.join(lacks)}; the rest is valid."
        )
    if "unchecked" in states:
        return Verdict(
            kind="unsure",
            word="answers unchecked",
            sentence=f"In {states.count('unchecked')} of {_searches(len(states))} a system had "
            "nothing to be compared with.",
        )
    if not states:
        return Verdict(kind="good", word="measured", sentence=f"All {ok} runs were measured.")
    return Verdict(
        kind="good",
        word="answers agree",
        sentence=f"All runs were measured, or skipped as planned, and their answers agree "
        f"({ok} runs, {_searches(len(states))}).",
    )


def _searches(count: int) -> str:
    return "1 search" if count == 1 else f"{count} searches"


def _speeds(comparison: Comparison) -> Iterable[SystemSpeed]:
    found: dict[str, list[float]] = {}
    for search in comparison.searches:
        for row in search.rows:
            if row.speed_up is not None and not row.is_base:
                found.setdefault(row.label, []).append(row.speed_up.value)
    for label, values in found.items():
        middle = median(values)
        assert middle is not None  # there is at least one value
        yield SystemSpeed(
            label=label, low=min(values), middle=middle, high=max(values), searches=len(values)
        )


def _unmeasured(searches: Sequence[Search], readings: Sequence[ReadingsTable]) -> list[str]:
    """Why there are no numbers, each reason once, with where it holds."""
    where: dict[str, list[str]] = {}
    for search in searches:
        for row in search.rows:
            if row.reason:
                text = row.reason if row.status == "ok" else f"{row.outcome}: {row.reason}"
                where.setdefault(f"{row.label}: {text}", []).append(search.panel_title)
    lines = []
    for sentence, titles in where.items():
        named = [title for title in titles if title]
        more = f", and {len(named) - 3} more" if len(named) > 3 else ""
        lines.append(sentence + (f" [{'; '.join(named[:3])}{more}]" if named else ""))
    return [*lines, *(problem for table in readings for problem in table.problems)]
