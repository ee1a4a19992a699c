"""Layouts: what each step keeps, what crosses stages, what is computed again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from systems.planning.depth_first import dfs_plus
from systems.planning.plan import Layout, lay_out, lay_out_again
from systems.planning.stages import all_at_once, one_by_one
from systems.planning.task_tree import ROOT, TaskTree
from tests.unit.planning.carrying_out import carry_out
from tests.unit.planning.random_trees import model_trees, tree_from

FIGURE_9 = tree_from([-1, 0, 1, 1, 2, 2, 3, 3], [0, 9, 6, 4, 4, 2, 2, 2])


@st.composite
def layouts(draw: st.DrawFn) -> Layout:
    tree = draw(model_trees())
    steps = len(tree) - 1
    cuts = draw(st.sets(st.integers(1, max(1, steps - 1)), max_size=steps))
    bounds = np.array(sorted({0, steps} | {cut for cut in cuts if cut < steps}))
    layout = lay_out(tree, dfs_plus(tree).order, bounds)
    not_kept = draw(st.sets(st.integers(0, steps), max_size=4))
    return lay_out_again(layout, frozenset(not_kept)) if not_kept else layout


def test_figure_9_block_by_block() -> None:
    layout = lay_out(FIGURE_9, dfs_plus(FIGURE_9).order, one_by_one(7))
    stages = layout.stages()
    assert [[step.block for step in steps] for steps in stages] == [
        ["b1"], ["b3"], ["b7"], ["b6"], ["b2"], ["b5"], ["b4"]
    ]  # fmt: skip
    assert [step.models for steps in stages for step in steps if step.models] == [
        ("m7",), ("m6",), ("m5",), ("m4",)
    ]  # fmt: skip
    assert layout.footprint().peak_bytes == 15
    # 9 and 4 are held for all; features leave batch by batch, so 2 are there for one only.
    assert layout.footprint().pass_bytes(1000, 1) == 13_002


def test_one_stage_needs_one_batch_whatever_the_items() -> None:
    layout = lay_out(FIGURE_9, dfs_plus(FIGURE_9).order, all_at_once(7))
    assert layout.footprint().pass_bytes(1000, 8) == 8 * 15
    assert layout.footprint().crossing_bytes == 0


def test_what_is_not_kept_is_computed_again_from_the_nearest_that_is_there() -> None:
    tree = tree_from([-1, 0, 1, 2, 2, 1], [0, 5, 4, 1, 1, 1])  # b1 → b2 → (b3, b4); b1 → b5
    layout = lay_out(tree, np.array([0, 1, 2, 4, 5, 3]), np.array([0, 3, 4, 5]))
    assert [[s.block for s in steps] for steps in layout.stages()] == [
        ["b1", "b2", "b3"], ["b4"], ["b5"]
    ]  # fmt: skip
    again = lay_out_again(layout, frozenset({2}))  # b2's output
    assert [[s.block for s in steps] for steps in again.stages()] == [
        ["b1", "b2", "b3"], ["b2", "b4"], ["b5"]
    ]  # fmt: skip
    assert again.is_repeat.tolist() == [False, False, False, True, False, False]
    from_input = lay_out_again(layout, frozenset({1, 2}))
    assert [[s.block for s in steps] for steps in from_input.stages()] == [
        ["b1", "b2", "b3"], ["b1", "b2", "b4"], ["b1", "b5"]
    ]  # fmt: skip
    assert from_input.reads_input.tolist() == [True, False, False, True, False, False, True, False]
    assert from_input.footprint().crossing_bytes == 0


@given(layouts(), st.lists(st.integers(1, 5), min_size=1, max_size=4))
def test_a_layout_can_be_carried_out_and_needs_what_it_says(
    layout: Layout, batch_items: list[int]
) -> None:
    done = carry_out(layout, [list(range(len(batch_items)))], batch_items)
    assert done.executions == {
        (model, number): 1 for model in layout.tree.model_ids for number in range(len(batch_items))
    }
    items, largest, footprint = sum(batch_items), max(batch_items), layout.footprint()
    planned_bytes = footprint.pass_bytes(items, largest)
    planned_work_bytes = footprint.pass_bytes(items, largest, with_scratch=True)
    assert done.peak_bytes <= planned_bytes <= planned_work_bytes
    assert done.work_peak_bytes <= planned_work_bytes
    if len(set(batch_items)) == 1:
        assert done.peak_bytes == planned_bytes
        assert done.work_peak_bytes == planned_work_bytes
    for with_scratch in (False, True):
        in_place, whole = (
            footprint.pass_bytes(items, largest, in_place=way, with_scratch=with_scratch)
            for way in (True, False)
        )
        assert in_place <= whole


def test_what_waits_long_is_written_and_read_once() -> None:
    """b1's output is read by b2 at once, and by the last block after all the others."""
    tree = tree_from([-1, 0, 1, *range(2, 9), 1], [0, 7, *[0] * 8, 1])
    parent = tree.parent.tolist()
    late = next(v for v in range(2, len(tree)) if parent[v] == 1 and v not in parent)
    order = np.array([v for v in range(len(tree)) if v != late] + [late])
    layout = lay_out(tree, order, one_by_one(len(tree) - 1))
    assert layout.footprint().crossing_bytes == (7 + 2 * 7) / 2


@given(layouts())
def test_what_crosses_stages_is_counted_where_it_is_written_and_read(layout: Layout) -> None:
    size = layout.tree.size_bytes
    place: dict[int, tuple[int, int]] = {}  # stage and step that the result is from
    written, read = set(), set()
    at = 0
    for stage, steps in enumerate(layout.stages()):
        for step in steps:
            if step.reads_input:
                place[ROOT] = (stage, at)
            if place[step.parent][0] < stage:
                written.add((step.parent, place[step.parent]))
                read.add((step.parent, place[step.parent], stage))
            place[step.vertex] = (stage, at)
            at += 1
    moved = sum(int(size[each[0]]) for each in (*written, *read))
    assert layout.footprint().crossing_bytes == moved / 2


@given(model_trees())
def test_whole_parents_and_children_are_the_published_requirement(tree: TaskTree) -> None:
    plain = replace(tree, scratch_bytes=None)
    traversal = dfs_plus(plain)
    layout = lay_out(plain, traversal.order, one_by_one(len(tree) - 1))
    assert layout.footprint().peak_bytes == traversal.peak_bytes


@given(model_trees())
def test_one_batch_needs_what_its_order_says(tree: TaskTree) -> None:
    traversal = dfs_plus(tree)
    layout = lay_out(tree, traversal.order, all_at_once(len(tree) - 1))
    assert layout.footprint().peak_bytes == traversal.peak_bytes


@pytest.mark.parametrize("not_kept", [frozenset(), frozenset({ROOT})])
def test_an_input_that_several_blocks_read(not_kept: frozenset[int]) -> None:
    tree = tree_from([-1, 0, 0], [0, 2, 2])
    layout = lay_out(tree, dfs_plus(tree).order, one_by_one(2))
    if not_kept:
        layout = lay_out_again(layout, not_kept)
    assert layout.reads_input.sum() == 1 + len(not_kept)
    assert layout.footprint().crossing_bytes == 3 * (1 - len(not_kept))
