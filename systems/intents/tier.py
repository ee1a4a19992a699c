"""One tier of memory: which values it holds, and which of them make room for another."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Hashable, Iterable
from dataclasses import dataclass
from typing import Any

from systems.intents.board import IntentBoard

Load = Callable[[Hashable, Any], Any]
"""Brings the value of a key into a tier: called with the key and the value in the tier below
(None in the slowest tier, which loads from where the values come from)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TierSpec:
    """A tier of memory."""

    name: str
    load: Load
    budget_bytes: int | None = None
    """Of all values in the tier; exceeded only by what the current clock itself uses. None:
    no limit."""
    ahead_bytes: int | None = None
    """Of values that were loaded ahead and not used yet. None: no limit."""


class Tier:
    """What one tier holds. Not thread-safe: its owner locks.

    ``above`` is the next faster tier: a copy of what that holds is the first to go.

    What makes room is chosen as by Belady (1966): the value whose next use is farthest in
    the future. A load ahead drops only what would have to go anyway when its value is due,
    and only once nothing else will use that before: loading ahead then costs no load more
    than loading on demand (the conservative strategy of Cao et al., SIGMETRICS 1995).
    """

    def __init__(
        self,
        spec: TierSpec,
        *,
        board: IntentBoard,
        size_of: Callable[[Hashable], int],
        above: Tier | None = None,
    ) -> None:
        self.spec = spec
        self.budget_bytes = spec.budget_bytes
        """As the specification says, until somebody changes it."""
        self._above = above
        self._board = board
        self._size_of = size_of
        self._queue = board.queue()
        self._held: dict[Hashable, Any] = {}
        self._arriving: set[Hashable] = set()
        self._unused: set[Hashable] = set()
        self._unused_bytes = 0
        self.resident_bytes = 0
        """Of the values that are held or arriving."""

    def __contains__(self, key: Hashable) -> bool:
        return key in self._held

    def keys(self) -> frozenset[Hashable]:
        """The keys whose values are held."""
        return frozenset(self._held)

    def is_arriving(self, key: Hashable) -> bool:
        """Whether the value is being loaded."""
        return key in self._arriving

    def value(self, key: Hashable) -> Any:
        """The value held for ``key``."""
        return self._held[key]

    def is_unused(self, key: Hashable) -> bool:
        """Whether the value was loaded ahead and not used yet."""
        return key in self._unused

    def use(self, key: Hashable) -> Any:
        """The value held for ``key``, which no longer counts as loaded ahead."""
        if key in self._unused:
            self._unused.remove(key)
            self._unused_bytes -= self._size_of(key)
        return self._held[key]

    def arrive(self, key: Hashable) -> None:
        """Count a value that is about to be loaded."""
        self._arriving.add(key)
        self._unused.add(key)
        self._unused_bytes += self._size_of(key)
        self.resident_bytes += self._size_of(key)

    def settle(self, key: Hashable, value: Any) -> None:
        """Hold a value that has arrived."""
        self._arriving.remove(key)
        self._held[key] = value

    def drop(self, key: Hashable) -> None:
        """Let a value go that is held or did not arrive."""
        self._held.pop(key, None)
        self._arriving.discard(key)
        if key in self._unused:
            self._unused.remove(key)
            self._unused_bytes -= self._size_of(key)
        self.resident_bytes -= self._size_of(key)

    def put_back(self, key: Hashable) -> None:
        """Load ``key`` ahead once more if it is still wanted."""
        self._queue.put_back(key)

    def next_ahead(
        self, is_missing: Callable[[Hashable], bool]
    ) -> tuple[Hashable, list[Hashable]] | None:
        """The next key to load ahead and what makes room for it; None while there is no room.

        A value larger than ``ahead_bytes`` is never loaded ahead.
        """
        limit_bytes = self.spec.ahead_bytes
        while (key := self._queue.first(is_missing)) is not None:
            if limit_bytes is None or self._size_of(key) <= limit_bytes:
                break
            self._queue.drop_first()
        if key is None:
            return None
        later = self._later_ahead(key)
        room = None if later is None else self.room_for(key, without=later)
        return None if later is None or room is None else (key, later + room)

    def room_for(
        self, key: Hashable, *, without: Collection[Hashable] = ()
    ) -> list[Hashable] | None:
        """What must be dropped so that ``key`` fits in the budget; None if it must wait.

        ``without`` is dropped anyway. What the current clock uses comes in even where it
        exceeds the budget, but not before loads of other values under way have ended.
        """
        if self.budget_bytes is None:
            return []
        freed_bytes = sum(map(self._size_of, without))
        size_bytes = self._size_of(key)
        excess_bytes = self.resident_bytes - freed_bytes + size_bytes - self.budget_bytes
        if excess_bytes <= 0:
            return []
        clock, due = self._board.clock, self._due(key)
        candidates = [k for k in self._held if k not in without and self._use_from(k, due) > due]
        victims = self._farthest(candidates, excess_bytes, since=due)
        if due > clock:
            # What is used before the value is due stays until then.
            is_free = victims is not None and all(self._use_from(k, clock) >= due for k in victims)
            return victims if is_free else None
        if victims is None and any(self._use_from(k, clock) > clock for k in self._arriving):
            return None
        return candidates if victims is None else victims

    def surplus(self) -> list[Hashable]:
        """What is over the budget without being in use at the current clock."""
        if self.budget_bytes is None or self.resident_bytes <= self.budget_bytes:
            return []
        clock = self._board.clock
        idle = [key for key in self._held if self._use_from(key, clock) > clock]
        victims = self._farthest(idle, self.resident_bytes - self.budget_bytes, since=clock)
        return idle if victims is None else victims

    def _later_ahead(self, key: Hashable) -> list[Hashable] | None:
        """What was loaded ahead for later than ``key`` and must go for it; None if it must wait."""
        if self.spec.ahead_bytes is None:
            return []
        excess_bytes = self._unused_bytes + self._size_of(key) - self.spec.ahead_bytes
        if excess_bytes <= 0:
            return []
        clock, due = self._board.clock, self._due(key)
        later = [k for k in self._held if k in self._unused and self._use_from(k, clock) > due]
        return self._farthest(later, excess_bytes, since=clock)

    def _farthest(
        self, candidates: Iterable[Hashable], excess_bytes: int, *, since: int
    ) -> list[Hashable] | None:
        """Of ``candidates``, those used last from ``since`` on, until ``excess_bytes`` are free.

        Of equals, those that nothing uses before, and of these what came last: what is used
        first in a round, such as a trunk of all models, is most likely used in the next one.
        """
        place = {key: number for number, key in enumerate(self._held)}
        clock = self._board.clock

        def how_far(key: Hashable) -> tuple[float, float, int]:
            return self._use_from(key, since), self._use_from(key, clock), place[key]

        chosen: list[Hashable] = []
        for key in sorted(candidates, key=how_far, reverse=True):
            chosen.append(key)
            excess_bytes -= self._size_of(key)
            if excess_bytes <= 0:
                return chosen
        return None

    def _due(self, key: Hashable) -> int:
        due = self._board.next_use(key)
        assert due is not None, "only what is wanted is loaded"
        return due

    def _use_from(self, key: Hashable, since: int) -> float:
        if self._above is not None and key in self._above:
            return math.inf
        use = self._board.next_use(key, since=since)
        return math.inf if use is None else use
