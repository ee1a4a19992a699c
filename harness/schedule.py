"""The order of runs: rounds over all systems, so that drift of the machine cancels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")


def interleaved(specs: Sequence[T], *, rounds: int) -> Iterator[tuple[int, T]]:
    """(round, spec) in the order A B C, C B A, A B C, …: every other round is reversed.

    A linear drift of the machine then adds the same to each spec over two rounds.
    """
    for number in range(rounds):
        for spec in specs if number % 2 == 0 else reversed(specs):
            yield number, spec
