"""Depth-first orders of a task tree: the published one, and the best there is.

Both are worked out level by level on arrays, without a loop over vertices. Nothing but the
order is kept for all levels at once: at a million models, each array of all vertices counts.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from systems.planning.task_tree import ROOT, TaskTree
from systems.planning.traversal import Traversal


def dfs_plus(tree: TaskTree) -> Traversal:
    """The published planner (paper, section 4.3, DFS+); linear but for sorting siblings.

    Depth first; of several children the one with the largest cache requirement is visited
    last, since the parent can be released below it. Of equal ones the first is last, as in
    the paper's figure 9.

    The requirement is the largest sum of sizes on a path from the root through the child.
    What lies above is the same for all siblings, so the sums start at the child here.
    """
    size = tree.size_bytes
    levels = tree.levels()
    visits = np.arange(len(tree), dtype=np.int32)
    sums = size[levels[-1]]
    for level in reversed(levels[:-1]):
        several, count = _with_siblings(tree, level)
        if len(several):
            c, family = _children(tree, several, count)
            order = np.lexsort((-c, sums[c - level.stop], family))
            visits[c] = c[order]
        sums = size[level] + _of_children(tree, level, sums, np.maximum)
    return Traversal(
        peak_bytes=_published_peak(tree, visits),
        order=_preorder(tree, visits),
        name="dfs_plus",
        is_optimal=False,
    )


def best_depth_first(tree: TaskTree, *, in_place: bool = False) -> Traversal:
    """The depth-first order that needs the least memory; linear.

    Bottom-up, counting from empty: within the subtree of v, Q(v) bytes are needed once v
    stands there, and P(v) = max(f(v) + n(v), Q(v)) with computing v itself, whose size is f(v)
    and whose scratch memory n(v). With the child l visited last, Q(v) is the largest of
    f(v) + P(c) of every other child c, of v and l together with l's scratch, and of Q(l); each
    child is tried as the last. The order of the others does not matter. Where no inner vertex
    is smaller than its parent, no other order needs less.
    """
    size = tree.size_bytes
    levels = tree.levels()
    visits = np.arange(len(tree), dtype=np.int32)
    below = np.zeros(levels[-1].stop - levels[-1].start, np.int64)  # Q of a level
    shrinks = False
    for level in reversed(levels[:-1]):
        v = size[level]
        has_child = np.diff(tree.child_start[level.start : level.stop + 1]) > 0
        if level.start != ROOT:
            above = size[tree.parent[level]]
            shrinks |= bool((v < above)[has_child].any())
        # right where there is one child, the others follow
        last = _of_children(tree, level, size[_next(tree, level)], np.maximum)
        q = np.maximum(v, last) if in_place else v + last
        if tree.scratch_bytes is not None:
            scratch = tree.scratch_bytes[_next(tree, level)]
            q += _of_children(tree, level, scratch, np.maximum)
        np.maximum(q, _of_children(tree, level, below, np.maximum), out=q)
        q[~has_child] = 0
        _choose_last(tree, level, q, below, visits, in_place=in_place)
        below = q
    return Traversal(
        order=_preorder(tree, visits),
        peak_bytes=int(max(size[ROOT], below[ROOT])),
        name="best_depth_first",
        is_optimal=not shrinks,
        reason="" if shrinks else "no inner vertex is smaller than its parent",
    )


def _choose_last(
    tree: TaskTree,
    level: slice,
    of_level: np.ndarray,
    below: np.ndarray,
    visits: np.ndarray,
    *,
    in_place: bool,
) -> None:
    """Find the best last child of each vertex of ``level`` with several children.

    ``below`` holds Q of the level below. Fills in Q in ``of_level``, and ``visits`` where the
    children are.
    """
    v, count = _with_siblings(tree, level)
    if not len(v):
        return
    c, family = _children(tree, v, count)
    start = np.cumsum(count) - count  # of each family within c
    q, size, above = below[c - level.stop], tree.size_bytes[c], tree.size_bytes[v]
    scratch = None if tree.scratch_bytes is None else tree.scratch_bytes[c]
    p = np.maximum(size if scratch is None else size + scratch, q)
    most = np.maximum.reduceat(p, start)
    is_most = p == most[family]
    second = np.maximum.reduceat(np.where(is_most, 0, p), start)
    is_only_most = is_most & (np.add.reduceat(is_most, start, dtype=np.int32) == 1)[family]
    need = above[family] + np.where(is_only_most, second[family], most[family])
    together = np.maximum(above[family], size) if in_place else above[family] + size
    if scratch is not None:
        together += scratch
    np.maximum(need, together, out=need)
    np.maximum(need, q, out=need)
    least = np.minimum.reduceat(need, start)
    chosen = np.minimum.reduceat(np.where(need == least[family], c, len(tree)), start)
    later = c[c > chosen[family]]
    visits[later - 1] = later
    visits[tree.child_start[v + 1] - 1] = chosen
    of_level[v - level.start] = least


def _published_peak(tree: TaskTree, visits: np.ndarray) -> int:
    """Step (3) of DFS+, top-down: below the child that is visited last, the parent is gone."""
    size, levels = tree.size_bytes, tree.levels()
    held = size[levels[0]]  # on the path down to a vertex, while that is computed
    gone = np.zeros_like(held)
    peak = int(held.max())
    for above, level in pairwise(levels):
        parents = size[above]
        held = size[level] + _of_parents(tree, above, held - gone)
        at_work = held if tree.scratch_bytes is None else held + tree.scratch_bytes[level]
        peak = max(peak, int(at_work.max()))
        is_last = np.zeros(len(held), bool)
        ends = tree.child_start[above.start + 1 : above.stop + 1]
        ends = ends[ends > tree.child_start[above]]
        is_last[visits[ends - 1] - level.start] = True
        gone = np.where(is_last, _of_parents(tree, above, parents), 0)
    return peak


def _preorder(tree: TaskTree, visits: np.ndarray) -> np.ndarray:
    """The order that goes depth first and, within each family, in that of ``visits``.

    A vertex stands behind its parent and the whole subtrees of the siblings before it, so
    the sizes of the subtrees give its place.
    """
    levels = tree.levels()
    place = np.ones(len(tree), np.int32)  # at first the sizes of the subtrees
    for level in reversed(levels[:-1]):
        place[level] += _of_children(tree, level, place[_next(tree, level)], np.add)
    place[ROOT] = 0
    for above, level in pairwise(levels):
        if tree.is_straight(above):
            np.add(place[above], 1, out=place[level])
            continue
        v = visits[level]
        subtree = place[v]
        before = np.cumsum(subtree, dtype=np.int32) - subtree
        first = tree.child_start[above]
        # of a vertex without children, what is taken does not matter
        family = before[np.minimum(first - level.start, len(before) - 1)]
        place[v] = 1 + before + _of_parents(tree, above, place[above] - family)
    order = np.empty(len(tree), np.int32)
    order[place] = np.arange(len(tree), dtype=np.int32)
    return order


def _next(tree: TaskTree, level: slice) -> slice:
    """The level below."""
    return slice(level.stop, int(tree.child_start[level.stop]))


def _with_siblings(tree: TaskTree, level: slice) -> tuple[np.ndarray, np.ndarray]:
    """The vertices of a level with several children, and how many they have."""
    if tree.is_straight(level):
        return np.empty(0, np.int64), np.empty(0, np.int32)
    count = np.diff(tree.child_start[level.start : level.stop + 1])
    several = np.flatnonzero(count > 1)
    return several + level.start, count[several]


def _children(tree: TaskTree, v: np.ndarray, count: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The children of the vertices ``v``, and the place in ``v`` of the parent of each."""
    family = np.repeat(np.arange(len(v)), count)
    start = np.cumsum(count) - count
    return np.arange(len(family)) + (tree.child_start[v] - start)[family], family


def _of_children(tree: TaskTree, level: slice, values: np.ndarray, combine: np.ufunc) -> np.ndarray:
    """For each vertex of a level, its children's ``values`` combined; 0 where it has none."""
    if tree.is_straight(level):
        return values
    first = tree.child_start[level] - level.stop
    inner = np.flatnonzero(np.diff(tree.child_start[level.start : level.stop + 1]))
    of_each = np.zeros(len(first), values.dtype)
    of_each[inner] = combine.reduceat(values, first[inner])
    return of_each


def _of_parents(tree: TaskTree, above: slice, values: np.ndarray) -> np.ndarray:
    """For each vertex of the level below ``above``, the value of its parent."""
    if tree.is_straight(above):
        return values
    return values[tree.parent[_next(tree, above)] - above.start]
