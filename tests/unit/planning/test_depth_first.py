"""DFS+ against the paper's worked trees and a plain version of it; the best order there is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from systems.planning.depth_first import best_depth_first, dfs_plus
from systems.planning.task_tree import TaskTree
from systems.planning.traversal import is_depth_first, is_traversal, peak_bytes
from tests.unit.planning.plain_planning import (
    APPENDIX,
    APPENDIX_2,
    FIGURE_9,
    FIGURE_9_PARENTS,
    depth_first_orders,
    least_of_all_orders,
    plain_dfs_plus,
    plain_peak,
    plain_scratch,
    tree_of,
    trees,
)


def test_figure_9() -> None:
    traversal = dfs_plus(tree_of(FIGURE_9_PARENTS, FIGURE_9))
    assert traversal.order.tolist() == [0, 1, 3, 7, 6, 2, 5, 4]
    assert traversal.order.dtype == np.int32
    assert (traversal.peak_bytes, traversal.name) == (15, "dfs_plus")


@pytest.mark.parametrize(("sizes", "needed"), [(APPENDIX, 12), (APPENDIX_2, 16)])
def test_appendix_trees(sizes: list[int], needed: int) -> None:
    tree = tree_of(FIGURE_9_PARENTS, sizes)
    assert dfs_plus(tree).peak_bytes == needed
    assert best_depth_first(tree).peak_bytes == needed


def test_sums_along_a_path_can_mislead_the_published_order() -> None:
    # Below 2 four vertices of size 3, of which two stand at a time; below 3 a 1 and an 8. The
    # published planner adds up 12 and 9 and goes below 2 last, with 5 + 1 + 8 before that.
    tree = tree_of([-1, 0, 1, 1, 2, 3, 4, 6], [0, 5, 3, 1, 3, 8, 3, 3])
    assert dfs_plus(tree).peak_bytes == 14
    assert best_depth_first(tree).peak_bytes == 11


@given(trees())
def test_dfs_plus_is_the_published_planner(tree: TaskTree) -> None:
    traversal = dfs_plus(tree)
    order, needed = plain_dfs_plus(tree)
    assert traversal.order.tolist() == order
    assert traversal.peak_bytes == needed == peak_bytes(tree, order)


@given(trees(), st.booleans())
def test_the_best_order_is_depth_first_and_needs_what_it_says(
    tree: TaskTree, in_place: bool
) -> None:
    traversal = best_depth_first(tree, in_place=in_place)
    order = traversal.order
    assert is_traversal(tree, order)
    assert is_depth_first(tree, order)
    assert traversal.peak_bytes == plain_peak(tree, order.tolist(), in_place=in_place)
    assert traversal.peak_bytes <= peak_bytes(tree, dfs_plus(tree).order, in_place=in_place)


@given(trees(most=8), st.booleans())
def test_the_best_order_is_the_best_of_all_depth_first_orders(
    tree: TaskTree, in_place: bool
) -> None:
    least = min(plain_peak(tree, order, in_place=in_place) for order in depth_first_orders(tree))
    assert best_depth_first(tree, in_place=in_place).peak_bytes == least


@given(trees(most=8), st.booleans())
def test_where_nothing_shrinks_no_order_at_all_is_better(tree: TaskTree, in_place: bool) -> None:
    sizes = tree.size_bytes.copy()
    for v in range(1, len(tree)):
        if tree.children(v):  # leaves may be small: features are
            sizes[v] = max(sizes[v], sizes[tree.parent[v]])
    tree = tree_of(tree.parent.tolist(), sizes.tolist(), plain_scratch(tree))
    traversal = best_depth_first(tree, in_place=in_place)
    assert traversal.is_optimal
    assert traversal.peak_bytes == least_of_all_orders(tree, in_place=in_place)


def test_where_something_shrinks_nothing_is_promised() -> None:
    traversal = best_depth_first(tree_of(FIGURE_9_PARENTS, APPENDIX))
    assert not traversal.is_optimal
    assert not traversal.reason
