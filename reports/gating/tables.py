"""A gate's judgement for people and programs: terminal, Markdown and JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reports import labels
from reports.gating.judgement import GateJudgement
from reports.gating.metric import Metric
from reports.tables import WIDTH, escape_markdown, markdown_row

if TYPE_CHECKING:
    from rich.console import Console

SCHEMA = 1
"""Version of the JSON document."""
GATE_MARKDOWN, GATE_JSON = "gate.md", "gate.json"

LEGEND = (
    "ratio = time(head)/time(base), paired by round, with its 95% interval: above 1 is slower · "
    "tolerance: the change that is let pass · speed-up: over Base, in base and in head"
)
"""What the columns mean."""

_HEADS = (
    "system", "base", "head", "ratio", "interval", "tolerance", "rounds", "speed-up", "verdict",
)  # fmt: skip
_STYLES = {"regressed": "bold red", "invalid": "bold red", "inconclusive": "yellow"}
_SHOWN_CHANGE = 0.01
"""Share of a search's time by which a phase must differ to be named."""


def print_gate(console: Console, judgement: GateJudgement, facts: Mapping[str, Any]) -> None:
    """Print a table per search, at most ``WIDTH`` columns wide, and the verdict."""
    from rich.table import Table
    from rich.text import Text

    width = min(console.width, WIDTH)
    for search, metrics in _by_search(judgement).items():
        table = Table(box=None, padding=(0, 1, 0, 0), header_style="dim", pad_edge=False)
        for head in _HEADS:
            table.add_column(head, justify="left" if head in ("system", "verdict") else "right")
        for metric in metrics:
            style = _STYLES.get(metric.verdict, "")
            table.add_row(*(Text(cell, style=style) for cell in _cells(metric)))
        console.print()
        console.print(Text(search, style="bold"), width=width)
        console.print(table, width=width, soft_wrap=False)
        for line in _remarks(metrics):
            console.print(Text(line, style="dim"), width=width, soft_wrap=False)
    console.print()
    for line in (LEGEND, *_more(judgement, facts)):
        console.print(Text(line, style="dim"), width=width, soft_wrap=False)
    sentence = Text(gate_sentence(judgement), style=_STYLES.get(judgement.verdict, "bold green"))
    console.print(sentence, width=width, soft_wrap=False)


