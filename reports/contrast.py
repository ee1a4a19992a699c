"""Two sets of runs held against each other: two commits, two machines, two days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from reports import labels
from reports.comparison import compare
from reports.gate import search_titles
from reports.pairing import pair_cells
from reports.records import Record
from reports.rows import Row, system_place
from reports.sides import by_cell, difference, is_interleaved, pairs_by_round, seconds_of
from reports.statistics import CLAIM_ROUNDS, Ratio, median, paired_ratio, unpaired_ratio

How = Literal["paired", "unpaired", "not compared"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """One system on one search, in one of the two sets."""

    rounds: int
    """Measured ones."""
    wall_s: float | None
    """Median."""
    speed_up: Ratio | None
    """Over Base of the same set."""
    status: str
    host_class: str
    commit: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Contrast:
    """One system on one search, in both sets."""

    search: str
    label: str
    a: Side
    b: Side
    ratio: Ratio | None
    """time(B) / time(A): above 1, B is slower; None where times must not be compared."""
    how: How
    """``paired``: the sets took turns, and rounds cancel what both share; ``unpaired``: measured
    one after the other on one machine, so that its drift is in the ratio."""
    remark: str | None
    """Why there is no ratio, or what to think of it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Contrasts:
    """All that the two sets have in common, and all that they have not."""

    rows: tuple[Contrast, ...]
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    problems: tuple[str, ...]

    @property
    def is_valid(self) -> bool:
        """Something was compared, and no answers differ."""
        return bool(self.rows) and not any(_differs(row) for row in self.rows)

    def as_json(self) -> dict[str, Any]:
        """In plain JSON types; null for what is not known."""
        return {
            "contrasts": [asdict(row) for row in self.rows],
            "only_in_a": list(self.only_a),
            "only_in_b": list(self.only_b),
            "problems": list(self.problems),
        }


def contrast(a: Sequence[Record], b: Sequence[Record]) -> Contrasts:
    """Hold ``b`` against ``a``, cell by cell; probes are left out.

    Cells belong together when they ask for the same (``reports.pairing``), whichever versions
    of the code they are of. Times of different kinds of machines are shown and never divided;
    speed-ups over Base, which each set has for itself, can be looked at across machines.
    """
    of_a, of_b = by_cell(a), by_cell(b)
    pairing = pair_cells([cell for cell, _ in of_a], [cell for cell, _ in of_b])
    pairs = [(of_a[first][1], of_b[second][1]) for first, second in pairing.pairs]
    searches = list(dict.fromkeys(runs[0].search for _, runs in pairs))
    pairs.sort(key=lambda pair: (searches.index(pair[1][0].search), *system_place(pair[1][0])))
    ups = (_speed_ups(a), _speed_ups(b))
    titles = search_titles([runs[0] for _, runs in pairs])
    return Contrasts(
        rows=tuple(
            _contrast(*pair, search=title, ups=ups)
            for pair, title in zip(pairs, titles, strict=True)
        ),
        only_a=tuple(of_a[at][0].title for at in pairing.missing),
        only_b=tuple(of_b[at][0].title for at in pairing.new),
        problems=pairing.problems,
    )


def _contrast(
    a: Sequence[Record], b: Sequence[Record], *, search: str,
    ups: tuple[Mapping[tuple[str, str], Row], Mapping[tuple[str, str], Row]],
) -> Contrast:  # fmt: skip
    ratio, how, remark = _ratio(a, b)
    return Contrast(
        search=search,
        label=b[-1].label,
        a=_side(a, ups[0]),
        b=_side(b, ups[1]),
        ratio=ratio,
        how=how,
        remark=remark,
    )


def _ratio(a: Sequence[Record], b: Sequence[Record]) -> tuple[Ratio | None, How, str | None]:
    times = [[seconds_of(run) for run in runs if run.ok and run.wall_s] for runs in (a, b)]
    if not times[0] or not times[1]:
        sides = [name for name, found in zip("AB", times, strict=True) if not found]
        return None, "not compared", f"not measured in {' and '.join(sides)}"
    if fault := difference(a, b, names=("A", "B")):
        return None, "not compared", fault
    if {run.host_class for run in a} != {run.host_class for run in b}:
        return None, "not compared", "other machine: only speed-ups can be looked at"
    pairs = pairs_by_round(a, b)
    # Of one round each nobody can say whether sides took turns.
    if len(pairs) > 1 and len(pairs) == len(times[0]) == len(times[1]) and is_interleaved(pairs):
        ratio = paired_ratio(
            [seconds_of(second) for _, second in pairs], [seconds_of(first) for first, _ in pairs]
        )
        return ratio, "paired", None if ratio.is_claim else _few(ratio.rounds)
    ratio = unpaired_ratio(times[1], times[0])
    return ratio, "unpaired", None if ratio.is_claim else _few(ratio.rounds)


def _few(rounds: int) -> str:
    return f"{labels.rounds(rounds)}; a claim takes {CLAIM_ROUNDS}"


def _side(runs: Sequence[Record], ups: Mapping[tuple[str, str], Row]) -> Side:
    ok = [run for run in runs if run.ok and run.wall_s is not None]
    row = ups.get((runs[-1].search, runs[-1].variant))
    return Side(
        rounds=len(ok),
        wall_s=median([seconds_of(run) for run in ok]),
        speed_up=row.speed_up if row and not row.is_base else None,
        status="ok" if ok else runs[-1].status,
        host_class=runs[-1].host_class,
        commit=runs[-1].commit,
    )


def _speed_ups(records: Sequence[Record]) -> dict[tuple[str, str], Row]:
    return {
        (search.key, row.variant): row
        for search in compare(records).searches
        for row in search.rows
    }


def _differs(row: Contrast) -> bool:
    return row.remark is not None and row.remark.startswith("Answers differ")
