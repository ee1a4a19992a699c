"""Staircases worked out by hand."""

from __future__ import annotations

import time

import pytest

from systems.planning.family import Family, Limits, TooManyStatesError
from systems.planning.staircase import Child, Staircase, flat, of_leaf, one_after_another


def leaf(vertex: int, size: int) -> Child:
    return Child(vertex, size=size, scratch=0, staircase=of_leaf(size))


def limits(states: int = 100) -> Limits:
    return Limits(states=states, end_s=time.monotonic() + 60)


def shape(staircase: Staircase) -> list[tuple[int, int, list[int]]]:
    return [(r.hill, r.level, flat(r.steps)) for r in staircase]


def test_a_leaf_is_done_where_it_stands() -> None:
    assert shape(of_leaf(7)) == [(0, -7, [])]
    child = leaf(1, 7)
    assert (child.last, child.most, child.holds) == (1, 7, [0, 0])


def test_a_chain_rests_where_it_is_small() -> None:
    # 10 → 3 → 12: with a rise of 3 it comes to rest 7 lower, with a rise of 5 it is done.
    child = Child(
        1, size=3, scratch=0, staircase=one_after_another(3, [leaf(2, 12)], in_place=False)
    )
    assert shape(one_after_another(10, [child], in_place=False)) == [(3, -7, [1]), (5, -10, [2])]
    # In place, 3 comes out of the 10, and 12 stands there without the 3.
    child = Child(
        1, size=3, scratch=0, staircase=one_after_another(3, [leaf(2, 12)], in_place=True)
    )
    assert shape(one_after_another(10, [child], in_place=True)) == [(0, -7, [1]), (2, -10, [2])]


def test_scratch_memory_is_a_hill_and_no_level() -> None:
    child = Child(1, size=3, scratch=4, staircase=of_leaf(3))
    assert (child.hills, child.holds, child.most) == ([0, 7], [0, 0], 7)
    assert shape(one_after_another(10, [child], in_place=False)) == [(7, -10, [1])]
    # In place, 3 comes out of the 10, and the 4 are needed beside.
    assert shape(one_after_another(10, [child], in_place=True)) == [(4, -10, [1])]


def test_the_larger_of_two_leaves_is_last_where_that_is_in_place() -> None:
    children = [leaf(4, 4), leaf(5, 2)]
    for staircase in (
        Family(6, children, in_place=True).staircase(limits()),
        one_after_another(6, children, in_place=True),
    ):
        assert shape(staircase) == [(2, -6, [5, 4])]
    (record,) = Family(6, children, in_place=False).staircase(limits())
    assert (record.hill, record.level) == (4, -6)


def test_two_children_are_started_before_one_is_finished() -> None:
    # The appendix's tree below its vertex 1: both children are 1, the work below them 4 and 2.
    def middle(vertex: int, sizes: list[int]) -> Child:
        leaves = [leaf(2 * vertex + n, size) for n, size in enumerate(sizes)]
        below = one_after_another(1, leaves, in_place=False)
        return Child(vertex, size=1, scratch=0, staircase=below)

    children = [middle(2, [4, 2]), middle(3, [2, 2])]
    exact = Family(9, children, in_place=False).staircase(limits())
    one_by_one = one_after_another(9, children, in_place=False)
    # Both stand there with a rise of 2; then the 9 is gone, and there is room for 4 and 2.
    ((hill, level, steps),) = shape(exact)
    assert (hill, level) == (2, -9)
    assert sorted(steps[:2]) == [2, 3]
    assert sorted(steps[2:]) == [4, 5, 6, 7]
    assert max(record.hill for record in one_by_one) == 3


def test_a_search_says_at_which_limit_it_was_given_up() -> None:
    children = [leaf(vertex, vertex) for vertex in range(1, 5)]
    with pytest.raises(TooManyStatesError, match="more than 0 states at one vertex"):
        Family(9, children, in_place=True).staircase(limits(states=0))
    with pytest.raises(TooManyStatesError, match="the time was up"):
        Family(9, children, in_place=True).staircase(Limits(states=100, end_s=0.0))
