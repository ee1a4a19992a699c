"""A/A: how much two runs of the same specification differ on one machine.

In an A/A measurement each specification is run twice per round, one run right after the other
as the two sides of a gate are, and taken in reversed order every other round. What the ratios of
these pairs scatter is what no gate on that machine can see through.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

from reports.records import Record
from reports.statistics import Ratio, median, paired_ratio, smallest_shown


@dataclass(frozen=True, kw_only=True, slots=True)
class NoiseFloor:
    """The noise of one specification on one class of machines."""

    host_class: str
    identity: str
    """Of the specification."""
    label: str
    code: str
    """Fingerprint of the code that was measured."""
    measured_at: str
    """When its last run started (ISO 8601, UTC)."""
    ratios: tuple[float, ...]
    """time(second A) / time(first A), one per round; 1 where nothing is noise."""
    median_s: float
    """Median time of the runs: noise of short searches says nothing of long ones."""

    @property
    def rounds(self) -> int:
        """The number of pairs."""
        return len(self.ratios)

    @property
    def ratio(self) -> Ratio:
        """Of A over A with its interval; an honest instrument's holds 1."""
        return paired_ratio(self.ratios, [1.0] * self.rounds)

    @property
    def sigma_log(self) -> float | None:
        """Root mean square of the pairs' log-ratios; None with fewer than two rounds.

        Around 0, where they would all lie without noise, and not around their mean: what
        favours one of two equal runs is noise too.
        """
        if self.rounds < 2:
            return None
        return math.sqrt(math.fsum(math.log(ratio) ** 2 for ratio in self.ratios) / self.rounds)

    @property
    def largest(self) -> float:
        """The largest difference of any pair, as a ratio of at least 1."""
        return max(max(ratio, 1 / ratio) for ratio in self.ratios)

    @property
    def is_biased(self) -> bool:
        """Whether A differs from A: something between the runs of a round is not the same.

        So it looks, by chance, in one measurement of twenty; repeat it before believing it.
        """
        return self.ratio.excludes_one

    def smallest_shown(self, rounds: int) -> float | None:
        """The smallest slow-down that so many rounds are nearly sure to show here."""
        return None if self.sigma_log is None else smallest_shown(self.sigma_log, rounds)

    def as_json(self) -> dict[str, object]:
        """All of it in plain JSON types."""
        return asdict(self) | {"ratios": list(self.ratios)}

    @classmethod
    def from_json(cls, values: Mapping[str, object]) -> NoiseFloor:
        """What ``as_json`` gave."""
        ratios = values["ratios"]
        assert isinstance(ratios, list)
        return cls(**{**values, "ratios": tuple(ratios)})  # type: ignore[arg-type]


def noise_floors(records: Iterable[Record]) -> tuple[NoiseFloor, ...]:
    """The noise floors that A/A records show, in order of label and identity.

    Rounds 2i and 2i + 1 of one specification are a pair; a pair of which one run was not
    measured is left out. The later run is the second A in even pairs and the first in odd
    ones, as with two systems.
    """
    groups: dict[tuple[str, str, str], dict[int, Record]] = defaultdict(dict)
    for record in records:
        if record.ok:
            groups[record.host_class, record.identity, record.code][record.round] = record
    floors = (_floor(runs) for runs in groups.values())
    return tuple(
        sorted(filter(None, floors), key=lambda floor: (floor.label, floor.identity, floor.code))
    )


def _floor(runs: Mapping[int, Record]) -> NoiseFloor | None:
    pairs = [(runs[n], runs[n + 1]) for n in sorted(runs) if n % 2 == 0 and n + 1 in runs]
    if not pairs:
        return None
    ratios = []
    for earlier, later in pairs:
        is_even = earlier.round // 2 % 2 == 0
        second, first = (later, earlier) if is_even else (earlier, later)
        ratios.append(_seconds(second) / _seconds(first))
    middle = median([_seconds(run) for pair in pairs for run in pair])
    assert middle is not None
    last = max((run for pair in pairs for run in pair), key=lambda run: run.started_at)
    return NoiseFloor(
        host_class=last.host_class,
        identity=last.identity,
        label=last.label,
        code=last.code,
        measured_at=last.started_at,
        ratios=tuple(ratios),
        median_s=middle,
    )


def _seconds(record: Record) -> float:
    assert record.wall_s is not None  # what ok records have
    return record.wall_s


def describe(floor: NoiseFloor, *, rounds: int) -> str:
    """The floor in a sentence for a person who plans a comparison of so many rounds."""
    if floor.sigma_log is None or floor.ratio.low is None or floor.ratio.high is None:
        return f"{floor.label}: one pair shows no spread; measure more rounds."
    text = (
        f"{floor.label}: A/A ratio {floor.ratio.value:.3f} (95% interval {floor.ratio.low:.3f}–"
        f"{floor.ratio.high:.3f}, {floor.rounds} rounds), spread of a pair {floor.sigma_log:.1%}; "
        f"{rounds} rounds show slow-downs from {floor.smallest_shown(rounds):.3f}×."
    )
    if floor.is_biased:
        text += " A differs from A: repeat; if it stays, something changes between the runs."
    return text
