"""What the work below a vertex looks like from outside: a staircase of hills and levels.

All work strictly below a vertex p, and the release of p, starts and is measured where p
stands. For a rise of at most h, going to the lowest level that can be reached never hurts
what else is to be done. So that work is a list of records: with a rise of H the level falls
to V, by these steps. From record to record H rises and V falls, at last to minus the size of p.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

Steps = tuple[Any, ...]
"""Vertices in the order of their computation, in nested tuples, which cost nothing to join."""


class Record(NamedTuple):
    """One step of a staircase, in bytes per item counted from where its vertex stands."""

    hill: int
    level: int
    steps: Steps


Staircase = Sequence[Record]


def of_leaf(size: int) -> Staircase:
    """A leaf is scored and released at once."""
    return [Record(0, -size, ())]


class Child:
    """One child of a vertex: its modes, from not started (0) to done (the last).

    In mode m ≥ 1 it holds ``holds[m]`` bytes, to get there takes a rise to ``hills[m]``
    and the steps ``steps[m]``, counted from where the child had not been started.
    """

    __slots__ = ("_scratch", "hills", "holds", "is_like", "last", "most", "size", "steps")

    def __init__(self, vertex: int, *, size: int, scratch: int, staircase: Staircase) -> None:
        self.size = size
        self._scratch = scratch
        hills, holds = [0, size + scratch], [0, size]
        steps: list[Steps] = [(), (vertex,)]
        for record in staircase:
            if record.hill <= 0 and len(hills) == 2:  # it falls at once
                holds[1] = size + record.level
                steps[1] = (vertex, record.steps)
            else:
                hills.append(size + record.hill)
                holds.append(size + record.level)
                steps.append(record.steps)
        self.hills, self.holds, self.steps = hills, holds, steps
        self.last = len(hills) - 1
        self.most = max(hills)
        self.is_like = (tuple(hills), tuple(holds), size)

    def start_in_place(self, parent_size: int) -> int:
        """The rise while it is computed and its parent, batch by batch, gives way to it."""
        return max(0, self.size - parent_size) + self._scratch

    def all_steps(self) -> Steps:
        """From not started to done."""
        return tuple(self.steps[1:])


def one_after_another(size: int, children: Sequence[Child], *, in_place: bool) -> Staircase:
    """The staircase of a vertex whose children are finished one by one, the best one last.

    Exact for a single child. For several it is what a depth-first order does, with what lies
    below each child as good as its own staircase.
    """
    last = _best_last(size, children, in_place=in_place)
    walk = [(c.most, 0, c.all_steps()) for c in children if c is not last]
    start = last.start_in_place(size) if in_place else last.hills[1]
    walk.append((start, last.holds[1] - size, last.steps[1]))
    for m in range(2, last.last + 1):
        walk.append((last.hills[m] - size, last.holds[m] - size, last.steps[m]))
    return _staircase_of(walk)


def flat(steps: Steps) -> list[int]:
    """The vertices in order."""
    vertices: list[int] = []
    waiting: list[int | Steps] = [steps]
    while waiting:
        part = waiting.pop()
        if isinstance(part, int):
            vertices.append(part)
        else:
            waiting.extend(reversed(part))
    return vertices


def _best_last(size: int, children: Sequence[Child], *, in_place: bool) -> Child:
    ranked = sorted(children, key=lambda c: c.most)

    def need(c: Child) -> int:
        others = ranked[-2] if c is ranked[-1] and len(ranked) > 1 else ranked[-1]
        start = c.start_in_place(size) if in_place else c.hills[1]
        rest = max(c.hills[2:], default=0) - size
        return max(start, rest, 0 if others is c else others.most)

    return min(children, key=need)


def _staircase_of(walk: Iterable[tuple[int, int, Steps]]) -> Staircase:
    """The staircase of a fixed sequence of (hill, level, steps), the last level the lowest."""
    records: list[Record] = []
    hill = lowest = 0
    done: list[Steps] = []
    walk = list(walk)
    for number, (rise, level, steps) in enumerate(walk, 1):
        hill = max(hill, rise)
        done.append(steps)
        if level < lowest or number == len(walk):
            if records and records[-1].hill == hill:
                done.insert(0, records.pop().steps)
            records.append(Record(hill, level, tuple(done)))
            lowest, done = level, []
    return records
