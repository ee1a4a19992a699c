"""DFS+ against the paper's worked trees, and its properties on random trees."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from systems.planning.task_tree import ROOT, TaskTree
from systems.planning.traversal import dfs_plus, is_depth_first, is_traversal, peak_bytes

FIGURE_9_PARENTS = [-1, 0, 1, 1, 2, 2, 3, 3]


def tree_of(parents: list[int], sizes: list[int]) -> TaskTree:
    children: list[list[int]] = [[] for _ in parents]
    for vertex, parent in enumerate(parents[1:], 1):
        children[parent].append(vertex)
    return TaskTree(
        parent=parents,
        block=["", *(f"block{v}" for v in range(1, len(parents)))],
        children=children,
        models={v: (f"model{v}",) for v, below in enumerate(children) if not below},
        size_bytes=sizes,
    )


@st.composite
def trees(draw: st.DrawFn, most: int = 24) -> TaskTree:
    n = draw(st.integers(2, most))
    parents = [-1, *(draw(st.integers(0, v - 1)) for v in range(1, n))]
    sizes = draw(st.lists(st.integers(0, 9), min_size=n, max_size=n))
    return tree_of(parents, sizes)


def test_figure_9() -> None:
    tree = tree_of(FIGURE_9_PARENTS, [0, 9, 6, 4, 4, 2, 2, 2])
    traversal = dfs_plus(tree)
    assert list(traversal.order) == [0, 1, 3, 7, 6, 2, 5, 4]
    assert traversal.peak_bytes == 15
    assert peak_bytes(tree, [0, 1, 3, 2, 7, 6, 5, 4], in_place=True) == 13


def test_appendix_tree() -> None:
    assert dfs_plus(tree_of(FIGURE_9_PARENTS, [0, 9, 1, 1, 4, 2, 2, 2])).peak_bytes == 12
    assert dfs_plus(tree_of(FIGURE_9_PARENTS, [0, 9, 7, 6, 1, 1, 1, 1])).peak_bytes == 16


def test_appendix_tree_has_a_better_order_that_is_not_depth_first() -> None:
    tree = tree_of(FIGURE_9_PARENTS, [0, 9, 1, 1, 4, 2, 2, 2])
    better = [0, 1, 2, 3, 7, 6, 5, 4]
    assert is_traversal(tree, better)
    assert not is_depth_first(tree, better)
    assert peak_bytes(tree, better) == 11
    assert peak_bytes(tree, better, in_place=True) == 10


def test_a_chain_holds_parent_and_child() -> None:
    tree = tree_of([-1, 0, 1, 2], [0, 5, 7, 1])
    assert dfs_plus(tree).peak_bytes == 12
    assert peak_bytes(tree, [0, 1, 2, 3], in_place=True) == 7


@given(trees())
def test_the_published_requirement_is_what_its_order_needs(tree: TaskTree) -> None:
    traversal = dfs_plus(tree)
    assert is_traversal(tree, traversal.order)
    assert is_depth_first(tree, traversal.order)
    assert traversal.order[0] == ROOT
    assert traversal.peak_bytes == peak_bytes(tree, traversal.order)
    assert peak_bytes(tree, traversal.order, in_place=True) <= traversal.peak_bytes


@given(trees(most=6))
def test_no_order_needs_less_than_parent_and_child(tree: TaskTree) -> None:
    least = max(tree.size_bytes[v] + tree.size_bytes[tree.parent[v]] for v in range(1, len(tree)))
    for rest in itertools.permutations(range(1, len(tree))):
        order = [ROOT, *rest]
        if is_traversal(tree, order):
            assert peak_bytes(tree, order) >= least
