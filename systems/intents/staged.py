"""Values for work that comes in stages: which are wanted when, and which stay between them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Sequence
from typing import Any

from systems.intents.intent import FOREVER, SOMETIME, Intent
from systems.intents.manager import IntentManager


class StagedValues:
    """Signals the intents of stages to a manager, and hands out its values by name.

    Without ``keep`` a value belongs to its stage: it is dropped at the end and loaded again for
    the next stage that needs it. With ``keep`` values stay until ``retain`` drops them; where a
    budget does not hold all that are expected, those are dropped first that are not expected
    again, or last.

    The clock counts stages; a value of stage n is wanted at clock n only, or, with ``keep``, at
    every stage that it is expected in and sometime after that (a later round may want it), or,
    where all stay, from its first use on until that is cancelled.

    Args:
        manager: loads values; its keys are told apart by ``name_of``.
        size_of: bytes of the value with a name.
        keep: whether values outlive their stage.
        is_ahead: whether the manager loads ahead.
    """

    def __init__(
        self,
        manager: IntentManager,
        *,
        size_of: Callable[[Hashable], int],
        keep: bool,
        is_ahead: bool,
    ) -> None:
        self._manager = manager
        self._size_of = size_of
        self._keep = self._all_stay = keep
        self._is_ahead = is_ahead
        self._expected_stages = 0
        self._wanted_sometime: set[Hashable] = set()
        """Announced to stay where there is room, also when nothing is expected of them."""

    def expect(
        self,
        stages: Sequence[Sequence[Hashable]],
        *,
        budget_bytes: int | None = None,
        below_bytes: int | None = None,
    ) -> None:
        """Announce the stages that follow those announced before.

        ``stages`` holds, for each, the names of its values in the order of their first use.
        From now on at most ``budget_bytes`` are resident, or what a single stage needs; and
        ``below_bytes`` in each tier below.
        """
        first = max(self._expected_stages, self._manager.clock)
        self._expected_stages = first + len(stages)
        all_stayed = self._all_stay
        self._fit(stages, budget_bytes)
        intents = []
        if self._is_ahead or (self._keep and not self._all_stay):
            intents = [
                self._intent(name, number)
                for number, names in enumerate(stages, first)
                for name in names
            ]
        if self._all_stay:  # from its first use on, so that other uses add nothing
            first_uses = {intent.key: intent for intent in reversed(intents)}
            stay = self._manager.wanted() if all_stayed else ()
            intents = [i for i in intents if first_uses[i.key] is i and i.key not in stay]
        elif self._keep:
            wanted = dict.fromkeys(i.key for i in intents if i.key not in self._wanted_sometime)
            intents += [Intent(key=key, start=SOMETIME, end=FOREVER) for key in wanted]
            self._wanted_sometime |= wanted.keys()
        self._manager.signal_within(
            intents, None if self._all_stay else budget_bytes, below_bytes=below_bytes
        )

    def resident(self) -> frozenset[Hashable]:
        """The names of the values that are there and stay until ``retain`` drops them."""
        if not self._all_stay:
            return frozenset()
        return frozenset(map(name_of, self._manager.resident()))

    def begin_stage(self) -> None:
        """The next stage begins."""
        self._expected_stages = max(self._expected_stages, self._manager.clock + 1)

    def acquire(self, name: Hashable) -> Any:
        """The value for use in this stage; see ``IntentManager.acquire``."""
        return self._manager.acquire(self._intent(name, self._manager.clock))

    def end_stage(self) -> None:
        """The stage is over: without ``keep``, its values are dropped."""
        self._manager.advance()

    def retain(self, names: Collection[Hashable]) -> None:
        """Drop all values but those, and expect no others any more."""
        self._manager.cancel(lambda key: name_of(key) not in names)
        self._wanted_sometime.intersection_update(names)

    def _fit(self, stages: Sequence[Sequence[Hashable]], budget_bytes: int | None) -> None:
        """Decide whether all values stay, or the budget says which."""
        needed_bytes = sum(map(self._size_of, {name for names in stages for name in names}))
        all_fit = budget_bytes is None or needed_bytes <= budget_bytes
        if self._all_stay and not all_fit:
            self._manager.cancel(lambda _: True)
            self._wanted_sometime.clear()
        self._all_stay = self._keep and all_fit

    def _intent(self, name: Hashable, stage: int) -> Intent:
        if self._all_stay:
            return Intent(key=name, start=stage, end=FOREVER)
        return Intent(key=name if self._keep else (stage, name), start=stage, end=stage + 1)


def name_of(key: Hashable) -> Hashable:
    """The name of the value that a key of the manager stands for."""
    return key[1] if isinstance(key, tuple) else key
