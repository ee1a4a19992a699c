"""Where an order of the task tree is cut into stages."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from systems.planning.task_tree import ROOT, TaskTree


def one_by_one(steps: int) -> NDArray[np.int64]:
    """A stage for every step: block-major, as published."""
    return np.arange(steps + 1)


def all_at_once(steps: int) -> NDArray[np.int64]:
    """One stage: batch-major."""
    return np.array([0, steps])


def least_crossing(
    crossing_bytes: NDArray[np.int64], parameter_bytes: NDArray[np.int64], *, room_bytes: int
) -> list[NDArray[np.int64]]:
    """Cuts into stages whose parameters fit, with little that crosses from stage to stage.

    Two answers, each found by dynamic programming in linear time (a sliding minimum over
    the stages that could end here): first the least *largest* crossing, and with that kept,
    the least sum; then the least sum alone. The first allows more batches in a pass, the
    second writes and reads less.

    Args:
        crossing_bytes: [S], bytes per item that stay after each step, if it is cut there.
        parameter_bytes: [S], of each step's block; a block that two steps of a stage share is
            counted twice.
        room_bytes: for the parameters of a stage; a step that is larger alone is a stage.
    """
    filled = np.concatenate([[0], np.cumsum(parameter_bytes)])
    earliest = np.searchsorted(filled, filled - room_bytes)  # cut i … cut j fits for i ≥ this
    earliest[1:] = np.minimum(earliest[1:], np.arange(len(parameter_bytes)))
    crossing = np.concatenate([[0], crossing_bytes]).tolist()
    crossing[-1] = 0
    largest, _ = _best_cuts(crossing, earliest.tolist(), limit=None, is_sum=False)
    _, careful = _best_cuts(crossing, earliest.tolist(), limit=largest, is_sum=True)
    _, cheap = _best_cuts(crossing, earliest.tolist(), limit=None, is_sum=True)
    return [careful] if np.array_equal(careful, cheap) else [careful, cheap]


def siblings_first(tree: TaskTree, order: NDArray[np.int32]) -> NDArray[np.int32]:
    """A depth-first ``order`` where small children come together, right after their parent.

    That is where all children that stay are smaller together than the parent: if parent and
    children are one stage, the parent never stands there for more than one batch (the
    paper names this as future work).
    """
    place = np.empty(len(tree), dtype=np.int64)
    place[order] = np.arange(len(tree))
    size = tree.size_bytes.tolist()
    result = [ROOT]
    waiting = sorted(tree.children(ROOT), key=place.__getitem__, reverse=True)
    is_done = [False] * len(tree)
    while waiting:
        v = waiting.pop()
        if not is_done[v]:
            result.append(v)
            is_done[v] = True
        below = sorted(tree.children(v), key=place.__getitem__)
        if is_small_together(tree, v, size):
            for c in below:
                if not is_done[c]:
                    result.append(c)
                    is_done[c] = True
        waiting.extend(reversed(below))
    return np.array(result, dtype=np.int32)


def families_together(tree: TaskTree, order: NDArray[np.int32]) -> NDArray[np.int64]:
    """Stages for a ``siblings_first`` order: such a parent with its children, else one by one."""
    size = tree.size_bytes.tolist()
    parent = tree.parent.tolist()
    starts: list[int] = []
    family = -1
    for i, v in enumerate(order[1:].tolist()):
        if not starts or parent[v] != family:
            starts.append(i)
            of_family = is_small_together(tree, parent[v], size)
            family = parent[v] if of_family else v if is_small_together(tree, v, size) else -1
    return np.array([*starts, len(order) - 1])


def is_small_together(tree: TaskTree, v: int, size: list[int]) -> bool:
    """Whether the children of ``v`` that stay are smaller together than ``v``."""
    below = tree.children(v)
    kept = sum(size[c] for c in below if len(tree.children(c)))
    return v != ROOT and len(below) > 1 and kept < size[v]


def _best_cuts(
    crossing: list[int], earliest: list[int], *, limit: float | None, is_sum: bool
) -> tuple[float, NDArray[np.int64]]:
    """The cheapest way to the last cut, and its cuts; cuts above ``limit`` are not used."""
    steps = len(crossing) - 1
    cost: list[float] = [0.0] + [float("inf")] * steps
    before = [0] * (steps + 1)
    window: deque[int] = deque([0])  # cuts that a stage may begin at, cost rising
    for j in range(1, steps + 1):
        while window and window[0] < earliest[j]:
            window.popleft()
        if window and (limit is None or crossing[j] <= limit):
            before[j] = window[0]
            reached = cost[window[0]]
            cost[j] = reached + crossing[j] if is_sum else max(reached, crossing[j])
        while window and cost[window[-1]] >= cost[j]:
            window.pop()
        window.append(j)
    cuts = [steps]
    while cuts[-1]:
        cuts.append(before[cuts[-1]])
    return cost[steps], np.array(cuts[::-1])
