"""The exact staircase of a vertex with several children, by search over their modes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from systems.planning.staircase import Child, Record, Staircase, Steps


class TooManyStatesError(Exception):
    """A search was given up; the text says at which limit."""


@dataclass(kw_only=True, slots=True)
class Limits:
    """When to give up a search."""

    states: int
    """Of one vertex."""
    end_s: float
    """When all searches must be over, on the monotonic clock."""

    def check(self, states: int) -> None:
        """Raise TooManyStatesError past a limit."""
        if states > self.states:
            raise TooManyStatesError(f"more than {self.states:,} states at one vertex")
        if time.monotonic() > self.end_s:
            raise TooManyStatesError("the time was up")


@dataclass(slots=True)
class _State:
    """Each child's mode, and whether their parent is released."""

    modes: list[int]
    waiting: int
    """Children that are not started."""
    is_released: bool = False
    value: int = 0
    """Bytes, counted from where the parent stands and no child is started."""
    path: Steps = ()
    """Pairs of the path before and the steps after it."""

    def copy(self) -> _State:
        return _State(self.modes.copy(), self.waiting, self.is_released, self.value, self.path)


class Family:
    """A vertex of so many bytes and its children, at least two."""

    def __init__(self, size: int, children: Sequence[Child], *, in_place: bool) -> None:
        self._size = size
        self._children = children
        self._in_place = in_place

    def staircase(self, limits: Limits) -> Staircase:
        """The exact staircase (module docstring of ``staircase``).

        Starting at a rise of 0: find the lowest state that can be reached, go there, and
        raise the allowed hill to the smallest one that was in the way.

        Raises:
            TooManyStatesError: a limit was reached.
        """
        records: list[Record] = []
        state = _State([0] * len(self._children), len(self._children))
        hill = 0
        while not self._is_done(state):
            lowest, blocked = self._explore(state, hill, limits)
            if lowest.value < state.value or self._is_done(lowest):
                records.append(Record(hill, lowest.value, _steps(lowest.path)))
                state = lowest
                state.path = ()
            else:
                assert blocked is not None  # otherwise everything would be done
                hill = blocked
        return records

    def _explore(self, start: _State, hill: int, limits: Limits) -> tuple[_State, int | None]:
        """The lowest state that a rise of ``hill`` reaches, and the smallest hill in the way.

        The only real choice is which child to start next while the parent stands; all other
        moves that fit are safe (``_close``). Of children that are alike, one is tried.
        """
        first = start.copy()
        blocked = self._close(first, hill)
        lowest, seen, waiting = first, {tuple(first.modes)}, [first]
        while waiting and not self._is_done(lowest):
            state = waiting.pop()
            tried = set()
            for j, child in enumerate(self._children):
                if state.modes[j] or child.is_like in tried:
                    continue
                tried.add(child.is_like)
                needed = state.value + self._rise(child, state)
                if needed > hill:
                    blocked = needed if blocked is None else min(blocked, needed)
                    continue
                limits.check(len(seen))
                following = state.copy()
                self._start(following, j)
                other = self._close(following, hill)
                if other is not None:
                    blocked = other if blocked is None else min(blocked, other)
                key = tuple(following.modes)
                if key not in seen:
                    seen.add(key)
                    waiting.append(following)
                    if self._rank(following) < self._rank(lowest):
                        lowest = following
        return lowest, blocked

    def _rise(self, child: Child, state: _State) -> int:
        if self._in_place and state.waiting == 1:
            return child.start_in_place(self._size)
        return child.hills[1]

    def _start(self, state: _State, j: int) -> None:
        child = self._children[j]
        state.modes[j] = 1
        state.value += child.holds[1]
        state.path = (state.path, child.steps[1])
        state.waiting -= 1
        self._release(state)

    def _release(self, state: _State) -> None:
        if not state.waiting and not state.is_released:
            state.is_released = True
            state.value -= self._size

    def _close(self, state: _State, hill: int) -> int | None:
        """Make all safe moves that fit under ``hill``; the smallest hill that did not fit.

        Safe is what ends no higher than it starts: to go on with a child that was started,
        and to bring one from its start to its end.
        """
        moved = True
        blocked: int | None = None
        while moved:
            moved, blocked = False, None
            for j, child in enumerate(self._children):
                m = state.modes[j]
                if m == child.last:
                    continue
                if m == 0:
                    if state.value + child.most <= hill:
                        state.modes[j] = child.last
                        state.path = (state.path, child.all_steps())
                        state.waiting -= 1
                        self._release(state)
                        moved = True
                    continue
                while m < child.last:
                    needed = state.value - child.holds[m] + child.hills[m + 1]
                    if needed > hill:
                        blocked = needed if blocked is None else min(blocked, needed)
                        break
                    state.value += child.holds[m + 1] - child.holds[m]
                    m += 1
                    state.path = (state.path, child.steps[m])
                    moved = True
                state.modes[j] = m
        return blocked

    def _is_done(self, state: _State) -> bool:
        return state.is_released and all(
            m == child.last for m, child in zip(state.modes, self._children, strict=True)
        )

    def _rank(self, state: _State) -> tuple[int, bool, int]:
        return state.value, not self._is_done(state), -sum(state.modes)


def _steps(path: Steps) -> Steps:
    parts = []
    while path:
        path, steps = path
        parts.append(steps)
    return tuple(reversed(parts))
