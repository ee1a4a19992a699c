"""The analysis page of a scenario: what was run, what came out, figures and tables in one file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from reports import labels
from reports.comparison import Comparison
from reports.records import Record
from reports.rows import Row
from reports.statistics import CLAIM_ROUNDS, median
from reports.tables import escape_markdown, markdown_tables

_SHOWN_PHASES = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """What a page is about, in the scenario's own words."""

    title: str
    description: str = ""
    command: str = ""
    """What a person types to have it again; empty if there is no single command."""


def write_analysis(
    subject: Subject,
    comparison: Comparison,
    records: Sequence[Record],
    *,
    figures: Sequence[Path],
    more: Sequence[str] = (),
    path: Path,
) -> None:
    """Write the page as Markdown to ``path``; the figures are linked relative to it.

    ``more`` are whole sections of Markdown that follow the figures.
    """
    parts = [f"# {escape_markdown(subject.title)}"]
    if subject.description:
        parts.append(escape_markdown(subject.description))
    parts.append("\n".join(_facts(records)))
    if comparison.searches:
        parts.append(
            "## What came out\n\n" + "\n".join(f"- {line}" for line in findings(comparison))
        )
    images = [file for file in figures if file.suffix == ".png"]
    if images:
        links = [f"![{file.stem}]({file.name})" for file in images]
        parts.append("## Figures\n\n" + "\n\n".join(links))
    parts += more
    if comparison.searches:
        parts.append("## Numbers\n\n" + markdown_tables(comparison, heading="###"))
    if subject.command:
        parts.append(f"## Again\n\n```\n{subject.command}\n```")
    path.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def findings(comparison: Comparison) -> list[str]:
    """What the searches say together, one sentence for each system and one for the answers."""
    by_label: dict[str, list[Row]] = {}
    for search in comparison.searches:
        for row in search.rows:
            by_label.setdefault(row.label, []).append(row)
    lines = [_system_sentence(label, rows) for label, rows in by_label.items()]
    lines.append(_answers_sentence(comparison))
    fewest = min((count for search in comparison.searches for count in search.rounds), default=0)
    if 0 < fewest < CLAIM_ROUNDS:
        lines.append(
            f"Measured in {labels.rounds(fewest)}: to look at; a claim takes {CLAIM_ROUNDS}."
        )
    if any(search.timing_only for search in comparison.searches):
        lines.append(f"{labels.TIMING_ONLY}: scores and winners mean nothing.")
    return [escape_markdown(line) for line in lines]


def _system_sentence(label: str, rows: Sequence[Row]) -> str:
    ok = [row for row in rows if row.status == "ok"]
    if not ok:
        return f"{label}: not measured ({_outcomes(rows)})."
    parts = []
    speed_ups = [row.speed_up.value for row in ok if row.speed_up is not None]
    if speed_ups and not ok[0].is_base:
        parts.append(f"{_range(speed_ups, labels.ratio)} over Base")
        published = [row.published for row in ok if row.published is not None]
        if published:
            parts.append(f"published {_range(published, labels.ratio)}")
        ratios = [row.operation_ratio for row in ok if row.operation_ratio is not None]
        if ratios:
            parts.append(f"operation ratio {_range(ratios, labels.ratio)}")
    else:
        parts.append(_range([row.wall_s for row in ok if row.wall_s is not None], labels.seconds))
    efficiencies = [row.efficiency for row in ok if row.efficiency is not None]
    if efficiencies:
        parts.append(f"efficiency {_range(efficiencies, labels.percent)}")
    parts.append(f"its time: {_phases(ok)}")
    left = len(rows) - len(ok)
    count = f" ({_searches(len(ok))}{f', {left} not measured: {_outcomes(rows)}' if left else ''})"
    return f"{label}{count}: {'; '.join(parts)}."


def _range(values: Sequence[float], text: Callable[[float], str]) -> str:
    """``2.1×``, or ``2.1× – 4.0×, median 3.0×``."""
    low, high, middle = min(values), max(values), median(values)
    if text(low) == text(high) or middle is None:
        return text(low)
    return f"{text(low)} – {text(high)} (median {text(middle)})"


def _phases(rows: Sequence[Row]) -> str:
    names = {name for row in rows for name in row.shares}
    shares = {name: median([row.shares.get(name, 0.0) for row in rows]) or 0.0 for name in names}
    largest = sorted(shares, key=lambda name: (-shares[name], name))[:_SHOWN_PHASES]
    return ", ".join(
        f"{labels.PHASES[name].label if name in labels.PHASES else name} "
        f"{labels.percent(shares[name])}"
        for name in largest
    )


def _outcomes(rows: Sequence[Row]) -> str:
    return ", ".join(sorted({row.outcome for row in rows if row.status != "ok"}))


def _answers_sentence(comparison: Comparison) -> str:
    states = [search.agreement.status for search in comparison.searches]
    count = len(states)
    if all(state == "agree" for state in states):
        return f"Answers agree in {_searches(count)}: features, scores and rankings."
    differ, unchecked = states.count("differ"), states.count("unchecked")
    return (
        f"Answers agree in {states.count('agree')} of {_searches(count)}, differ in {differ}, "
        f"and are unchecked in {unchecked}, where a system had nothing to be compared with."
    )


def _searches(count: int) -> str:
    return "1 search" if count == 1 else f"{count} searches"


def _facts(records: Sequence[Record]) -> list[str]:
    """What was run, and on what, as a table."""
    measured = sum(record.ok for record in records)
    facts = {
        "runs": f"{measured} of {len(records)} measured",
        "scale": _all(record.scale or "as it stands" for record in records),
        "device": _all(str(record.spec.get("device")) for record in records),
        "machine": _all(record.host_class for record in records),
        "libraries": _all(
            f"PyTorch {_library(record, 'torch')}, Python {record.environment.get('python')}"
            for record in records
        ),
        "commit": _all(record.commit for record in records),
        "time": f"{min(r.started_at for r in records)} – {max(r.started_at for r in records)}",
    }
    rows = [f"| {name} | {escape_markdown(value)} |" for name, value in facts.items()]
    return ["| | |", "|---|---|", *rows]


def _library(record: Record, name: str) -> str:
    versions = record.environment.get("libraries")
    return str(versions.get(name)) if isinstance(versions, Mapping) else labels.UNKNOWN


def _all(values: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(values))
