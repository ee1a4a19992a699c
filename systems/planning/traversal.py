"""Orders in which to compute a task tree, and the memory that they need.

The model of memory: computing a vertex needs its parent resident and adds the vertex, and
scratch memory until it is done; the parent is released as soon as its last child has been
computed; a leaf is scored and released at once. *In place*, a parent gives up its batches one
by one while its last child reads them, so that the two never stand there whole at the same
time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from systems.planning.task_tree import ROOT, TaskTree

Order = np.ndarray | Sequence[int]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Traversal:
    """An order of all vertices and the memory that it needs."""

    order: np.ndarray
    """int32 [V]; the root first."""
    peak_bytes: int
    """Most bytes per item that stand at once, in the model of memory of its planner."""
    name: str
    """What planned it."""
    is_optimal: bool
    """Whether it is proven that no order needs less."""
    reason: str = ""
    """Why it is proven, or why not; may be empty where no proof was looked for."""


def peak_bytes(tree: TaskTree, order: Order, *, in_place: bool = False) -> int:
    """Bytes per item that computing ``tree`` in ``order`` needs, by simulation."""
    v = np.asarray(order)[1:]
    p = tree.parent[v]
    places = np.arange(len(v), dtype=np.int32)
    last_place = np.empty(len(tree), np.int32)
    last_place[p] = places  # of several children of a parent, the last one stays
    is_last = last_place[p] == places
    new, above = tree.size_bytes[v], tree.size_bytes[p]
    kept = np.where(tree.child_start[v + 1] > tree.child_start[v], new, 0)
    change = kept - np.where(is_last, above, 0)
    root = int(tree.size_bytes[ROOT])
    before = root + np.cumsum(change) - change
    need = before + new
    if in_place:
        np.copyto(need, before - above + np.maximum(above, new), where=is_last)
    if tree.scratch_bytes is not None:
        need += tree.scratch_bytes[v]
    return max(root, int(need.max(initial=0)))


def is_traversal(tree: TaskTree, order: Order) -> bool:
    """Whether ``order`` visits every vertex once, each after its parent."""
    order = np.asarray(order)
    if len(order) != len(tree) or (np.sort(order) != np.arange(len(tree))).any():
        return False
    place = _places(order)
    return bool((place[tree.parent[1:]] < place[1:]).all())


def is_depth_first(tree: TaskTree, order: Order) -> bool:
    """Whether ``order``, a traversal, finishes every subtree before it leaves it."""
    place = _places(np.asarray(order))
    last, count = place.copy(), np.ones(len(tree), np.int64)
    for v in range(len(tree) - 1, ROOT, -1):
        p = tree.parent[v]
        last[p] = max(last[p], last[v])
        count[p] += count[v]
    return bool((last - place + 1 == count).all())


def _places(order: np.ndarray) -> np.ndarray:
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return place