def write_gate(folder: Path, judgement: GateJudgement, facts: Mapping[str, Any]) -> list[Path]:
    """Write Markdown and JSON into ``folder``, which is made; where they are."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / GATE_MARKDOWN, folder / GATE_JSON]
    paths[0].write_text(gate_markdown(judgement, facts), encoding="utf-8")
    paths[1].write_text(json.dumps(gate_document(judgement, facts), indent=1), encoding="utf-8")
    return paths


def gate_markdown(judgement: GateJudgement, facts: Mapping[str, Any]) -> str:
    """The same as Markdown, short enough for a comment on a pull request."""
    parts = [f"## Speed gate: {judgement.verdict}", escape_markdown(gate_sentence(judgement))]
    rule = "| --- |" + " ---: |" * (len(_HEADS) - 2) + " --- |"
    for search, metrics in _by_search(judgement).items():
        lines = [markdown_row(_HEADS), rule, *(markdown_row(_cells(metric)) for metric in metrics)]
        parts += [f"### {escape_markdown(search)}", "\n".join(lines)]
        if remarks := _remarks(metrics):
            parts.append("\n".join(f"- {escape_markdown(line)}" for line in remarks))
    parts += ["\n".join(f"- {escape_markdown(line)}" for line in _more(judgement, facts)), LEGEND]
    return "\n\n".join(part for part in parts if part) + "\n"


def gate_document(judgement: GateJudgement, facts: Mapping[str, Any]) -> dict[str, Any]:
    """The same for programs, in plain JSON types; null is unknown."""
    return {
        "schema": SCHEMA,
        "verdict": judgement.verdict,
        "exit_code": judgement.exit_code,
        "sentence": gate_sentence(judgement),
        "metrics": [_metric_json(metric) for metric in judgement.metrics],
        "faults": list(judgement.faults),
        "notes": list(judgement.notes),
        "host_class": judgement.host_class,
        **facts,
    }


def gate_sentence(judgement: GateJudgement) -> str:
    """The verdict in one sentence, with what it rests on."""
    if judgement.faults:
        more = len(judgement.faults) - 1
        return f"Invalid: {judgement.faults[0]}" + (f" ({more} more.)" if more else "")
    metrics = judgement.metrics
    named = [
        metric
        for metric in metrics
        if metric.verdict == judgement.verdict
        and (metric.holds_back or metric.verdict != "inconclusive")
    ]
    count = f"{len(named)} of {len(metrics)} times"
    match judgement.verdict:
        case "invalid":
            return f"Invalid: {count} cannot be compared. {named[0].label}: {named[0].reason}"
        case "regressed":
            worst = max(named, key=lambda metric: metric.times.mean_log if metric.times else 0)
            return f"Regressed: {count} became slower. {_change(worst)}"
        case "inconclusive":
            return f"Inconclusive: {count} may have become slower by more than the tolerance."
        case "improved":
            best = min(named, key=lambda metric: metric.times.mean_log if metric.times else 0)
            return f"Improved: {count} became faster, none slower. {_change(best)}"
    if len(named) == len(metrics):
        return f"No regression: {count} are within the tolerance."
    return f"No regression: {count} are within the tolerance, the others no slower than that."


def _change(metric: Metric) -> str:
    assert metric.times is not None  # what was judged was timed
    ratio = metric.times.ratio
    return (
        f"{metric.label}: {_factor(ratio.value)} of its time (95% interval {_factor(ratio.low)} to "
        f"{_factor(ratio.high)}, tolerance {_share(metric.tolerance)}, "
        f"{labels.rounds(metric.times.rounds)})."
    )


def _cells(metric: Metric) -> list[str]:
    times = metric.times
    interval, value = "", labels.UNKNOWN
    if times is not None:
        ratio = times.ratio
        value = _factor(ratio.value)
        interval = "" if ratio.low is None else f"{_factor(ratio.low)}–{_factor(ratio.high)}"
    ups = metric.speed_up
    return [
        metric.label,
        labels.seconds(metric.base_s),
        labels.seconds(metric.head_s),
        value,
        interval,
        _share(metric.tolerance),
        str(times.rounds) if times else "0",
        "" if ups is None else f"{labels.ratio(ups[0])} → {labels.ratio(ups[1])}",
        metric.verdict,
    ]


def _share(value: float) -> str:
    return f"{100 * value:.3g}%"


def _factor(value: float | None) -> str:
    """A ratio near 1, to a thousandth: its last digits are what a gate is about."""
    return labels.UNKNOWN if value is None else f"{value:.3f}"


def _remarks(metrics: Sequence[Metric]) -> list[str]:
    """Why a verdict is no better, and which phases changed."""
    lines = []
    for metric in metrics:
        if metric.reason:
            lines.append(f"{metric.label}: {metric.reason}")
        elif metric.verdict in ("regressed", "improved") and (phases := _changed_phases(metric)):
            lines.append(f"{metric.label}: {phases}")
        elif metric.verdict == "inconclusive" and not metric.holds_back:
            lines.append(f"{metric.label}: no regression; between the same and improved.")
        if metric.times is not None and metric.times.noise is not None:
            lines.append(
                f"{metric.label}: a pair of equal code scatters by {metric.times.noise:.1%}."
            )
    return lines


def _changed_phases(metric: Metric) -> str:
    """The phases behind a change, the largest change first."""
    total_s = metric.base_s or 0.0
    changed = [
        (name, before_s, after_s)
        for name, (before_s, after_s) in metric.phases_s.items()
        if abs(after_s - before_s) > _SHOWN_CHANGE * total_s
    ]
    changed.sort(key=lambda phase: -abs(phase[2] - phase[1]))
    return ", ".join(
        f"{name.replace('_', ' ')} {labels.seconds(before_s)} → {labels.seconds(after_s)}"
        for name, before_s, after_s in changed
    )


def _more(judgement: GateJudgement, facts: Mapping[str, Any]) -> list[str]:
    lines = [*judgement.faults, *judgement.notes]
    for side in ("base", "head"):
        if isinstance(named := facts.get(side), Mapping):
            commit = f" ({str(named['commit'])[:12]})" if named.get("commit") else ""
            lines.append(f"{side}: {named.get('name')}{commit}")
    if replaced := facts.get("replaced"):
        lines.append(f"{replaced} of {facts.get('runs')} runs were disturbed and done again.")
    return [*lines, *facts.get("remarks", ())]


def _metric_json(metric: Metric) -> dict[str, Any]:
    times, ratio = metric.times, metric.times.ratio if metric.times else None
    return {
        "label": metric.label,
        "search": metric.search,
        "identity": metric.identity,
        "verdict": metric.verdict,
        "reason": metric.reason,
        "base_s": metric.base_s,
        "head_s": metric.head_s,
        "ratio": ratio.value if ratio else None,
        "ratio_low": ratio.low if ratio else None,
        "ratio_high": ratio.high if ratio else None,
        "ratios": list(times.ratios) if times else [],
        "p_regressed": times.p_regressed if times else None,
        "p_improved": times.p_improved if times else None,
        "tolerance": metric.tolerance,
        "noise": times.noise if times else None,
        "phases_s": {name: list(both) for name, both in metric.phases_s.items()},
        "speed_up": list(metric.speed_up) if metric.speed_up else None,
        "speed_up_ratio": metric.speed_up_ratio.value if metric.speed_up_ratio else None,
    }


def _by_search(judgement: GateJudgement) -> dict[str, list[Metric]]:
    searches: dict[str, list[Metric]] = {}
    for metric in judgement.metrics:
        searches.setdefault(metric.search, []).append(metric)
    return searches
