"""What a reduced precision changes: answers and times beside those of fp32."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from reports import labels
from reports.agreement import sketch_distance
from reports.records import Answer, Record
from reports.statistics import Ratio, kendall_tau, paired_ratio

FULL = "fp32"
"""What the others are held against."""

HEADS = ("precision", "system", "features", "scores", "ranking", "winner", "faster", "interval")
LEGEND = (
    "features: largest difference of two sketches, as a share of their size · scores: largest "
    "difference, in test items, of models scored on equally many train items · ranking: Kendall's "
    "τ-b · winner: whether a best model is the same · faster: time(fp32)/time(precision)"
)
"""What the columns mean."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PrecisionRow:
    """One system on one search in a reduced precision, beside itself in fp32.

    None is "unknown", or that made-up data give it no meaning.
    """

    search: str
    """Title of the search."""
    precision: str
    label: str
    """The system's."""
    sketch_difference: float | None
    """Largest difference of two feature sketches, as a share of the larger one's largest
    number, over all (model, segment) that both have seen."""
    score_difference_items: float | None
    """Largest difference of two scores, in test items, over the models that were scored on
    equally many train items."""
    tau: float | None
    """Kendall's τ-b of the two rankings: 1 for equal ones, −1 for opposite ones."""
    same_winner: bool | None
    """Whether a model shares the first place in both."""
    faster: Ratio | None
    """time(fp32) / time(reduced), paired by round."""


def cells(row: PrecisionRow) -> list[str]:
    """The texts of one line, in the order of ``HEADS``."""
    winner = {True: "the same", False: "another", None: labels.UNKNOWN}[row.same_winner]
    faster = row.faster
    return [
        row.precision,
        row.label,
        _number(row.sketch_difference, ".1e"),
        _number(row.score_difference_items, ".3g"),
        _number(row.tau, ".3f"),
        winner,
        labels.ratio(faster.value if faster else None),
        labels.interval(faster.low, faster.high) if faster else "",
    ]


def write_csv(rows: Sequence[PrecisionRow], path: Path) -> None:
    """Write one line per row to ``path``; what is unknown is empty."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        names = list(_line(rows[0])) if rows else []
        writer.writerow(names)
        writer.writerows(list(_line(row).values()) for row in rows)


def _line(row: PrecisionRow) -> dict[str, object]:
    values = asdict(row)
    del values["faster"]
    parts = asdict(row.faster) if row.faster else dict.fromkeys(("value", "low", "high", "rounds"))
    return values | {f"faster_{name}": value for name, value in parts.items()}


def _number(value: float | None, form: str) -> str:
    return labels.UNKNOWN if value is None else format(value, form)


def compare_precisions(records: Sequence[Record]) -> tuple[PrecisionRow, ...]:
    """A row for each (search, system, reduced precision) that was measured in fp32 as well.

    Searches belong together that differ in ``precision`` and nothing else. Answers are those
    of the first round that was measured; the other rounds of a run answer alike.
    """
    runs: dict[tuple[str, str], dict[str, list[Record]]] = {}
    for record in sorted(records, key=lambda record: record.round):
        if record.ok and record.answer is not None:
            same = runs.setdefault((_search(record), record.variant), {})
            same.setdefault(_precision(record), []).append(record)
    rows = []
    for by_precision in runs.values():
        for precision, reduced in by_precision.items():
            if precision != FULL and FULL in by_precision:
                rows.append(_row(by_precision[FULL], reduced, precision=precision))
    return tuple(rows)


def _row(full: Sequence[Record], reduced: Sequence[Record], *, precision: str) -> PrecisionRow:
    a, b = full[0].answer, reduced[0].answer
    assert a is not None  # only runs with an answer are compared
    assert b is not None
    facts = reduced[0].dataset
    scores_mean_something = not (facts and facts.timing_only)
    test_items = facts.test_items if facts else None
    full_s = {run.round: run.wall_s for run in full if run.wall_s is not None}
    pairs = [
        (full_s[run.round], run.wall_s)
        for run in reduced
        if run.round in full_s and run.wall_s is not None
    ]
    return PrecisionRow(
        search=labels.search_title(reduced[0].spec),
        precision=precision,
        label=reduced[0].label,
        sketch_difference=_sketch_difference(a, b),
        score_difference_items=_score_difference_items(a, b, test_items=test_items)
        if scores_mean_something
        else None,
        tau=_tau(a, b) if scores_mean_something else None,
        same_winner=bool(a.tied & b.tied) if scores_mean_something and a.tied and b.tied else None,
        faster=paired_ratio([f for f, _ in pairs], [r for _, r in pairs]) if pairs else None,
    )


def _sketch_difference(a: Answer, b: Answer) -> float | None:
    return max(
        (
            sketch_distance(segment.sketch, other.sketch)
            for model in a.models.keys() & b.models.keys()
            for name, segment in a.models[model].segments.items()
            if (other := b.models[model].segments.get(name)) is not None
            and segment.sketch
            and other.sketch
            and segment.items == other.items
        ),
        default=None,
    )


def _score_difference_items(a: Answer, b: Answer, *, test_items: int | None) -> float | None:
    if not test_items:
        return None
    differences = [
        abs(one.score - other.score)
        for model, one in a.models.items()
        if (other := b.models.get(model)) is not None
        and one.train_items is not None
        and one.train_items == other.train_items
        and one.score is not None
        and other.score is not None
    ]
    return max(differences) * test_items if differences else None


def _tau(a: Answer, b: Answer) -> float | None:
    common = sorted(a.models.keys() & b.models.keys())
    return kendall_tau(_places(a, common), _places(b, common))


def _places(answer: Answer, models: Sequence[str]) -> list[int]:
    """Each model's place from the worst, 0, on; equal for models of equal round and score."""
    ranks = {
        model: (answer.models[model].round or 0, answer.models[model].score or 0.0)
        for model in models
    }
    order = {rank: place for place, rank in enumerate(sorted(set(ranks.values())))}
    return [order[ranks[model]] for model in models]


def _search(record: Record) -> str:
    """Everything but system and precision, as canonical JSON."""
    left_out = ("system", "options", "precision")
    request: Mapping[str, object] = {k: v for k, v in record.spec.items() if k not in left_out}
    return json.dumps(
        [record.scenario, record.scale, record.host_class, request], sort_keys=True, default=str
    )


def _precision(record: Record) -> str:
    return str(record.spec.get("precision") or FULL)
