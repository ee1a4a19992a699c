"""Cutting an order into stages."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from systems.planning.depth_first import dfs_plus
from systems.planning.stages import families_together, least_crossing, siblings_first
from systems.planning.task_tree import TaskTree
from systems.planning.traversal import is_traversal
from tests.unit.planning.random_trees import model_trees, tree_from


def all_cuts(steps: int) -> list[tuple[int, ...]]:
    inner = range(1, steps)
    return [
        (0, *chosen, steps)
        for count in range(steps)
        for chosen in itertools.combinations(inner, count)
    ]


def fits(cuts: tuple[int, ...], parameters: list[int], room: int) -> bool:
    return all(
        sum(parameters[first:last]) <= room or last == first + 1
        for first, last in itertools.pairwise(cuts)
    )


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(1, 9)), min_size=1, max_size=8),
    st.integers(1, 30),
)
def test_cuts_are_the_best_of_all(steps: list[tuple[int, int]], room: int) -> None:
    crossing, parameters = [c for c, _ in steps], [p for _, p in steps]
    possible = [cuts for cuts in all_cuts(len(steps)) if fits(cuts, parameters, room)]

    def crossed(cuts) -> list[int]:  # type: ignore[no-untyped-def]
        return [crossing[int(cut) - 1] for cut in cuts[1:-1]] or [0]

    careful, cheap = (
        (found := least_crossing(np.array(crossing), np.array(parameters), room_bytes=room))[0],
        found[-1],
    )
    assert {tuple(careful.tolist()), tuple(cheap.tolist())} <= set(possible)
    largest = min(max(crossed(cuts)) for cuts in possible)
    assert max(crossed(careful)) == largest
    assert sum(crossed(careful)) == min(
        sum(crossed(cuts)) for cuts in possible if max(crossed(cuts)) == largest
    )
    assert sum(crossed(cheap)) == min(sum(crossed(cuts)) for cuts in possible)


def test_small_children_come_right_after_a_large_parent() -> None:
    #  b1 (9) → b2 (2), b3 (3), each with two leaves
    tree = tree_from([-1, 0, 1, 1, 2, 2, 3, 3], [0, 9, 2, 3, 1, 1, 1, 1])
    order = siblings_first(tree, dfs_plus(tree).order)
    names = [tree.hash_of(v) for v in order[1:].tolist()]
    assert names[:3] in (["b1", "b2", "b3"], ["b1", "b3", "b2"])
    assert families_together(tree, order).tolist()[:2] == [0, 3]


def test_large_children_stay_where_they_are() -> None:
    tree = tree_from([-1, 0, 1, 1, 2, 2, 3, 3], [0, 4, 2, 3, 1, 1, 1, 1])
    order = dfs_plus(tree).order
    assert siblings_first(tree, order).tolist() == order.tolist()


@given(model_trees())
def test_siblings_first_is_a_traversal_and_families_are_its_stages(tree: TaskTree) -> None:
    order = siblings_first(tree, dfs_plus(tree).order)
    assert is_traversal(tree, order)
    bounds = families_together(tree, order).tolist()
    assert bounds[0] == 0
    assert bounds[-1] == len(tree) - 1
    assert bounds == sorted(set(bounds))
    vertices = order[1:].tolist()
    for first, last in itertools.pairwise(bounds):
        stage = vertices[first:last]
        parents = {int(tree.parent[v]) for v in stage}
        assert len(parents - set(stage)) <= 1
