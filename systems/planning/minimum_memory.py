"""The order of a task tree that needs the least memory of all orders, not only depth-first.

With free order of siblings the problem is weakly NP-hard (PARTITION reduces to it), but the
trees of real models are solved by few states: see ``staircase`` for the reason.
"""

from __future__ import annotations

import time

import numpy as np

from systems.planning.depth_first import best_depth_first
from systems.planning.family import Family, Limits, TooManyStatesError
from systems.planning.staircase import Child, Staircase, flat, of_leaf, one_after_another
from systems.planning.task_tree import ROOT, TaskTree
from systems.planning.traversal import Traversal, peak_bytes

NAME = "minimum_memory"

STATES_CAP = 2_000
"""Of one vertex; models' trees mostly take less than a hundred."""

VERTICES_PER_S = 100_000
"""What a search without choices gets through: for more, it is not even begun."""


def minimum_memory(
    tree: TaskTree, *, in_place: bool = False, time_cap_s: float = 1.0, states_cap: int = STATES_CAP
) -> Traversal:
    """The order that needs the least memory; proven, unless a cap is reached.

    The best depth-first order is taken where it can be seen to be optimal. Otherwise the
    staircases are found bottom-up. A vertex whose search takes more than ``states_cap``
    states, and every further one once ``time_cap_s`` is over, finishes its children one
    after another, the best one last: never worse than the best depth-first order.
    """
    simple = best_depth_first(tree, in_place=in_place)
    order, is_optimal, reason = simple.order, simple.is_optimal, simple.reason
    least = least_bytes(tree, in_place=in_place)
    if not is_optimal and simple.peak_bytes > least:
        if len(tree) > time_cap_s * VERTICES_PER_S:
            reason = (
                f"best depth-first order: {len(tree):,} vertices are too many for an exact "
                f"search in {time_cap_s:g} s"
            )
        else:
            limits = Limits(states=states_cap, end_s=time.monotonic() + time_cap_s)
            order, given_up = search(tree, limits, in_place=in_place)
            is_optimal = not given_up
            reason = f"exact search given up: {given_up}" if given_up else "exact search"
    peak = peak_bytes(tree, order, in_place=in_place)
    if not is_optimal and peak == least:
        is_optimal, reason = True, "one of its families needs as much by itself"
    return Traversal(order=order, peak_bytes=peak, name=NAME, is_optimal=is_optimal, reason=reason)


def least_bytes(tree: TaskTree, *, in_place: bool) -> int:
    """What every order needs: parent and child at work, in each family by itself.

    In place, one child of each family does not stand beside its parent; at best the largest.
    """
    size = tree.size_bytes
    least = int(size.max())
    if len(tree) == 1:
        return least
    parent, child = tree.parent[1:], tree.computing_bytes(slice(1, None))
    if not in_place:
        return max(least, int((size[parent] + child).max()))
    if tree.scratch_bytes is not None:
        together = np.maximum(size[parent], size[1:]) + tree.scratch_bytes[1:]
        least = max(least, int(together.max()))
    order = np.lexsort((child, parent))  # each family by what it takes
    has_larger = parent[order][1:] == parent[order][:-1]
    beside = order[:-1][has_larger]
    return max(least, int((size[parent[beside]] + child[beside]).max(initial=0)))


def search(tree: TaskTree, limits: Limits, *, in_place: bool) -> tuple[np.ndarray, str]:
    """The order found by staircases, and why it is not proven to be optimal; empty if it is."""
    size, child_start = tree.size_bytes.tolist(), tree.child_start.tolist()
    scratch = [0] * len(size) if tree.scratch_bytes is None else tree.scratch_bytes.tolist()
    staircases: dict[int, Staircase] = {}
    given_up = ""
    for v in range(len(tree) - 1, -1, -1):
        below = range(child_start[v], child_start[v + 1])
        children = [
            Child(c, size=size[c], scratch=scratch[c], staircase=staircases.pop(c)) for c in below
        ]
        if not children:
            staircases[v] = of_leaf(size[v])
            continue
        if len(children) > 1:
            try:
                staircases[v] = Family(size[v], children, in_place=in_place).staircase(limits)
                continue
            except TooManyStatesError as reached:
                given_up = given_up or str(reached)
        staircases[v] = one_after_another(size[v], children, in_place=in_place)
    steps = flat(tuple(record.steps for record in staircases[ROOT]))
    return np.array([ROOT, *steps], np.int32), given_up
