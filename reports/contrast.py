"""Two sets of runs held against each other: two commits, two machines, two days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from reports import labels
from reports.comparison import Comparison, compare
from reports.grouping import search_titles
from reports.pairing import Cell, pair_cells, parameters
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
    """What could not be told apart, or was not looked at, as sentences."""

    @property
    def is_valid(self) -> bool:
        """Both sets measured something in common, no run of it went wrong, no answers differ."""
        statuses = {side.status for row in self.rows for side in (row.a, row.b)}
        return (
            any(row.a.wall_s is not None and row.b.wall_s is not None for row in self.rows)
            and statuses <= {"ok", "skipped"}
            and not any(_differs(row) for row in self.rows)
        )

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
    of the code they are of; those of one machine before those of two. Times of different kinds
    of machines are shown and never divided; speed-ups over Base, which each set has for itself,
    can be looked at across machines.
    """
    pairs, (left_a, left_b), problems = _pairs(by_cell(a), by_cell(b))
    compared = (compare(a), compare(b))
    places = {search.key: place for place, search in enumerate(compared[1].searches)}
    pairs.sort(key=lambda pair: (places[pair[1][0].search], *system_place(pair[1][0])))
    ups = (_rows(compared[0]), _rows(compared[1]))
    titles = search_titles([runs[0] for _, runs in pairs])
    return Contrasts(
        rows=tuple(
            _contrast(*pair, search=title, ups=ups)
            for pair, title in zip(pairs, titles, strict=True)
        ),
        only_a=tuple(cell.title for cell, _ in left_a),
        only_b=tuple(cell.title for cell, _ in left_b),
        problems=tuple(problems),
    )


_Cells = list[tuple[Cell, list[Record]]]


def _pairs(
    a: _Cells, b: _Cells
) -> tuple[list[tuple[list[Record], list[Record]]], tuple[_Cells, _Cells], list[str]]:
    """The runs that belong together, what only one of the sets has, and problems."""
    known = [parameters([cell for cell, _ in cells]) for cells in (a, b)]
    problems = [
        f"Only {name} knows {', '.join(sorted(more))}: what is compared may differ in that."
        for name, more in (("A", known[0] - known[1]), ("B", known[1] - known[0]))
        if more and a and b
    ]
    hosts = [dict.fromkeys(runs[0].host_class for _, runs in cells) for cells in (a, b)]
    pairs = []
    for host in (*(host for host in hosts[0] if host in hosts[1]), None):
        (of_a, rest_a), (of_b, rest_b) = _of_host(a, host), _of_host(b, host)
        found = pair_cells([cell for cell, _ in of_a], [cell for cell, _ in of_b], names=("A", "B"))
        pairs += [(of_a[first][1], of_b[second][1]) for first, second in found.pairs]
        problems += found.problems
        a = rest_a + [of_a[at] for at in found.missing]
        b = rest_b + [of_b[at] for at in found.new]
    return pairs, (a, b), problems


def _of_host(cells: _Cells, host: str | None) -> tuple[_Cells, _Cells]:
    """The cells of one class of machines (None: of any), and the others."""
    own = [each for each in cells if host in (None, each[1][0].host_class)]
    return own, [each for each in cells if host not in (None, each[1][0].host_class)]


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
        few = f"{labels.rounds(ratio.rounds)}; a claim takes {CLAIM_ROUNDS}"
        return ratio, "paired", None if ratio.is_claim else few
    ratio = unpaired_ratio(times[1], times[0])
    few = f"{labels.rounds(ratio.rounds)}, not in turns; a claim takes {CLAIM_ROUNDS} in turns"
    return ratio, "unpaired", few


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


def _rows(comparison: Comparison) -> dict[tuple[str, str], Row]:
    return {(search.key, row.variant): row for search in comparison.searches for row in search.rows}


def _differs(row: Contrast) -> bool:
    return row.remark is not None and row.remark.startswith("Answers differ")
