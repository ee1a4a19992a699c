"""The time bound: the shortest time that an exact search could take on this machine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from systems.planning.task_tree import TaskTree

Executions = Counter[tuple[str, int]]
"""How often a block architecture runs over a batch of so many items."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TimeBound:
    """Seconds that the search needs at least, by phase; they add up to the bound."""

    inference_s: float
    """Every distinct (intermediate, batch) once, at its block architecture's median."""
    proxy_scoring_s: float
    """The scoring that the search needs."""
    prepare_data_s: float
    """One decode per item and transform."""
    prepare_model_s: float
    """The unique bytes at the bandwidth that was reached."""

    @property
    def total_s(self) -> float:
        """The bound."""
        return self.inference_s + self.proxy_scoring_s + self.prepare_data_s + self.prepare_model_s


def needed_executions(
    rounds: Iterable[tuple[TaskTree, Sequence[int]]], *, architecture: Mapping[str, str]
) -> Executions:
    """Count the distinct (intermediate, batch) pairs of a search.

    Args:
        rounds: each round's task tree of all survivors, and its batches' numbers of items.
        architecture: block architecture by block hash.
    """
    needed: Executions = Counter()
    for tree, batch_items in rounds:
        edges: Counter[str] = Counter()
        blocks, times = np.unique(tree.block[1:], return_counts=True)
        for block, count in zip(blocks.tolist(), times.tolist(), strict=True):
            edges[architecture[tree.block_hashes[block]]] += count
        for items, batches in Counter(batch_items).items():
            for name, count in edges.items():
                needed[name, items] += count * batches
    return needed


def inference_bound_s(needed: Executions, measured: Iterable[tuple[str, int, float]]) -> float:
    """Seconds for the executions ``needed``, at the medians of those ``measured``.

    ``measured`` gives block architecture, items and seconds of each execution of the run;
    it must hold at least one of every kind that is needed.
    """
    seconds: dict[tuple[str, int], list[float]] = {}
    for name, items, taken_s in measured:
        seconds.setdefault((name, items), []).append(taken_s)
    return sum(times * median(seconds[kind]) for kind, times in needed.items())
