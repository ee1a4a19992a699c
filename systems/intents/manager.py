"""Values in the right place in time: loaded ahead, kept and dropped by intents."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from systems.intents.board import IntentBoard
from systems.intents.intent import Intent
from systems.intents.tier import Tier, TierSpec


@dataclass(frozen=True, kw_only=True, slots=True)
class _Step:
    """Bring a value into a tier, once others have made room."""

    key: Hashable
    level: int
    victims: Sequence[Hashable]


class IntentManager:
    """Keeps values by key in tiers of memory, by what was signalled about their use.

    It knows nothing of what the values are. One thread uses them: it signals intents, moves
    the clock, and acquires the keys it needs at the current clock. A second thread, if
    ``is_ahead``, loads what is wanted next into each tier, in the order of start clocks, as far as
    the tiers' limits allow. Values that nobody wants any more are let go at once; while a
    tier has no budget, the tier below keeps no copy of its values.

    A load that fails ahead of time is told to whoever acquires that key; one whose key is
    cancelled before is forgotten. ``close`` must be called in any case; the thread never
    keeps the process alive.

    Args:
        tiers: slowest first; values are used from the last.
        size_of: bytes of a key's value, the same in all tiers.
        is_ahead: whether to load ahead.
        initializer: called in the second thread before the manager is ready.
    """

    def __init__(
        self,
        tiers: Sequence[TierSpec],
        *,
        size_of: Callable[[Hashable], int],
        is_ahead: bool,
        initializer: Callable[[], None] = lambda: None,
    ) -> None:
        self._board = IntentBoard()
        self._tiers: list[Tier] = []
        for spec in reversed(tiers):
            above = self._tiers[0] if self._tiers else None
            tier = Tier(spec, board=self._board, size_of=size_of, above=above)
            self._tiers.insert(0, tier)
        self._changed = threading.Condition(threading.Lock())
        self._failed: dict[Hashable, BaseException] = {}
        self._is_urgent = False
        self._pauses = 0
        self._is_closed = False
        self._thread: threading.Thread | None = None
        if is_ahead:
            ready = threading.Event()

            def work() -> None:
                try:
                    initializer()
                finally:
                    ready.set()
                self._work()

            self._thread = threading.Thread(target=work, name="prefetch", daemon=True)
            self._thread.start()
            ready.wait()

    @property
    def clock(self) -> int:
        """The current clock."""
        return self._board.clock

    @property
    def resident_bytes(self) -> int:
        """Bytes in the tier that values are used from, those of loads under way included."""
        return self._tiers[-1].resident_bytes

    def signal(self, intents: Iterable[Intent]) -> None:
        """Enter intents; they may be early or late."""
        with self._changed:
            self._board.signal(intents)
            self._changed.notify_all()

    def limit(self, budget_bytes: int | None, *, below_bytes: int | None = None) -> None:
        """Change the budget of the tier that values are used from; None: no limit.

        ``below_bytes`` is that of each tier below it.
        """
        self.signal_within((), budget_bytes, below_bytes=below_bytes)

    def signal_within(
        self,
        intents: Iterable[Intent],
        budget_bytes: int | None,
        *,
        below_bytes: int | None = None,
    ) -> None:
        """``signal`` and ``limit`` in one: what goes for the new budget is chosen knowing both."""
        with self._changed:
            self._board.signal(intents)
            top = self._tiers[-1]
            for tier in self._tiers[:-1]:
                tier.budget_bytes = below_bytes
                if budget_bytes is None:  # there will be no room to make above
                    for key in tier.keys() & top.keys():
                        tier.drop(key)
            top.budget_bytes = budget_bytes
            self._trim()
            self._changed.notify_all()

    def resident(self) -> frozenset[Hashable]:
        """The keys in the tier that values are used from."""
        with self._changed:
            return self._tiers[-1].keys()

    def wanted(self) -> frozenset[Hashable]:
        """The keys that are wanted, now or later."""
        with self._changed:
            return frozenset(self._board.wanted())

    def advance(self, clock: int | None = None) -> None:
        """Move the clock on by one, or to ``clock``; what only the past wanted is let go."""
        with self._changed:
            self._let_go(self._board.advance(clock))
            self._trim()

    def cancel(self, is_cancelled: Callable[[Hashable], bool]) -> None:
        """Forget all intents for keys that ``is_cancelled`` says, and let their values go."""
        with self._changed:
            keys = [key for key in self._board.wanted() if is_cancelled(key)]
            self._let_go(self._board.cancel(keys))

    def acquire(self, intent: Intent) -> Any:
        """The value of the intent's key for use now, waited for or loaded if it is not there.

        ``intent`` covers the current clock; it is signalled unless one for the key does so
        already.

        Raises:
            Exception: whatever its load raised, here or ahead of time.
            RuntimeError: the manager is closed.
        """
        with self._changed:
            if self._is_closed:
                raise RuntimeError("The intent manager is closed and hands out no values.")
            key, top = intent.key, self._tiers[-1]
            if self._board.next_use(key) != self._board.clock:
                self._board.signal([intent])
            if key not in top:
                self._fetch(key)
            if top.is_unused(key):
                self._changed.notify_all()  # there will be room ahead
            return top.use(key)

    def load_ahead(self) -> bool:
        """Load one value ahead on the calling thread; False if there is none or no room.

        For those who do without the second thread.
        """
        with self._changed:
            return self._load_ahead()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Meanwhile the thread begins no load; one under way goes on."""
        with self._changed:
            self._pauses += 1
        try:
            yield
        finally:
            with self._changed:
                self._pauses -= 1
                self._changed.notify_all()

    def close(self) -> None:
        """Let everything go and end the thread; a load under way is waited for."""
        with self._changed:
            self._is_closed = True
            self._let_go(self._board.cancel(self._board.wanted()))
            self._changed.notify_all()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def _fetch(self, key: Hashable) -> None:
        """Bring ``key`` to the top, step by step, together with the thread; with the lock."""
        top = self._tiers[-1]
        while key not in top:
            if key in self._failed:
                raise self._failed.pop(key)
            step = self._step_up(key)
            if step is not None:
                self._take(step)
                continue
            self._is_urgent = True  # the thread starts nothing else meanwhile
            try:
                while key not in top and key not in self._failed and not self._step_up(key):
                    self._changed.wait()
            finally:
                self._is_urgent = False
                self._changed.notify_all()

    def _step_up(self, key: Hashable) -> _Step | None:
        """The next step of ``key`` towards the top; None while another load must end first."""
        if any(tier.is_arriving(key) for tier in self._tiers):
            return None
        level = 1 + max((n for n, tier in enumerate(self._tiers) if key in tier), default=-1)
        victims = self._tiers[level].room_for(key)
        return None if victims is None else _Step(key=key, level=level, victims=victims)

    def _next_step(self) -> _Step | None:
        """What to load ahead: for the fastest tier that has room for its next key."""
        if self._is_urgent or self._pauses:
            return None
        for level in reversed(range(len(self._tiers))):
            upwards = self._tiers[level:]

            def is_missing(key: Hashable, upwards: Sequence[Tier] = upwards) -> bool:
                is_there = any(key in tier or tier.is_arriving(key) for tier in upwards)
                return not is_there and key not in self._failed

            found = self._tiers[level].next_ahead(is_missing)
            if found is None:
                continue
            key, victims = found
            if level == 0 or key in self._tiers[level - 1]:
                return _Step(key=key, level=level, victims=victims)
        return None

    def _take(self, step: _Step) -> None:
        """Carry out a step; the lock is free while the value is loaded.

        Raises:
            Exception: whatever the load raised.
        """
        tier = self._tiers[step.level]
        below = self._tiers[step.level - 1] if step.level else None
        for victim in step.victims:
            self._drop(victim, step.level)
        value_below = below.use(step.key) if below else None
        tier.arrive(step.key)
        try:
            self._changed.release()
            try:
                value = tier.spec.load(step.key, value_below)
            finally:
                self._changed.acquire()
        except BaseException:
            tier.drop(step.key)
            self._changed.notify_all()
            raise
        tier.settle(step.key, value)
        if step.key not in self._board:
            self._let_go([step.key])
        elif below is not None and tier.budget_bytes is None and step.key in below:
            below.drop(step.key)
        self._trim()
        self._changed.notify_all()

    def _trim(self) -> None:
        """Drop what exceeds a budget without being in use at the current clock."""
        for level, tier in enumerate(self._tiers):
            for key in tier.surplus():
                self._drop(key, level)

    def _drop(self, key: Hashable, level: int) -> None:
        """Drop a value that is still wanted, and queue it to be loaded ahead once more."""
        self._tiers[level].drop(key)
        for tier in self._tiers[: level + 1]:
            tier.put_back(key)

    def _let_go(self, keys: Iterable[Hashable]) -> None:
        for key in keys:
            self._failed.pop(key, None)
            for tier in self._tiers:
                if key in tier:
                    tier.drop(key)
        self._changed.notify_all()

    def _load_ahead(self) -> bool:
        step = self._next_step()
        if step is None:
            return False
        try:
            self._take(step)
        except BaseException as error:
            if step.key in self._board:
                self._failed[step.key] = error
            self._changed.notify_all()
        return True

    def _work(self) -> None:
        """The thread: load ahead until closed."""
        with self._changed:
            while not self._is_closed:
                if not self._load_ahead():
                    self._changed.wait()
