"""The exact traversal against an exhaustive search, and its caps."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from systems.planning.depth_first import best_depth_first, dfs_plus
from systems.planning.family import Limits
from systems.planning.minimum_memory import least_bytes, minimum_memory, search
from systems.planning.task_tree import TaskTree, tree_of_rows
from systems.planning.traversal import is_traversal, peak_bytes
from tests.unit.planning.plain_planning import (
    APPENDIX,
    APPENDIX_2,
    FIGURE_9,
    FIGURE_9_PARENTS,
    least_of_all_orders,
    tree_of,
    trees,
)


@pytest.mark.parametrize(
    ("sizes", "plain", "in_place"), [(FIGURE_9, 15, 13), (APPENDIX, 11, 10), (APPENDIX_2, 16, 15)]
)
def test_worked_trees(sizes: list[int], plain: int, in_place: int) -> None:
    tree = tree_of(FIGURE_9_PARENTS, sizes)
    assert minimum_memory(tree).peak_bytes == plain
    assert minimum_memory(tree, in_place=True).peak_bytes == in_place
    assert minimum_memory(tree).is_optimal


@given(trees(most=9), st.booleans())
def test_no_order_of_all_needs_less(tree: TaskTree, in_place: bool) -> None:
    traversal = minimum_memory(tree, in_place=in_place, time_cap_s=60)
    assert is_traversal(tree, traversal.order)
    assert traversal.peak_bytes == peak_bytes(tree, traversal.order, in_place=in_place)
    assert traversal.peak_bytes == least_of_all_orders(tree, in_place=in_place)
    assert traversal.is_optimal
    assert traversal.reason


@given(trees(most=9), st.booleans())
def test_the_search_alone_finds_it_too(tree: TaskTree, in_place: bool) -> None:
    limits = Limits(states=10_000, end_s=time.monotonic() + 60)
    order, given_up = search(tree, limits, in_place=in_place)
    assert not given_up
    assert is_traversal(tree, order)
    least = least_of_all_orders(tree, in_place=in_place)
    assert peak_bytes(tree, order, in_place=in_place) == least


@given(trees(most=9), st.booleans())
def test_what_a_family_needs_by_itself_is_a_bound(tree: TaskTree, in_place: bool) -> None:
    assert least_bytes(tree, in_place=in_place) <= least_of_all_orders(tree, in_place=in_place)


@given(trees(most=40), st.booleans(), st.sampled_from([0, 1, 3, 10_000]))
def test_never_worse_than_depth_first_whatever_the_cap(
    tree: TaskTree, in_place: bool, states_cap: int
) -> None:
    traversal = minimum_memory(tree, in_place=in_place, states_cap=states_cap, time_cap_s=60)
    assert is_traversal(tree, traversal.order)
    assert traversal.peak_bytes == peak_bytes(tree, traversal.order, in_place=in_place)
    assert traversal.peak_bytes <= best_depth_first(tree, in_place=in_place).peak_bytes
    assert traversal.peak_bytes <= peak_bytes(tree, dfs_plus(tree).order, in_place=in_place)


def hard_tree(models: int, blocks: int = 25) -> TaskTree:
    """Intermediates of any size, half of each model its own: large and small beside another."""
    chance = np.random.default_rng(3)
    rows = np.arange(models * blocks).reshape(models, blocks)
    for m in range(1, models):
        kept = blocks - int(chance.integers(6, 19))
        rows[m, :kept] = rows[chance.integers(m), :kept]
    sizes = np.tile(chance.integers(1, 100, blocks), models)
    return tree_of_rows(rows, output_bytes=sizes, input_bytes=7)


def test_past_the_cap_of_states_it_says_so() -> None:
    tree = hard_tree(40)
    exact = minimum_memory(tree, time_cap_s=60)
    capped = minimum_memory(tree, states_cap=1, time_cap_s=60)
    assert exact.is_optimal
    assert exact.reason == "exact search"
    assert not capped.is_optimal
    assert "more than 1 states at one vertex" in capped.reason
    assert exact.peak_bytes < capped.peak_bytes <= best_depth_first(tree).peak_bytes


def test_past_the_cap_of_time_it_says_so() -> None:
    tree = hard_tree(1000)
    capped = minimum_memory(tree, time_cap_s=0.15, states_cap=10**9)
    assert not capped.is_optimal
    assert "the time was up" in capped.reason
    assert is_traversal(tree, capped.order)
    assert capped.peak_bytes <= best_depth_first(tree).peak_bytes


def test_too_many_vertices_are_not_even_searched() -> None:
    tree = hard_tree(500)
    best = best_depth_first(tree)
    capped = minimum_memory(tree, time_cap_s=0.001)
    assert not capped.is_optimal
    assert f"{len(tree):,} vertices are too many" in capped.reason
    assert capped.order.tolist() == best.order.tolist()


def test_transformers_need_no_search() -> None:
    rows = np.array([[0, 1, 2, 3], [0, 1, 4, 5], [0, 1, 4, 6], [0, 7, 8, 9]])
    tree = tree_of_rows(rows, output_bytes=np.array([50] * 10), input_bytes=60)
    traversal = minimum_memory(tree)
    assert traversal.is_optimal
    assert "no inner vertex is smaller" in traversal.reason
