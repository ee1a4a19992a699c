"""What an order needs, and what is an order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from systems.planning.task_tree import ROOT, TaskTree
from systems.planning.traversal import is_depth_first, is_traversal, peak_bytes
from tests.unit.planning.plain_planning import (
    APPENDIX,
    FIGURE_9,
    FIGURE_9_PARENTS,
    depth_first_orders,
    plain_peak,
    tree_of,
    trees,
)


@pytest.mark.parametrize(
    ("sizes", "order", "plain", "in_place"),
    [
        (FIGURE_9, [0, 1, 3, 7, 6, 2, 5, 4], 15, 15),
        (FIGURE_9, [0, 1, 3, 2, 7, 6, 5, 4], 19, 13),
        (APPENDIX, [0, 1, 3, 7, 6, 2, 5, 4], 12, 12),
        (APPENDIX, [0, 1, 2, 3, 7, 6, 5, 4], 11, 10),
    ],
)
def test_worked_orders(sizes: list[int], order: list[int], plain: int, in_place: int) -> None:
    tree = tree_of(FIGURE_9_PARENTS, sizes)
    assert is_traversal(tree, order)
    assert peak_bytes(tree, order) == plain
    assert peak_bytes(tree, order, in_place=True) == in_place


def test_a_chain_holds_parent_and_child() -> None:
    tree = tree_of([-1, 0, 1, 2], [0, 5, 7, 1])
    assert peak_bytes(tree, [0, 1, 2, 3]) == 12
    assert peak_bytes(tree, [0, 1, 2, 3], in_place=True) == 7


def test_the_input_alone() -> None:
    assert peak_bytes(tree_of([-1], [5]), [ROOT]) == 5


@st.composite
def trees_with_orders(draw: st.DrawFn) -> tuple[TaskTree, list[int]]:
    tree = draw(trees())
    order, ready = [ROOT], list(tree.children(ROOT))
    while ready:
        v = ready.pop(draw(st.integers(0, len(ready) - 1)))
        order.append(v)
        ready.extend(tree.children(v))
    return tree, order


@given(trees_with_orders(), st.booleans())
def test_peaks_agree_with_a_simulation_step_by_step(
    case: tuple[TaskTree, list[int]], in_place: bool
) -> None:
    tree, order = case
    assert is_traversal(tree, order)
    assert peak_bytes(tree, order, in_place=in_place) == plain_peak(tree, order, in_place=in_place)


@given(trees_with_orders())
def test_what_is_no_traversal(case: tuple[TaskTree, list[int]]) -> None:
    tree, order = case
    assert not is_traversal(tree, order[:-1])
    assert not is_traversal(tree, [*order[:-1], order[0]]) or len(order) == 1
    if len(order) > 1:
        assert not is_traversal(tree, order[::-1])
        assert not is_traversal(tree, [*order, order[-1]])


@given(trees(most=7), st.data())
def test_depth_first_is_what_finishes_each_subtree(tree: TaskTree, data: st.DataObject) -> None:
    orders = list(depth_first_orders(tree))
    assert is_depth_first(tree, data.draw(st.sampled_from(orders)))
    order = [ROOT, *data.draw(st.permutations(range(1, len(tree))))]
    if is_traversal(tree, order):
        assert is_depth_first(tree, order) == (order in orders)
