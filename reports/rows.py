"""One system on one search: what its rounds say together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from reports import labels
from reports.agreement import Agreement, AgreementStatus
from reports.published import published_phases_s, published_s
from reports.records import Record
from reports.statistics import Ratio, median, paired_ratio


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One system on one search; medians over its measured rounds, None where unknown."""

    label: str
    system: str
    variant: str
    is_base: bool
    status: str
    """``ok`` if any round was measured, else the last round's status, or ``missing``."""
    reason: str | None
    """Why rounds were not measured; None if all were."""
    rounds: int
    """Measured rounds."""
    attempts: int
    """All rounds, whatever their status."""
    went_wrong: int
    """Of them, those that were neither measured nor skipped."""
    wall_s: float | None
    speed_up: Ratio | None
    """time(Base) / time(system), paired by round; None unless the answers agree."""
    over_strong: Ratio | None
    """The same over the strong Base, which decodes once and loads ahead."""
    published: float | None
    """The paper's speed-up over Base, of what this search stands for; None where it has none."""
    published_s: float | None
    """The paper's seconds, of what this search stands for; None where it has none."""
    published_phases_s: Mapping[str, float]
    """The same by phase, empty where it shows no split."""
    remark: str | None
    """Why there is no speed-up, in a few words."""
    phases_s: Mapping[str, float]
    """Exclusive seconds by phase; ``other`` is what no phase accounts for."""
    operation_ratio: float | None
    time_bound_s: float | None
    efficiency: float | None
    train_items: int | None
    """That the last round's heads were trained on; None where nothing was answered."""
    counts: Mapping[str, float]
    agreement: AgreementStatus
    code: str | None

    @property
    def shares(self) -> dict[str, float]:
        """The phases as shares of their sum."""
        total = sum(self.phases_s.values())
        return {phase: time_s / total for phase, time_s in self.phases_s.items()} if total else {}

    @property
    def outcome(self) -> str:
        """What a person wants to know first: the speed-up, or why there is none."""
        if self.status != "ok":
            return labels.STATUS_LABELS.get(self.status, self.status)
        if self.speed_up is not None and self.is_base:
            return "1×"
        if self.speed_up is not None:
            return labels.ratio(self.speed_up.value)
        return self.remark or labels.UNKNOWN

    def why_absent(self, otherwise: str) -> str:
        """Why a figure has no mark for it; ``otherwise`` if it was measured and may be compared."""
        if self.agreement == "differ":
            return "answers differ"
        return self.outcome if self.status != "ok" else otherwise


def row_order(row: Row) -> tuple[object, ...]:
    """Sorts systems into their fixed order; of each, first the one with its own options."""
    return (*system_place(row), row.variant)


def system_place(one: Row | Record) -> tuple[int, str, bool, str]:
    """Where a system stands among others: Base first."""
    order = labels.SYSTEM_ORDER
    place = order.index(one.system) if one.system in order else len(order)
    return (place, one.system, "+" in one.label, one.label)


def measured_row(runs: Sequence[Record], *, group: Sequence[Record], agreement: Agreement) -> Row:
    """The rounds of one system, ``runs``, related to Base's of the same search, ``group``."""
    base = [record for record in group if record.is_base]
    strong = [record for record in group if record.is_strong_base]
    ok = [run for run in runs if run.ok]
    last = runs[-1]
    answers = agreement.by_variant.get(last.variant, "unchecked")
    speed_up, remark = _speed_up(ok, base=base, answers=answers) if ok else (None, None)
    over_strong, _ = _speed_up(ok, base=strong, answers=answers) if ok else (None, None)
    return Row(
        label=last.label,
        system=last.system,
        variant=last.variant,
        is_base=last.is_base,
        status="ok" if ok else last.status,
        reason=_reason(runs),
        rounds=len(ok),
        attempts=len(runs),
        went_wrong=sum(run.status not in ("ok", "skipped") for run in runs),
        wall_s=median([run.wall_s for run in ok if run.wall_s is not None]),
        speed_up=speed_up,
        over_strong=None if last.system == "baseline" else over_strong,
        published=_published(last),
        published_s=published_s(last),
        published_phases_s=published_phases_s(last),
        remark=remark,
        phases_s=_phases(ok),
        operation_ratio=_median(ok, lambda run: run.operation_ratio),
        time_bound_s=_median(ok, lambda run: run.time_bound_s),
        efficiency=_median(ok, lambda run: run.efficiency),
        train_items=_train_items(ok),
        counts=_counts(ok),
        agreement=answers,
        code=last.code,
    )


