"""Two versions of the code held against each other: metrics, faults, and one verdict."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from reports.gating.looks import Looks
from reports.gating.metric import Metric, Rules, measured_metric, with_speed_up
from reports.gating.verdict import DECIDED, Verdict, judge
from reports.grouping import search_titles
from reports.pairing import pair_cells
from reports.records import Record
from reports.sides import by_cell

EXIT_CODES: Mapping[Verdict, int] = {
    "same": 0, "improved": 0, "regressed": 1, "invalid": 3, "inconclusive": 4,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class GateJudgement:
    """Everything that a gate found out."""

    metrics: tuple[Metric, ...] = ()
    faults: tuple[str, ...] = ()
    """What fails the gate besides metrics: cells missing in head, other machines …"""
    notes: tuple[str, ...] = ()
    host_class: str | None = None

    @property
    def verdict(self) -> Verdict:
        """The worst of all: invalid, then regressed, then inconclusive."""
        found = [metric.verdict for metric in self.metrics]
        if self.faults or not found or "invalid" in found:
            return "invalid"
        if "regressed" in found:
            return "regressed"
        if any(metric.holds_back for metric in self.metrics):
            return "inconclusive"
        return "improved" if "improved" in found else "same"

    @property
    def exit_code(self) -> int:
        """0 fine, 1 regression, 3 nothing measured or invalid, 4 inconclusive."""
        return EXIT_CODES[self.verdict]

    @property
    def decided(self) -> Mapping[str, Verdict]:
        """By metric: the verdicts, for the next look."""
        return {metric.name: metric.verdict for metric in self.metrics}


Sides = tuple[Sequence[Record], Sequence[Record]]
"""Runs of base and of head."""


def judge_by_looks(
    runs_until: Callable[[int, Mapping[str, Verdict]], Sides], looks: Looks, rules: Rules
) -> GateJudgement:
    """Judge look by look until all is decided, or the last look is over.

    Args:
        runs_until: from a number of rounds, and the verdicts so far by metric, to all runs up to
            there; what is decided needs no more of them.
        looks: when, and at which levels.
        rules: tolerances and noise.
    """
    judgement = GateJudgement()
    for rounds, level in zip(looks.rounds, looks.levels, strict=True):
        base, head = runs_until(rounds, judgement.decided)
        rules = replace(rules, level=level)
        judgement = judge_gate(base, head, rules, earlier=judgement.decided)
        if all(verdict in DECIDED for verdict in judgement.decided.values()):
            break
    return judgement


def judge_gate(
    base: Sequence[Record], head: Sequence[Record], rules: Rules, *,
    earlier: Mapping[str, Verdict] | None = None,
) -> GateJudgement:  # fmt: skip
    """Judge head's runs against base's.

    Cells are paired by what they ask for, runs by their round. Answers come first: where
    head's differ from base's there is no time to speak of.

    Args:
        base: records of the version that is the reference; probes are left out.
        head: records of the version that is judged.
        rules: tolerances, level and noise.
        earlier: verdicts of earlier looks at the same gate, by metric.
    """
    of_base, of_head = by_cell(base), by_cell(head)
    pairing = pair_cells([cell for cell, _ in of_base], [cell for cell, _ in of_head])
    hosts = sorted({record.host_class for record in (*base, *head)})
    faults = [f"{of_base[at][0].title} is missing in head." for at in pairing.missing]
    faults += pairing.problems
    pairs = [(of_base[b][1], of_head[h][1]) for b, h in pairing.pairs]
    if len(hosts) > 1:
        faults.append(f"Different machines are never compared: {'; '.join(hosts)}.")
        pairs = []
    elif not pairs:
        faults.append("Base and head have nothing in common that could be compared.")
    metrics = [
        measured_metric(*pair, rules=rules, search=title)
        for pair, title in zip(pairs, search_titles([runs[0] for _, runs in pairs]), strict=True)
    ]
    sound = [pair for metric, pair in zip(metrics, pairs, strict=True) if metric.times]
    timed = [metric.times for metric in metrics if metric.times and not metric.reason]
    verdicts = judge(timed, level=rules.level, earlier=earlier)
    return GateJudgement(
        metrics=tuple(
            with_speed_up(
                replace(metric, verdict=verdicts.get(metric.name, metric.verdict)), pair, sound
            )
            for metric, pair in zip(metrics, pairs, strict=True)
        ),
        faults=tuple(faults),
        notes=tuple(f"{of_head[at][0].title} is new in head." for at in pairing.new),
        host_class=hosts[0] if len(hosts) == 1 else None,
    )
