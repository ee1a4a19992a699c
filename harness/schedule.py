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


def against_itself(specs: Sequence[T], *, rounds: int) -> Iterator[tuple[int, T]]:
    """(round, spec) in the order A A B B C C, C C B B A A, …: rounds 2i and 2i + 1 are a pair.

    Nothing stands between the two runs of a pair, as between the two sides of a gate.
    ``rounds`` is even.
    """
    for pair in range(rounds // 2):
        for spec in specs if pair % 2 == 0 else reversed(specs):
            yield 2 * pair, spec
            yield 2 * pair + 1, spec
