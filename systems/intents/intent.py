"""Intents: who will need which value when."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from systems.errors import ConfigurationError

FOREVER = 2**63 - 1
"""An end clock that never comes: wanted until it is cancelled."""
SOMETIME = FOREVER - 1
"""A start clock that never comes either, later than any other: a value that may be used again.
It is kept where nothing else needs the room, and never loaded for that."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Intent:
    """A key will be used at the clocks ``start`` … ``end`` − 1.

    A clock is a whole number that only moves forward; what one tick is (a stage of a plan, a
    batch of a training job) is up to those who signal. Several intents may name one key.

    Raises:
        ConfigurationError: the intent ends before it has begun.
    """

    key: Hashable
    start: int
    end: int
    """Exclusive."""

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise ConfigurationError(
                f"The intent for {self.key!r} ends at clock {self.end}, but begins at "
                f"{self.start}: the end is exclusive and must come after the start."
            )
