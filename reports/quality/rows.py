"""Searches held against the truth: a row per system and scorer, and references beside them."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from reports import labels
from reports.amortisation import Amortisation, IngestCost, amortisation
from reports.quality.measures import TOP, grades, kendall_tau, regret, top_k_recall
from reports.records import Record
from reports.statistics import median


@dataclass(frozen=True, kw_only=True, slots=True)
class Truth:
    """What fine-tuning every candidate has shown."""

    accuracy: Mapping[str, float]
    """By model id, from 0 to 1; the mean over repeats."""
    fine_tuning_s: float
    """To fine-tune every candidate once, one after the other."""
    items: int
    """That the accuracies rest on."""
    evaluated_on: str
    """``held_out`` items that no search and no training has seen, or the search's ``test``."""
    repeats: int
    first_models: frozenset[str]
    """The base models of the sets, from which all others descend."""
    model_bytes: Mapping[str, int]
    ingest: IngestCost | None


@dataclass(frozen=True, kw_only=True, slots=True)
class QualityRow:
    """One system with one scorer, or a reference without a search."""

    label: str
    is_reference: bool
    wall_s: float | None
    """Median time; of fine-tuning all models: its time; None for what takes none."""
    rounds: int
    winner: str | None
    accuracy: float | None
    """The true one of the winner; the mean of those that share its place."""
    regret: float
    tau: float | None
    recall: Mapping[int, float | None]
    """By k."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchQuality:
    """All systems and scorers on one set of models and data."""

    title: str
    common_title: str
    """What it has in common with all other searches."""
    panel_title: str
    """What sets it apart from them."""
    spec: Mapping[str, object]
    truth: Truth
    rows: tuple[QualityRow, ...]
    amortisations: tuple[Amortisation, ...]
    """One per system, with the scorer that comes first."""

    @property
    def best(self) -> str:
        """The model that is truly the best."""
        return _best(self.truth)

    @property
    def spread(self) -> float:
        """Between the best and the worst candidate: what there is to win."""
        return max(self.truth.accuracy.values()) - min(self.truth.accuracy.values())


def judge(records: Sequence[Record], truths: Mapping[str, Truth]) -> tuple[SearchQuality, ...]:
    """Hold the answers of ``records`` against the truth, by identity of their runs.

    Searches that differ in their scorer only stand together. Records without an answer, or
    whose truth is not known, are left out.
    """
    groups: dict[str, list[Record]] = {}
    for record in records:
        if record.ok and record.answer is not None and record.identity in truths:
            groups.setdefault(_models_and_data(record), []).append(record)
    ordered = list(groups.values())
    specs = [{k: v for k, v in group[0].spec.items() if k not in _APART} for group in ordered]
    common, particular = labels.title_parts(specs) if specs else ((), [])
    return tuple(
        _judged(group, truths, titles=(" · ".join(common), " · ".join(particular[at])))
        for at, group in enumerate(ordered)
    )


_WITHOUT_BLOCKS = ("baseline", "shift")
"""Systems that would do as well with whole checkpoints: they need no store of blocks."""
_APART = ("system", "options", "scorer")


def _models_and_data(record: Record) -> str:
    spec = {name: value for name, value in record.spec.items() if name not in _APART}
    return json.dumps([record.scenario, record.scale, record.host_class, spec], sort_keys=True)


def _judged(
    group: Sequence[Record], truths: Mapping[str, Truth], *, titles: tuple[str, str]
) -> SearchQuality:
    truth = truths[group[0].identity]
    scorers = sorted({str(record.spec.get("scorer")) for record in group})
    runs: dict[tuple[str, str], list[Record]] = {}
    for record in group:
        runs.setdefault((record.variant, str(record.spec.get("scorer"))), []).append(record)
    in_order = sorted(runs.values(), key=_order)
    rows = [_row(each, truth, tells_scorer=len(scorers) > 1) for each in in_order]
    first = [each for each in in_order if each[0].spec.get("scorer") == group[0].spec.get("scorer")]
    title = labels.search_title(group[0].spec)
    return SearchQuality(
        title=title,
        common_title=titles[0],
        panel_title=titles[1],
        spec=group[0].spec,
        truth=truth,
        rows=(*rows, *_references(truth)),
        amortisations=_amortisations(first, truth),
    )


def _order(runs: Sequence[Record]) -> tuple[object, ...]:
    known = labels.SYSTEM_ORDER
    system = runs[0].system
    place = known.index(system) if system in known else len(known)
    return (place, not runs[0].is_base, runs[0].label, str(runs[0].spec.get("scorer")))


def _row(runs: Sequence[Record], truth: Truth, *, tells_scorer: bool) -> QualityRow:
    answer = runs[-1].answer
    assert answer is not None  # judge() takes only records that have one
    found = grades(
        {
            model: (each.round or 0, each.score if each.score is not None else -1.0)
            for model, each in answer.models.items()
        }
    )
    tied = answer.tied or frozenset({answer.winner or ""})
    lost = regret(tied, truth.accuracy)
    scorer = f" · {runs[0].spec.get('scorer')}" if tells_scorer else ""
    return QualityRow(
        label=f"{runs[0].label}{scorer}",
        is_reference=False,
        wall_s=median([run.wall_s for run in runs if run.wall_s is not None]),
        rounds=len(runs),
        winner=answer.winner,
        accuracy=max(truth.accuracy.values()) - lost,
        regret=lost,
        tau=kendall_tau(found, truth.accuracy),
        recall={k: top_k_recall(found, truth.accuracy, k=k) for k in TOP},
    )


def _references(truth: Truth) -> list[QualityRow]:
    """What one would get without a search, and by trying everything."""
    best = max(truth.accuracy.values())
    largest = max(truth.model_bytes.values())
    chosen: list[tuple[str, Collection[str]]] = [("a model at random", truth.accuracy.keys())]
    if truth.first_models:
        chosen.append(("the set's base model", truth.first_models))
    big = [model for model, size in truth.model_bytes.items() if size == largest]
    if len(big) < len(truth.accuracy):
        chosen.append(("the largest model", big))
    chosen.append(("fine-tuning every model", [_best(truth)]))
    at_random = dict.fromkeys(truth.accuracy, 1.0)
    rows = []
    for place, (label, models) in enumerate(chosen):
        lost = regret(models, truth.accuracy)
        rows.append(
            QualityRow(
                label=label,
                is_reference=True,
                wall_s=truth.fine_tuning_s if label.startswith("fine-tuning") else None,
                rounds=0,
                winner=next(iter(models)) if len(models) == 1 else None,
                accuracy=best - lost,
                regret=lost,
                tau=None,
                recall={
                    k: top_k_recall(at_random, truth.accuracy, k=k) if place == 0 else None
                    for k in TOP
                },
            )
        )
    return rows


def _best(truth: Truth) -> str:
    """The model that is truly the best; of equally good ones the first by name."""
    return max(sorted(truth.accuracy), key=lambda model: truth.accuracy[model])


def _amortisations(runs: Sequence[Sequence[Record]], truth: Truth) -> tuple[Amortisation, ...]:
    if truth.ingest is None:
        return ()
    wall_s = [median([run.wall_s for run in each if run.wall_s is not None]) for each in runs]
    base_s = next((s for each, s in zip(runs, wall_s, strict=True) if each[0].is_base), None)
    strong_s = next(
        (s for each, s in zip(runs, wall_s, strict=True) if each[0].is_strong_base), None
    )
    return tuple(
        amortisation(
            each[0].label,
            seconds,
            cost=truth.ingest,
            base_s=base_s,
            strong_s=strong_s,
            tuning_s=sum(
                median([run.phases_s.get(phase, 0.0) for run in each]) or 0.0
                for phase in ("tune", "plan")
            ),
        )
        for each, seconds in zip(runs, wall_s, strict=True)
        if seconds is not None and each[0].system not in _WITHOUT_BLOCKS
    )
