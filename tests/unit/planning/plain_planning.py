"""The rules of planning once more, vertex by vertex: what the code on arrays has to agree with."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
from hypothesis import strategies as st

from systems.planning.task_tree import ROOT, TaskTree

FIGURE_9_PARENTS = [-1, 0, 1, 1, 2, 2, 3, 3]
FIGURE_9 = [0, 9, 6, 4, 4, 2, 2, 2]
APPENDIX = [0, 9, 1, 1, 4, 2, 2, 2]
APPENDIX_2 = [0, 9, 7, 6, 1, 1, 1, 1]


def tree_of(
    parents: Sequence[int], sizes: Sequence[int], scratch: Sequence[int] | None = None
) -> TaskTree:
    """The tree with these parents, which never fall; the block into v is ``block<v>``."""
    assert list(parents[1:]) == sorted(parents[1:])
    depth = [0] * len(parents)
    for v in range(1, len(parents)):
        depth[v] = depth[parents[v]] + 1
    counts = np.bincount(np.array(parents[1:], np.int64), minlength=len(parents))
    leaves = np.flatnonzero(counts == 0)
    return TaskTree(
        parent=np.array(parents, np.int32),
        block=np.arange(-1, len(parents) - 1, dtype=np.int32),
        child_start=np.concatenate(([1], 1 + np.cumsum(counts))).astype(np.int32),
        size_bytes=np.array(sizes, np.int64),
        level_start=np.searchsorted(depth, np.arange(max(depth) + 2)).astype(np.int32),
        model_vertex=leaves.astype(np.int32),
        block_hashes=tuple(f"block{v}" for v in range(1, len(parents))),
        model_ids=tuple(f"model{v}" for v in leaves),
        scratch_bytes=None if scratch is None else np.array(scratch, np.int64),
    )


@st.composite
def trees(draw: st.DrawFn, most: int = 24) -> TaskTree:
    """Any shape, any sizes, zero among them; the root's too. Half of them with scratch."""
    n = draw(st.integers(1, most))
    parents = [-1]
    for v in range(1, n):
        parents.append(draw(st.integers(max(parents[-1], 0), v - 1)))
    largest = draw(st.sampled_from([1, 9, 1000]))
    values = st.lists(st.integers(0, largest), min_size=n, max_size=n)
    scratch = [0, *draw(values)[1:]] if draw(st.booleans()) else None
    return tree_of(parents, draw(values), scratch)


def plain_scratch(tree: TaskTree) -> list[int]:
    return [0] * len(tree) if tree.scratch_bytes is None else tree.scratch_bytes.tolist()


def plain_peak(tree: TaskTree, order: Sequence[int], *, in_place: bool) -> int:
    size, parent = tree.size_bytes.tolist(), tree.parent.tolist()
    scratch = plain_scratch(tree)
    unfinished = [len(tree.children(v)) for v in range(len(tree))]
    resident = peak = size[ROOT]
    for v in order[1:]:
        p = parent[v]
        unfinished[p] -= 1
        if unfinished[p] == 0:
            resident -= size[p]
            together = max(size[p], size[v]) if in_place else size[p] + size[v]
            peak = max(peak, resident + together + scratch[v])
        else:
            peak = max(peak, resident + size[v] + scratch[v])
        if tree.children(v):
            resident += size[v]
    return peak


def plain_dfs_plus(tree: TaskTree) -> tuple[list[int], int]:
    """Order and requirement as in the paper, section 4.3, in three steps."""
    size, parent, vertices = tree.size_bytes.tolist(), tree.parent.tolist(), range(len(tree))
    on_path = [0] * len(tree)
    for v in vertices:
        on_path[v] = size[v] + (on_path[parent[v]] if v else 0)
    largest = on_path.copy()
    for v in reversed(vertices[1:]):
        largest[parent[v]] = max(largest[parent[v]], largest[v])
    visits = [sorted(tree.children(v), key=lambda c: (largest[c], -c)) for v in vertices]
    released = [0] * len(tree)
    for v in vertices:
        for c in visits[v]:
            is_last = v != ROOT and visits[parent[v]][-1] == v
            released[c] = released[v] + (size[parent[v]] if is_last else 0)
    scratch = plain_scratch(tree)
    return _depth_first(visits), max(on_path[v] - released[v] + scratch[v] for v in vertices)


def depth_first_orders(tree: TaskTree) -> Iterator[list[int]]:
    families = [list(itertools.permutations(tree.children(v))) for v in range(len(tree))]
    return (_depth_first(visits) for visits in itertools.product(*families))


def least_of_all_orders(tree: TaskTree, *, in_place: bool) -> int:
    """Exhaustive: for every set of computed vertices, the least peak with which to get there."""
    n, size, parent = len(tree), tree.size_bytes.tolist(), tree.parent.tolist()
    scratch = plain_scratch(tree)
    below = [sum(1 << c for c in tree.children(v)) for v in range(n)]
    reached = {1: size[ROOT]}
    for _ in range(n - 1):
        following: dict[int, int] = {}
        for done, peak in reached.items():
            resident = sum(size[v] for v in range(n) if done >> v & 1 and below[v] & ~done)
            for v in range(1, n):
                p = parent[v]
                if done >> v & 1 or not done >> p & 1:
                    continue
                need = resident + size[v] + scratch[v]
                if in_place and below[p] & ~done == 1 << v:
                    need = resident - size[p] + max(size[p], size[v]) + scratch[v]
                now = done | 1 << v
                following[now] = min(following.get(now, max(peak, need)), max(peak, need))
        reached = following
    return reached[(1 << n) - 1]


def _depth_first(visits: Sequence[Sequence[int]]) -> list[int]:
    order: list[int] = []
    waiting = [ROOT]
    while waiting:
        v = waiting.pop()
        order.append(v)
        waiting.extend(reversed(visits[v]))
    return order
