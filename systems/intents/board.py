"""The board on which intents are signalled: what is wanted now, next, and never again."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Hashable, Iterable

from systems.errors import ConfigurationError
from systems.intents.intent import SOMETIME, Intent


class IntentBoard:
    """All intents that have not ended, and the clock. Not thread-safe: its owner locks.

    Signals may come early, late (an intent that has begun counts from the clock on) or never
    come true (``cancel``). What has ended is forgotten.
    """

    def __init__(self) -> None:
        self.clock = 0
        self._intents: dict[Hashable, list[Intent]] = {}
        self._ends: list[tuple[int, int, Hashable]] = []
        self._queues: list[WantedQueue] = []
        self._signals = 0

    def __contains__(self, key: Hashable) -> bool:
        """Whether ``key`` is wanted, now or later."""
        return key in self._intents

    def signal(self, intents: Iterable[Intent]) -> None:
        """Enter intents; those that have ended already are ignored."""
        for intent in intents:
            if intent.end <= self.clock:
                continue
            self._intents.setdefault(intent.key, []).append(intent)
            heapq.heappush(self._ends, (intent.end, self._signals, intent.key))
            for queue in self._queues:
                queue.put(intent.key, intent.start)
            self._signals += 1

    def advance(self, clock: int | None = None) -> list[Hashable]:
        """Move the clock on by one, or to ``clock``.

        Returns:
            The keys whose last intent has ended with that.

        Raises:
            ConfigurationError: ``clock`` is in the past.
        """
        clock = self.clock + 1 if clock is None else clock
        if clock < self.clock:
            raise ConfigurationError(
                f"The clock stands at {self.clock} and cannot go back to {clock}: give the same "
                "or a later one."
            )
        self.clock = clock
        unwanted = []
        while self._ends and self._ends[0][0] <= clock:
            _, _, key = heapq.heappop(self._ends)
            intents = self._intents.get(key)
            if intents is None:
                continue
            intents[:] = [intent for intent in intents if intent.end > clock]
            if not intents:
                del self._intents[key]
                unwanted.append(key)
        return unwanted

    def cancel(self, keys: Iterable[Hashable]) -> list[Hashable]:
        """Forget all intents for ``keys``; returns those that had any."""
        return [key for key in keys if self._intents.pop(key, None) is not None]

    def next_use(self, key: Hashable, *, since: int | None = None) -> int | None:
        """The first clock from ``since`` on (default: from now on) that uses ``key``, or None."""
        since = self.clock if since is None else max(since, self.clock)
        uses = (max(i.start, since) for i in self._intents.get(key, ()) if i.end > since)
        return min(uses, default=None)

    def wanted(self) -> tuple[Hashable, ...]:
        """All keys that are wanted, in the order of their first signals."""
        return tuple(self._intents)

    def queue(self) -> WantedQueue:
        """The wanted keys in the order of their starts, for one who works through them."""
        queue = WantedQueue(self)
        for key, intents in self._intents.items():
            for intent in intents:
                queue.put(key, intent.start)
        self._queues.append(queue)
        return queue


class WantedQueue:
    """Keys by start clock, then in the order in which they were signalled."""

    def __init__(self, board: IntentBoard) -> None:
        self._board = board
        self._heap: list[tuple[int, int, Hashable]] = []
        self._entries = 0

    def put(self, key: Hashable, start: int) -> None:
        """Add an entry; a key may have several. For ``SOMETIME`` there is nothing to do."""
        if start >= SOMETIME:
            return
        heapq.heappush(self._heap, (start, self._entries, key))
        self._entries += 1

    def put_back(self, key: Hashable) -> None:
        """Add an entry for the next use of ``key``, if there is one."""
        start = self._board.next_use(key)
        if start is not None:
            self.put(key, start)

    def first(self, is_missing: Callable[[Hashable], bool]) -> Hashable | None:
        """The first key that is still wanted and missing; entries before it are dropped.

        What is dropped returns with a new signal or ``put_back`` only.
        """
        while self._heap:
            start, _, key = self._heap[0]
            due = self._board.next_use(key)
            if due is not None and is_missing(key):
                if due <= max(start, self._board.clock):
                    return key
                self.put(key, due)  # the use that this entry stood for is over
            heapq.heappop(self._heap)
        return None

    def drop_first(self) -> None:
        """Drop the entry of the key that ``first`` gave."""
        heapq.heappop(self._heap)
