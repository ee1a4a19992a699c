"""How the systems say where their time goes, without knowing who listens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Literal, Protocol, get_args

Phase = Literal[
    "prepare_data",  # read, decode, resize, normalise
    "prepare_model",  # storage → RAM → device, binding parameters
    "inference",  # running blocks
    "proxy_scoring",  # training and evaluating heads
    "plan",  # building the task tree and its order
    "cache",  # keeping and releasing intermediates
    "compile",
    "tune",
]
"""The paper's four phases and four more; together they cover a search."""

PHASES: tuple[str, ...] = get_args(Phase)


class Tracer(Protocol):
    """Receives spans and counters. Implementations must never synchronise a device.

    Spans nest; a phase's time is its *exclusive* time, so that phases add up to the
    wall time. ``attributes`` are plain numbers and strings (``items``, ``bytes``,
    ``model``, ``block``, ``round``).
    """

    def span(self, phase: Phase, **attributes: object) -> AbstractContextManager[None]:
        """Time the enclosed work as part of ``phase``."""
        ...

    def excluded(self) -> AbstractContextManager[None]:
        """Take the enclosed work (proofs of equal answers) out of the measured time."""
        ...

    def count(self, name: str, amount: int) -> None:
        """Add ``amount`` to the counter ``name``."""
        ...

    def peak(self, name: str, value: int) -> None:
        """Keep the largest ``value`` seen under ``name``."""
        ...

    def decide(self, what: str, **facts: object) -> None:
        """Write down what the system chose by itself, with plain numbers and strings."""
        ...

    def progress(self, *, step: int, steps: int, what: str) -> None:
        """Tell a person how far the search is; may be dropped."""
        ...


class NoTracer:
    """Listens to nothing: for use of the systems outside the harness."""

    @contextmanager
    def span(self, phase: Phase, **attributes: object) -> Iterator[None]:
        """Do nothing around the enclosed work."""
        yield

    @contextmanager
    def excluded(self) -> Iterator[None]:
        """Do nothing around the enclosed work."""
        yield

    def count(self, name: str, amount: int) -> None:
        """Forget the amount."""

    def peak(self, name: str, value: int) -> None:
        """Forget the value."""

    def decide(self, what: str, **facts: object) -> None:
        """Forget the decision."""

    def progress(self, *, step: int, steps: int, what: str) -> None:
        """Tell nobody."""
