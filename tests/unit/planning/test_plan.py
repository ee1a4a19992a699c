"""Execution plans: steps, passes, budgets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from systems.errors import ConfigurationError
from systems.planning.plan import ExecutionPlan, make_plan
from systems.planning.task_tree import ROOT, TaskTree
from systems.planning.time_bound import TimeBound, inference_bound_s, needed_executions
from systems.planning.traversal import dfs_plus
from tests.unit.planning.test_traversal import FIGURE_9_PARENTS, tree_of, trees

FIGURE_9 = tree_of(FIGURE_9_PARENTS, [0, 9, 6, 4, 4, 2, 2, 2])


def simulated_peak(plan: ExecutionPlan, tree: TaskTree, batch_items: list[int]) -> int:
    """Bytes that the engine's rules hold at most, over all passes."""
    peak = 0
    for numbers in plan.passes:
        items = sum(batch_items[n] for n in numbers)
        held = {ROOT: tree.size_bytes[ROOT] * items}
        for step in plan.steps:
            assert step.parent in held
            new = tree.size_bytes[step.vertex] * items
            peak = max(peak, sum(held.values()) + new)
            if step.is_last_use_of_parent:
                del held[step.parent]
            if step.keeps_output:
                held[step.vertex] = new
        assert not held
    return peak


def test_block_major_takes_all_batches_where_there_is_no_budget() -> None:
    plan = make_plan(FIGURE_9, batch_items=[8, 8, 3], schedule="block_major")
    assert [list(numbers) for numbers in plan.passes] == [[0, 1, 2]]
    assert [step.vertex for step in plan.steps] == [1, 3, 7, 6, 2, 5, 4]
    assert [step.models for step in plan.steps if step.models] == [
        ("model7",), ("model6",), ("model5",), ("model4",)
    ]  # fmt: skip


def test_batch_major_takes_one_batch_at_a_time() -> None:
    plan = make_plan(FIGURE_9, batch_items=[8, 8, 3], schedule="batch_major")
    assert [list(numbers) for numbers in plan.passes] == [[0], [1], [2]]


def test_a_budget_splits_between_batches() -> None:
    plan = make_plan(
        FIGURE_9, batch_items=[8, 8, 3], schedule="block_major", cache_budget_bytes=15 * 16
    )
    assert [list(numbers) for numbers in plan.passes] == [[0, 1], [2]]


@pytest.mark.parametrize("schedule", ["block_major", "batch_major"])
def test_a_budget_below_one_batch_names_the_smallest_that_would_do(schedule: str) -> None:
    with pytest.raises(ConfigurationError, match=r"at least 120 "):
        make_plan(FIGURE_9, batch_items=[3, 8], schedule=schedule, cache_budget_bytes=119)  # type: ignore[arg-type]
    make_plan(FIGURE_9, batch_items=[3, 8], schedule=schedule, cache_budget_bytes=120)  # type: ignore[arg-type]


def test_a_budget_is_refused_at_once_for_a_batch_that_comes_later() -> None:
    with pytest.raises(ConfigurationError, match=r"\(32 items\).*at least 480 "):
        make_plan(
            FIGURE_9, batch_items=[3], schedule="block_major", cache_budget_bytes=479,
            largest_batch=32,
        )  # fmt: skip


@given(trees(), st.data())
def test_a_tree_with_fewer_models_never_needs_more(tree: TaskTree, data: st.DataObject) -> None:
    leaves = [v for v in range(len(tree)) if not tree.children[v]]
    kept = data.draw(st.sets(st.sampled_from(leaves), min_size=1))
    needed = set()
    for leaf in kept:
        while leaf != -1:
            needed.add(leaf)
            leaf = tree.parent[leaf]
    order = sorted(needed)
    number = {old: new for new, old in enumerate(order)}
    pruned = tree_of(
        [-1, *(number[tree.parent[v]] for v in order[1:])], [tree.size_bytes[v] for v in order]
    )
    assert dfs_plus(pruned).peak_bytes <= dfs_plus(tree).peak_bytes


@given(trees(), st.lists(st.integers(1, 9), min_size=1, max_size=8), st.integers(1, 40))
def test_every_budget_is_kept_and_every_batch_taken_once(
    tree: TaskTree, batch_items: list[int], batches_in_budget: int
) -> None:
    whole = make_plan(tree, batch_items=batch_items, schedule="block_major")
    smallest = whole.cache_bytes_per_item * max(batch_items)
    budget = smallest * batches_in_budget
    plan = make_plan(
        tree, batch_items=batch_items, schedule="block_major", cache_budget_bytes=budget
    )
    assert [n for numbers in plan.passes for n in numbers] == list(range(len(batch_items)))
    assert all(plan.passes)
    assert simulated_peak(plan, tree, batch_items) <= budget


def test_needed_executions_and_bound() -> None:
    architecture = {f"block{v}": "early" if v < 4 else "late" for v in range(1, 8)}
    needed = needed_executions(
        [(FIGURE_9, [8, 8, 3]), (tree_of([-1, 0], [0, 1]), [8])], architecture=architecture
    )
    assert needed == {("early", 8): 7, ("early", 3): 3, ("late", 8): 8, ("late", 3): 4}
    measured = [("early", 8, t) for t in (1.0, 2.0, 9.0)]
    measured += [("early", 3, 0.5), ("late", 8, 4.0), ("late", 3, 1.0), ("late", 3, 3.0)]
    assert inference_bound_s(needed, measured) == 7 * 2.0 + 3 * 0.5 + 8 * 4.0 + 4 * 2.0


def test_the_bound_is_the_sum_of_its_parts() -> None:
    bound = TimeBound(inference_s=4.0, proxy_scoring_s=2.0, prepare_data_s=1.0, prepare_model_s=0.5)
    assert bound.total_s == 7.5
