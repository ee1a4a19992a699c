"""Orders in which to compute a task tree, and the memory that they need.

The model of memory: computing a vertex needs its parent resident and adds the vertex;
the parent is released as soon as its last child has been computed; a leaf is scored
and released at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from systems.planning.task_tree import ROOT, TaskTree


@dataclass(frozen=True, kw_only=True, slots=True)
class Traversal:
    """An order of all vertices, the root first, and the bytes per item that it needs."""

    order: Sequence[int]
    peak_bytes: int


def dfs_plus(tree: TaskTree) -> Traversal:
    """The published planner (paper, section 4.3, DFS+); linear but for sorting siblings.

    Depth first; of several children the one with the largest cache requirement is visited
    last, since the parent can be released below it. Of equal ones the first is last, as in
    the paper's figure 9.
    """
    parent, size, children = tree.parent, tree.size_bytes, tree.children
    vertices = range(len(tree))
    # (1) top-down: everything on the path from the root is resident
    on_path = [0] * len(tree)
    for v in vertices:
        on_path[v] = size[v] + (on_path[parent[v]] if v != ROOT else 0)
    # (2) bottom-up: the largest such sum in the subtree
    largest = on_path.copy()
    for v in reversed(vertices):
        if v != ROOT and largest[v] > largest[parent[v]]:
            largest[parent[v]] = largest[v]
    visits = [
        sorted(below, key=lambda c: (largest[c], -c)) if len(below) > 1 else below
        for below in children
    ]
    # (3) top-down: below the child that is visited last, the parent is gone
    released = [0] * len(tree)
    peak = size[ROOT]
    for v in vertices:
        if v != ROOT:
            peak = max(peak, on_path[v] - released[v])
        for c in children[v]:
            is_last_of_parent = v != ROOT and visits[parent[v]][-1] == v
            released[c] = released[v] + (size[parent[v]] if is_last_of_parent else 0)
    return Traversal(order=_depth_first(visits), peak_bytes=peak)


def peak_bytes(tree: TaskTree, order: Sequence[int], *, in_place: bool = False) -> int:
    """Bytes per item that computing ``tree`` in ``order`` needs, by simulation.

    With ``in_place`` the parent of a last child gives up its batches one by one while
    they are read, so that parent and child never stand there whole at the same time.
    """
    size = tree.size_bytes
    unfinished = [len(below) for below in tree.children]
    resident = peak = size[ROOT]
    for v in order[1:]:
        p = tree.parent[v]
        unfinished[p] -= 1
        if unfinished[p] == 0:
            resident -= size[p]
            peak = max(peak, resident + (max(size[p], size[v]) if in_place else size[p] + size[v]))
        else:
            peak = max(peak, resident + size[v])
        if tree.children[v]:
            resident += size[v]
    return peak


def is_traversal(tree: TaskTree, order: Sequence[int]) -> bool:
    """Whether ``order`` visits every vertex once, each after its parent."""
    place = {v: i for i, v in enumerate(order)}
    return (
        len(order) == len(place) == len(tree)
        and order[0] == ROOT
        and all(place[tree.parent[v]] < place[v] for v in order[1:])
    )


def is_depth_first(tree: TaskTree, order: Sequence[int]) -> bool:
    """Whether ``order`` finishes every subtree before it leaves it."""
    path = [ROOT]
    for _, v in pairwise(order):
        while path and path[-1] != tree.parent[v]:
            path.pop()
        if not path:
            return False
        path.append(v)
    return True


def _depth_first(visits: Sequence[Sequence[int]]) -> list[int]:
    order: list[int] = []
    waiting = [ROOT]
    while waiting:
        v = waiting.pop()
        order.append(v)
        waiting.extend(reversed(visits[v]))
    return order
