"""Invariant 1: same answer or no speed-up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from reports.records import Answer, Record, Segment

SKETCH_TOLERANCE = 1e-4
"""Largest difference of two sketches, as a share of the larger one's largest number."""

AgreementStatus = Literal["agree", "differ", "unchecked"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Agreement:
    """Whether the systems of one search gave the same answer."""

    status: AgreementStatus
    """``differ`` if any does, ``agree`` if all were compared, else ``unchecked``."""
    findings: tuple[str, ...]
    """One sentence per difference: systems, model, segment, both values."""
    notes: tuple[str, ...]
    """What is worth knowing and no fault, such as another winner by halving."""
    by_variant: Mapping[str, AgreementStatus]
    """The same per ``Record.variant``; only an ``agree`` may have a speed-up."""


def check_agreement(records: Sequence[Record]) -> Agreement:
    """Compare the answers of all measured runs of one search.

    Base and its variants see all items of all models, as do Joint and a SHiFT that chose the
    full search; everything else halves. Within each of the two families answers must be
    *equal*: digests of every common (model, segment) and scores on the CPU in full precision;
    elsewhere sketches within ``SKETCH_TOLERANCE`` and scores within one test item; rankings
    everywhere. Between the families sketches and the scores of models that were trained on the
    same items must be near in this sense. In reduced precision all systems cut the same batches.
    Another winner between the families is a note: halving may drop a model early that
    all items would have put first.

    A difference is charged to the system that was not the reference. Base is the reference,
    and among those that halve the first one that agrees with Base.
    """
    answered = [record for record in records if record.ok and record.answer is not None]
    variants: dict[str, list[Record]] = {}
    for record in sorted(answered, key=lambda r: (not r.is_base, r.round)):
        variants.setdefault(record.variant, []).append(record)
    base_like = [runs for runs in variants.values() if runs[0].is_full_search]
    halving = [runs for runs in variants.values() if not runs[0].is_full_search]

    outcome: dict[str, AgreementStatus] = {
        record.variant: "unchecked" for record in records if record.ok
    }
    findings: list[str] = []

    def judge(reference: list[Record], runs: list[Record], *, equal: bool) -> None:
        """Compare runs with the first run of the reference, and note what comes of it."""
        for run in runs:
            if run is reference[0]:
                continue
            comparison = _Comparison(reference[0], run, equal=equal)
            comparison.carry_out()
            findings.extend(comparison.findings)
            if comparison.findings:
                outcome[run.variant] = "differ"
            elif comparison.compared and run.variant != reference[0].variant:
                for variant in (run.variant, reference[0].variant):
                    if outcome[variant] == "unchecked":
                        outcome[variant] = "agree"

    for runs in base_like:
        judge(base_like[0], runs, equal=True)
    if base_like:
        for runs in halving:
            judge(base_like[0], runs, equal=False)
    sound = [runs for runs in halving if outcome[runs[0].variant] != "differ"]
    if halving:
        reference = (sound or halving)[0]
        for runs in (reference, *(other for other in halving if other is not reference)):
            judge(reference, runs, equal=True)

    if base_like and outcome[base_like[0][0].variant] == "differ":
        outcome = dict.fromkeys(outcome, "differ")  # nothing left to compare with
    status: AgreementStatus = "unchecked"
    if "differ" in outcome.values():
        status = "differ"
    elif outcome and set(outcome.values()) == {"agree"}:
        status = "agree"
    return Agreement(
        status=status,
        findings=tuple(dict.fromkeys(findings)),  # the same in every round: said once
        notes=_notes(base_like, halving),
        by_variant=outcome,
    )


class _Comparison:
    """One answer held against another."""

    def __init__(self, reference: Record, run: Record, *, equal: bool) -> None:
        assert reference.answer is not None  # callers take only records that have one
        assert run.answer is not None
        self.a: Answer = reference.answer
        self.b: Answer = run.answer
        self.same_family = equal
        one_machine = reference.host_class == run.host_class  # others may have other kernels
        self.exact = equal and one_machine and _is_exact(reference) and _is_exact(run)
        self.test_items = reference.dataset.test_items if reference.dataset else None
        self.labels = [reference.label, run.label]
        if reference.label == run.label:
            self.labels = [f"{r.label} (round {r.round + 1})" for r in (reference, run)]
        self.findings: list[str] = []
        self.compared = False
        """Whether the features of any (model, segment) could be compared."""

    def carry_out(self) -> None:
        """Fill ``findings``."""
        for model in sorted(self.a.models.keys() ^ self.b.models.keys()):
            side = self.labels[model not in self.a.models]
            self._find(f"model {model} was searched by {side} only")
        for model in sorted(self.a.models.keys() & self.b.models.keys()):
            self._compare_model(model)
        if self.same_family and self.a.ranking and self.b.ranking:
            self._compare_rankings()

    def _compare_model(self, model: str) -> None:
        a, b = self.a.models[model], self.b.models[model]
        for name in sorted(a.segments.keys() & b.segments.keys(), key=_natural):
            difference = self._difference(a.segments[name], b.segments[name])
            if difference:
                self._find(f"model {model}, {name}: {difference}")
        if a.train_items is None or a.train_items != b.train_items:
            return  # trained on different items: the scores are not comparable
        if a.score is None or b.score is None or a.score == b.score:
            return
        tolerance = 0.0 if self.exact or not self.test_items else 1 / self.test_items
        if not abs(a.score - b.score) <= tolerance * (1 + 1e-9):
            rule = "equal" if tolerance == 0 else "within one test item"
            self._find(f"model {model}: scores {a.score:.6g} and {b.score:.6g} are not {rule}")

    def _difference(self, a: Segment, b: Segment) -> str | None:
        if a.items != b.items:
            return f"features of {a.items} and {b.items} items"
        if a.digest is not None and a.digest == b.digest:
            self.compared = True
            return None
        if self.exact and a.digest is not None and b.digest is not None:
            self.compared = True
            return f"digests {a.digest[:12]}… and {b.digest[:12]}… are not equal" + _distance(a, b)
        if not a.sketch or not b.sketch:
            return None
        self.compared = True
        distance = sketch_distance(a.sketch, b.sketch)
        if distance <= SKETCH_TOLERANCE:
            return None
        return (
            f"sketches differ by {distance:.2g} of their size, more than {SKETCH_TOLERANCE:g} "
            f"(first numbers {a.sketch[0]:.6g} and {b.sketch[0]:.6g})"
        )

    def _compare_rankings(self) -> None:
        if self.a.ranking == self.b.ranking:
            return
        places = max(len(self.a.ranking), len(self.b.ranking))
        for place in range(places):
            a, b = (_at(ranking, place) for ranking in (self.a.ranking, self.b.ranking))
            if a != b:
                self._find(f"rankings: place {place + 1} is {a} and {b}")
                return

    def _find(self, what: str) -> None:
        self.findings.append(f"{' and '.join(self.labels)}: {what}.")


def sketch_distance(a: Sequence[float], b: Sequence[float]) -> float:
    """max|a − b| / max(|a|, |b|): 0 for equal sketches, infinite for incomparable ones.

    Sketches of different lengths, or with numbers that are not finite, are incomparable.
    """
    if len(a) != len(b):
        return float("inf")
    size = max((abs(value) for value in (*a, *b)), default=0.0)
    difference = max((abs(x - y) for x, y in zip(a, b, strict=True)), default=0.0)
    total = sum(abs(value) for value in (*a, *b))  # max() may pass over a NaN, a sum does not
    if not total < float("inf"):
        return float("inf")
    return difference / size if size else 0.0


def _is_exact(record: Record) -> bool:
    """Whether equal work gives equal bits: on the CPU, in full precision."""
    return str(record.spec.get("device")) == "cpu" and _precision(record) == "fp32"


def _precision(record: Record) -> str:
    return str(record.spec.get("precision") or "fp32")


def _distance(a: Segment, b: Segment) -> str:
    if not a.sketch or not b.sketch:
        return ""
    return f" (sketches differ by {sketch_distance(a.sketch, b.sketch):.2g} of their size)"


def _at(ranking: Sequence[str], place: int) -> str:
    return ranking[place] if place < len(ranking) else "nothing"


def _natural(name: str) -> tuple[str, int]:
    """``chunk_10`` after ``chunk_9``."""
    stem, _, number = name.rpartition("_")
    return (stem, int(number)) if number.isdigit() else (name, 0)


def _notes(base_like: Sequence[list[Record]], halving: Sequence[list[Record]]) -> tuple[str, ...]:
    """Where halving chose another winner than all items do, and what that costs."""
    if not base_like:
        return ()
    base = base_like[0][0]
    assert base.answer is not None
    best = base.answer.models.get(base.answer.winner or "")
    by_winner: dict[str, list[str]] = {}
    for runs in halving:
        answer = runs[0].answer
        assert answer is not None
        if answer.winner and not answer.tied & base.answer.tied:
            by_winner.setdefault(answer.winner, []).append(runs[0].label)
    notes = []
    for winner, labels in by_winner.items():
        chosen = base.answer.models.get(winner)
        scores = ""
        if best and chosen and best.score is not None and chosen.score is not None:
            scores = f" (accuracy {best.score:.3f} against {chosen.score:.3f} on all items)"
        notes.append(
            f"{', '.join(labels)}: the winner is {winner}, that of {base.label} is "
            f"{base.answer.winner}{scores}. Halving drops models after few items; this is no error."
        )
    return tuple(notes)
