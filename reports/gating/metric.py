"""The time of one system on one search, in two versions of the code."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from reports import labels
from reports.gating.verdict import PairedTimes, Verdict
from reports.records import Record
from reports.sides import difference, is_interleaved, pairs_by_round, seconds_of
from reports.statistics import CLAIM_ROUNDS, Ratio, median, paired_ratio

TOLERANCE = 0.05
"""Relative change of a time that is let pass, unless told otherwise."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """By what a gate judges."""

    tolerance: float | None = None
    """For all systems; None leaves it to the scenarios."""
    by_system: Mapping[str, float] = field(default_factory=dict)
    """Other tolerances, by a system's name in scenarios, or its label."""
    by_scenario: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """What scenarios say: by their names and systems'; ``TOLERANCE`` where they say nothing."""
    level: float = 0.01
    """Of the tests at this look; see ``reports.gating.looks``."""
    noise: Callable[[str, str], float | None] = lambda *_: None
    """From a specification's identity and a class of machines to its own spread of a pair."""
    across_jobs: bool = False
    """Whether to judge times that were not measured side by side."""

    def tolerance_of(self, record: Record) -> float:
        """The relative change that is let pass for a record's system."""
        for name in (record.label, record.system):
            if name in self.by_system:
                return self.by_system[name]
        if self.tolerance is not None:
            return self.tolerance
        return self.by_scenario.get(record.scenario, {}).get(record.system, TOLERANCE)


def metric_name(scenario: str, scale: str | None, identity: str) -> str:
    """What tells a metric from all others: scenarios may have specifications in common."""
    return f"{scenario}@{scale or ''}:{identity}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric:
    """The time of one system on one search: head's against base's."""

    name: str
    """See ``metric_name``."""
    identity: str
    """Of head's specification."""
    label: str
    search: str
    """The search in one line."""
    is_base_system: bool
    """Whether the system is Base, the reference of speed-ups (not the gate's base)."""
    base_s: float | None
    head_s: float | None
    """Medians over the pairs."""
    times: PairedTimes | None
    """None where no pair was measured."""
    tolerance: float
    verdict: Verdict
    reason: str | None
    """Why there is no better verdict; None where the numbers say it."""
    phases_s: Mapping[str, tuple[float, float]]
    """Median exclusive seconds by phase, of base and of head."""
    speed_up: tuple[float, float] | None = None
    """Over Base, in base and in head; None for Base, and where it was not measured."""
    speed_up_ratio: Ratio | None = None
    """Head's speed-up over base's, paired by round. Shown; nothing is judged by it."""

    @property
    def holds_back(self) -> bool:
        """Whether a regression beyond the tolerance has neither been shown nor ruled out."""
        is_ruled_out = self.times is not None and self.times.excludes_regression
        return self.verdict == "inconclusive" and (self.reason is not None or not is_ruled_out)


def measured_metric(
    base: Sequence[Record], head: Sequence[Record], *, rules: Rules, search: str
) -> Metric:
    """The metric of a cell's runs in base and in head, not judged yet.

    Args:
        base: the cell's rounds in base.
        head: the same in head.
        rules: tolerances and noise.
        search: the search in one line, for people.
    """
    last = head[-1]
    name = metric_name(last.scenario, last.scale, last.identity)
    fault = _not_measured(base, head) or difference(base, head, names=("base", "head"))
    pairs = [] if fault else pairs_by_round(base, head)  # no times that anybody could quote
    tolerance = rules.tolerance_of(last)
    times = None
    if pairs:
        times = PairedTimes(
            name=name,
            ratios=tuple(seconds_of(after) / seconds_of(before) for before, after in pairs),
            tolerance=tolerance,
            noise=rules.noise(last.identity, last.host_class),
        )
    return Metric(
        name=name,
        identity=last.identity,
        label=last.label,
        search=search,
        is_base_system=last.is_base,
        base_s=median([seconds_of(before) for before, _ in pairs]),
        head_s=median([seconds_of(after) for _, after in pairs]),
        times=times,
        tolerance=tolerance,
        verdict="invalid" if fault else "inconclusive",
        reason=fault or _doubt(pairs, across_jobs=rules.across_jobs),
        phases_s=_phases(pairs),
    )


def _not_measured(base: Sequence[Record], head: Sequence[Record]) -> str | None:
    """Why there is nothing to judge: a side that went wrong, or never in the same round."""
    for side, runs in (("base", base), ("head", head)):
        broken = [run for run in runs if run.status not in ("ok", "invalid")]
        if broken:
            return f"{side}: {broken[-1].status}. {broken[-1].reason or ''}".strip()
    for flag in (flag for run in (*base, *head) for flag in run.flags or ()):
        if flag.name == "memory_limit_weaker":
            return (
                f"{flag.sentence} Times under a limit that may not have held are not judged: "
                "'alsatian-bench doctor' says what this machine needs to enforce it."
            )
    if pairs_by_round(base, head):
        return None
    disturbed = [run for run in (*base, *head) if run.status == "invalid"]
    if disturbed:
        return f"No valid pair of runs. {disturbed[-1].reason or ''}".strip()
    return "Base and head have no round in common."


def _doubt(pairs: Sequence[tuple[Record, Record]], *, across_jobs: bool) -> str | None:
    """Why measured pairs are not to be judged."""
    if not across_jobs and len(pairs) > 1 and not is_interleaved(pairs):
        return (
            "Base and head were not measured side by side, so that drift of the machine counts as "
            "a change; --across-jobs judges nevertheless."
        )
    if len(pairs) < CLAIM_ROUNDS:
        return f"Measured in {labels.rounds(len(pairs))}; a verdict takes {CLAIM_ROUNDS}."
    return None


def _phases(pairs: Sequence[tuple[Record, Record]]) -> dict[str, tuple[float, float]]:
    found = {name for pair in pairs for run in pair for name in run.phases_s}
    return {
        name: (
            median([before.phases_s.get(name, 0.0) for before, _ in pairs]) or 0.0,
            median([after.phases_s.get(name, 0.0) for _, after in pairs]) or 0.0,
        )
        for name in [*(n for n in labels.PHASES if n in found), *sorted(found - set(labels.PHASES))]
    }


def with_speed_up(
    metric: Metric,
    pair: tuple[list[Record], list[Record]],
    pairs: Sequence[tuple[list[Record], list[Record]]],
) -> Metric:
    """The metric with the speed-ups over Base of both sides.

    ``pairs`` are the runs of all valid metrics; where Base is not among them nothing changes.
    """
    of_base_system = next(
        (
            other
            for other in pairs
            if other[1][0].is_base and other[1][0].search == pair[1][0].search
        ),
        None,
    )
    if metric.is_base_system or metric.verdict == "invalid" or of_base_system is None:
        return metric
    own = {after.round: (before, after) for before, after in pairs_by_round(*pair)}
    ups = [
        (
            seconds_of(before) / seconds_of(own[before.round][0]),
            seconds_of(after) / seconds_of(own[before.round][1]),
        )
        for before, after in pairs_by_round(*of_base_system)
        if before.round in own
    ]
    if not ups:
        return metric
    of_base, of_head = [up[0] for up in ups], [up[1] for up in ups]
    medians = (median(of_base) or 0.0, median(of_head) or 0.0)
    return replace(metric, speed_up=medians, speed_up_ratio=paired_ratio(of_head, of_base))