def _train_items(ok: Sequence[Record]) -> int | None:
    seen = [each.train_items for run in ok if run.answer for each in run.answer.models.values()]
    return max((items for items in seen if items is not None), default=None)


def missing_row(record: Record) -> Row:
    """A row for a system that was measured elsewhere, in ``record``, and not here."""
    return Row(
        label=record.label, system=record.system, variant=record.variant, is_base=record.is_base,
        status="missing", reason="there is no record of it", rounds=0, attempts=0, went_wrong=0,
        wall_s=None, speed_up=None, over_strong=None, published=None, published_s=None,
        published_phases_s={}, remark=None, phases_s={},
        operation_ratio=None, time_bound_s=None, efficiency=None, train_items=None,
        counts={},
        agreement="unchecked", code=None,
    )  # fmt: skip


def _speed_up(
    ok: Sequence[Record], *, base: Sequence[Record], answers: AgreementStatus
) -> tuple[Ratio | None, str | None]:
    """The speed-up over Base, or None and the reason."""
    if answers == "differ":
        return None, "differs: no speed-up"
    if ok[0].is_base:
        return Ratio(value=1.0, low=None, high=None, rounds=len(ok)), None
    base_s = {run.round: run.wall_s for run in base if run.wall_s is not None}
    if not base_s:
        return None, "no Base to compare with"
    if answers == "unchecked":
        return None, "answers unchecked: no speed-up"
    pairs = [
        (base_s[run.round], run.wall_s)
        for run in ok
        if run.round in base_s and run.wall_s is not None
    ]
    if not pairs:
        return None, "no round in common with Base"
    return paired_ratio([pair[0] for pair in pairs], [pair[1] for pair in pairs]), None


def _published(run: Record) -> float | None:
    base_s = published_s(replace(run, spec={**run.spec, "system": "baseline"}))
    own_s = published_s(run)
    return base_s / own_s if base_s and own_s else None


def _reason(runs: Sequence[Record]) -> str | None:
    failed = [run for run in runs if not run.ok]
    if not failed:
        return None
    last = failed[-1]
    text = last.reason or "no reason was recorded"
    if len(failed) == len(runs):
        return text
    status = labels.STATUS_LABELS[last.status]
    return f"{len(failed)} of {labels.rounds(len(runs))} not measured ({status}: {text})"


def _phases(ok: Sequence[Record]) -> dict[str, float]:
    """Median seconds per phase, and of the rest of the wall time, in the fixed order."""
    per_run = []
    for run in ok:
        assert run.wall_s is not None  # a measured run has a time
        rest_s = max(0.0, run.wall_s - sum(run.phases_s.values()))
        per_run.append({**run.phases_s, "other": rest_s})
    names = [*labels.PHASES, *sorted({n for run in per_run for n in run} - set(labels.PHASES))]
    found = {name: median([run.get(name, 0.0) for run in per_run]) or 0.0 for name in names}
    return {name: time_s for name, time_s in found.items() if time_s > 0}


def _counts(ok: Sequence[Record]) -> dict[str, float]:
    names = sorted({name for run in ok for name in run.counts})
    found = {name: median([run.counts[name] for run in ok if name in run.counts]) for name in names}
    return {name: value for name, value in found.items() if value is not None}


def _median(runs: Iterable[Record], value: Callable[[Record], float | None]) -> float | None:
    return median([number for run in runs if (number := value(run)) is not None])
