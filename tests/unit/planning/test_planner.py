"""The planner: budgets are kept, every batch goes through, nothing cheaper is passed over."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from systems.errors import ConfigurationError
from systems.planning.depth_first import dfs_plus
from systems.planning.plan import lay_out
from systems.planning.planner import Planning, make_plan
from systems.planning.pricing import Pricing
from systems.planning.task_tree import TaskTree
from tests.unit.planning.carrying_out import carry_out
from tests.unit.planning.plain_planning import least_of_all_orders
from tests.unit.planning.random_trees import costs_for, model_trees, tree_from

FIGURE_9 = tree_from([-1, 0, 1, 1, 2, 2, 3, 3], [0, 9, 6, 4, 4, 2, 2, 2])
PUBLISHED = Planning(schedule="block_major")
OURS = {
    "schedule": "auto", "traversal": "optimal", "in_place": True, "siblings_together": True,
    "recompute": True,
}  # fmt: skip

plannings = st.builds(
    dict,
    schedule=st.sampled_from(["auto", "block_major", "batch_major"]),
    traversal=st.sampled_from(["dfs_plus", "depth_first", "optimal"]),
    in_place=st.booleans(),
    siblings_together=st.booleans(),
    recompute=st.booleans(),
)


def passes_of(plan) -> list[list[int]]:  # type: ignore[no-untyped-def]
    return [list(numbers) for numbers in plan.passes]


def test_block_major_takes_all_batches_where_there_is_no_budget() -> None:
    plan = make_plan(FIGURE_9, PUBLISHED, batch_items=[8, 8, 3], costs=costs_for(FIGURE_9))
    assert passes_of(plan) == [[0, 1, 2]]
    assert plan.schedule == "block_major"
    assert plan.cache_bytes == 15 * 19


def test_batch_major_is_one_stage_of_one_batch_at_a_time() -> None:
    planning = Planning(schedule="batch_major")
    plan = make_plan(FIGURE_9, planning, batch_items=[8, 8, 3], costs=costs_for(FIGURE_9))
    assert (plan.schedule, passes_of(plan)) == ("batch_major", [[0, 1, 2]])
    assert plan.cache_bytes == 15 * 8
    assert plan.parameter_bytes == 70


def test_a_budget_splits_between_batches() -> None:
    planning = Planning(schedule="block_major", cache_budget_bytes=15 * 16)
    plan = make_plan(FIGURE_9, planning, batch_items=[8, 8, 3], costs=costs_for(FIGURE_9))
    assert passes_of(plan) == [[0, 1], [2]]


def test_in_place_counts_on_parents_giving_way() -> None:
    planning = Planning(schedule="block_major", cache_budget_bytes=13 * 19 + 2 * 8, in_place=True)
    plan = make_plan(FIGURE_9, planning, batch_items=[8, 8, 3], costs=costs_for(FIGURE_9))
    assert passes_of(plan) == [[0, 1, 2]]


def test_auto_has_everything_there_where_it_fits() -> None:
    planning = Planning(**OURS, memory_budget_bytes=10**6)  # type: ignore[arg-type]
    plan = make_plan(FIGURE_9, planning, batch_items=[8] * 9, costs=costs_for(FIGURE_9))
    assert plan.schedule == "batch_major"


def test_auto_mixes_where_the_parameters_do_not_fit() -> None:
    """b1 and b2 are large outputs, b3 small: the cut belongs after b3."""
    tree = tree_from([-1, 0, 1, 2, 3, 3], [0, 900, 900, 1, 1, 1])
    planning = Planning(**OURS, memory_budget_bytes=46_000)  # type: ignore[arg-type]
    plan = make_plan(tree, planning, batch_items=[8] * 50, costs=costs_for(tree, 10_000))
    assert plan.schedule == "mixed"
    assert [step.block for step in plan.layout.stages()[0]] == ["b1", "b2", "b3"]
    assert plan.layout.footprint().crossing_bytes < 10
    assert passes_of(plan) == [list(range(50))]


def test_auto_computes_again_what_is_dear_to_keep() -> None:
    """A large output that two blocks read which do not fit together, at a trifling price."""
    tree = tree_from([-1, 0, 1, 1], [0, 10_000, 1, 1])
    costs = costs_for(tree, 1_000_000)
    costs.item_s[:] = 1e-12
    batches = [1] * 200
    planning = Planning(**OURS, memory_budget_bytes=2_030_000)  # type: ignore[arg-type]
    plan = make_plan(tree, planning, batch_items=batches, costs=costs)
    keeping = Planning(**{**OURS, "recompute": False}, memory_budget_bytes=2_030_000)  # type: ignore[arg-type]
    kept = make_plan(tree, keeping, batch_items=batches, costs=costs)
    assert len(kept.passes) > 1
    assert passes_of(plan) == [list(range(200))]
    assert plan.layout.is_repeat.sum() == 1
    costs.item_s[:] = 10.0
    dear = make_plan(tree, planning, batch_items=batches, costs=costs)
    assert not dear.layout.is_repeat.any()


def test_siblings_are_computed_together_where_the_parent_need_not_be_kept() -> None:
    tree = tree_from([-1, 0, 1, 1, 2, 2, 3, 3], [0, 900, 20, 30, 1, 1, 1, 1])
    common = {"schedule": "block_major", "in_place": True, "cache_budget_bytes": 4_000}
    apart = make_plan(
        tree, Planning(**common), batch_items=[1] * 40, costs=costs_for(tree)  # type: ignore[arg-type]
    )  # fmt: skip
    together = make_plan(
        tree, Planning(**common, siblings_together=True), batch_items=[1] * 40,  # type: ignore[arg-type]
        costs=costs_for(tree),
    )  # fmt: skip
    assert len(apart.passes) > 1
    assert passes_of(together) == [list(range(40))]


@pytest.mark.parametrize("schedule", ["block_major", "batch_major", "auto"])
def test_a_budget_below_one_batch_names_the_smallest_that_would_do(schedule: str) -> None:
    def plan(budget: int):  # type: ignore[no-untyped-def]
        planning = Planning(schedule=schedule, cache_budget_bytes=budget)  # type: ignore[arg-type]
        return make_plan(FIGURE_9, planning, batch_items=[3, 8], costs=costs_for(FIGURE_9))

    with pytest.raises(ConfigurationError, match=r"at least 120 "):
        plan(119)
    plan(120)


def test_the_order_that_is_best_in_place_need_not_be_for_a_single_batch() -> None:
    """v, B, A, a' needs 22 bytes per item of a batch that is there whole; v, A, B, a' 27."""
    tree = tree_from([-1, 0, 1, 2, 1], [0, 10, 5, 10, 12])
    options = {**OURS, "schedule": "block_major", "siblings_together": False}

    def plan(budget: int):  # type: ignore[no-untyped-def]
        planning = Planning(**options, cache_budget_bytes=budget)  # type: ignore[arg-type]
        return make_plan(tree, planning, batch_items=[8] * 3, costs=costs_for(tree))

    with pytest.raises(ConfigurationError, match=r"at least 176 "):
        plan(175)
    assert passes_of(plan(176)) == [[0], [1], [2]]


def test_computing_again_makes_do_with_less_than_keeping() -> None:
    tree = tree_from([-1, 0, 1, 2, 1, 4], [0, 2, 10, 1, 10, 1])  # two branches of large outputs
    smallest = {}
    for recompute in (False, True):
        options = {**OURS, "schedule": "block_major", "recompute": recompute}
        for memory in (None, 10**6):
            planning = Planning(**options, cache_budget_bytes=1, memory_budget_bytes=memory)  # type: ignore[arg-type]
            with pytest.raises(ConfigurationError) as error:
                make_plan(tree, planning, batch_items=[8], costs=costs_for(tree, 100))
            found = int(re.search(r"at least (\d+) ", str(error.value))[1])  # type: ignore[index]
            planning = replace(planning, cache_budget_bytes=found)
            assert make_plan(tree, planning, batch_items=[8], costs=costs_for(tree, 100))
            smallest[recompute, memory] = found
    assert smallest[True, None] < smallest[False, None]
    assert smallest[True, 10**6] == smallest[True, None]


def test_a_plan_that_leaves_the_order_of_least_memory_does_not_claim_it() -> None:
    tree = tree_from([-1, 0, 1, 1], [0, 10_000, 1, 1])
    costs = costs_for(tree, 1_000_000)
    costs.item_s[:] = 1e-12
    planning = Planning(**OURS, memory_budget_bytes=2_030_000)  # type: ignore[arg-type]
    plan = make_plan(tree, planning, batch_items=[1] * 200, costs=costs)
    assert plan.layout.is_repeat.any()
    assert plan.summary()["traversal_is_optimal"] is False
    assert plan.summary()["peak_bytes_per_item"] == plan.layout.footprint().peak_bytes


def test_a_memory_budget_below_one_block_names_the_smallest_that_would_do() -> None:
    def plan(budget: int):  # type: ignore[no-untyped-def]
        planning = Planning(schedule="auto", memory_budget_bytes=budget)
        return make_plan(FIGURE_9, planning, batch_items=[3, 8], costs=costs_for(FIGURE_9))

    with pytest.raises(ConfigurationError, match=r"memory_budget.*at least 130 "):
        plan(129)
    plan(130)


def test_scratch_memory_counts_beside_the_parameters_and_for_one_batch() -> None:
    scratch = [0, *[7] * 7]
    tree = tree_from([-1, 0, 1, 1, 2, 2, 3, 3], [0, 9, 6, 4, 4, 2, 2, 2], scratch)

    def plan(**budgets: int):  # type: ignore[no-untyped-def]
        planning = Planning(schedule="block_major", **budgets)
        return make_plan(tree, planning, batch_items=[8, 8], costs=costs_for(tree))

    found = plan(cache_budget_bytes=2 * 8 * 15)  # the published budget knows of no scratch
    assert (found.cache_bytes, found.work_bytes) == (16 * 15, 16 * 15 + 8 * 7)
    assert len(found.passes) == 1
    assert len(plan(memory_budget_bytes=found.work_bytes + 10).passes) == 1
    assert len(plan(memory_budget_bytes=found.work_bytes + 9).passes) == 2
    with pytest.raises(ConfigurationError, match=rf"inner ones.*at least {8 * 22 + 10} "):
        plan(memory_budget_bytes=8 * 22 + 9)


LATE_SCRATCH = tree_from([-1, 0, 1, 1, 2, 3], [0, 10, 1, 20, 1, 20], [0, 0, 0, 0, 50, 0])
"""Beside the first result, b4 takes 50 while it computes and b5's result 20."""


def test_the_order_of_one_batch_goes_by_scratch_memory_under_a_memory_budget() -> None:
    planning = Planning(schedule="batch_major", traversal="optimal", memory_budget_bytes=52 + 50)
    plan = make_plan(LATE_SCRATCH, planning, batch_items=[1], costs=costs_for(LATE_SCRATCH))
    assert (plan.work_bytes, plan.cache_bytes) == (52, 50)


def test_the_order_of_one_batch_leaves_scratch_memory_out_under_a_cache_budget() -> None:
    planning = Planning(schedule="batch_major", traversal="optimal", cache_budget_bytes=40)
    plan = make_plan(LATE_SCRATCH, planning, batch_items=[1], costs=costs_for(LATE_SCRATCH))
    assert (plan.work_bytes, plan.cache_bytes) == (62, 40)


def test_where_few_batches_fit_the_order_goes_by_scratch_memory_in_stages_too() -> None:
    tree = replace(LATE_SCRATCH, scratch_bytes=np.where(LATE_SCRATCH.scratch_bytes == 50, 100, 0))
    for batch_items in ([2] * 7, [2, 2, 1, 2, 2, 2, 2]):
        planning = Planning(schedule="block_major", traversal="optimal", memory_budget_bytes=250)
        plan = make_plan(tree, planning, batch_items=batch_items, costs=costs_for(tree))
        assert len(plan.passes) == 4
        assert plan.work_bytes + plan.parameter_bytes <= 250
        assert not plan.traversal.is_optimal
        assert "carried out in several" in plan.traversal.reason


@given(model_trees(most=9), st.booleans())
def test_the_smallest_budget_of_one_batch_is_the_least_of_all_orders(
    tree: TaskTree, is_cache: bool
) -> None:
    name = "cache_budget" if is_cache else "memory_budget"
    planning = Planning(schedule="batch_major", traversal="optimal", **{f"{name}_bytes": 0})
    costs = costs_for(tree)
    with pytest.raises(ConfigurationError) as error:
        make_plan(tree, planning, batch_items=[3], costs=costs)
    found = int(re.search(rf"set {name} to at least (\d+)", str(error.value))[1])  # type: ignore[index]
    counted = replace(tree, scratch_bytes=None) if is_cache else tree
    parameters = 0 if is_cache else 10 * len(tree.block_hashes)
    assert found == 3 * least_of_all_orders(counted, in_place=False) + parameters


def test_a_budget_is_refused_at_once_for_a_batch_that_comes_later() -> None:
    planning = Planning(schedule="block_major", cache_budget_bytes=479)
    with pytest.raises(ConfigurationError, match=r"\(32 items\).*at least 480 "):
        make_plan(FIGURE_9, planning, batch_items=[3], costs=costs_for(FIGURE_9), largest_batch=32)


@given(
    model_trees(), plannings, st.lists(st.integers(1, 9), min_size=1, max_size=8),
    st.integers(1, 400), st.integers(1, 400),
    st.lists(st.integers(1, 60), min_size=14, max_size=14),
)  # fmt: skip
def test_every_budget_is_kept_or_refused_with_one_that_does(
    tree: TaskTree,
    options: dict[str, object],
    batch_items: list[int],
    cache: int,
    memory: int,
    parameters: list[int],
) -> None:
    costs = costs_for(tree, parameters[: len(tree.block_hashes)])
    budgets = {"cache_budget_bytes": cache, "memory_budget_bytes": memory}
    for _ in range(3):
        try:
            planning = Planning(**options, **budgets)  # type: ignore[arg-type]
            plan = make_plan(tree, planning, batch_items=batch_items, costs=costs)
            break
        except ConfigurationError as error:
            name, least = re.search(r"set (\w+) to at least (\d+)", str(error)).groups()  # type: ignore[union-attr]
            assert int(least) > budgets[f"{name}_bytes"]
            budgets[f"{name}_bytes"] = int(least)
    assert [n for numbers in plan.passes for n in numbers] == list(range(len(batch_items)))
    assert all(plan.passes)
    done = carry_out(plan.layout, plan.passes, batch_items)
    assert set(done.executions.values()) == {1}
    assert len(done.executions) == len(tree.model_ids) * len(batch_items)
    assert done.peak_bytes <= plan.cache_bytes <= budgets["cache_budget_bytes"]
    assert done.work_peak_bytes <= plan.work_bytes
    largest = max(
        sum(costs.parameter_bytes[tree.block_hashes.index(b)] for b in {s.block for s in stage})
        for stage in plan.layout.stages()
    )
    assert largest == plan.parameter_bytes
    assert largest + plan.work_bytes <= budgets["memory_budget_bytes"]


@given(model_trees(), st.integers(1, 6))
def test_ours_is_never_dearer_than_block_major(tree: TaskTree, batches: int) -> None:
    costs = costs_for(tree, 5)
    memory = 5 * 2 + 40
    try:
        simple = make_plan(
            tree, Planning(schedule="block_major", in_place=True, memory_budget_bytes=memory),
            batch_items=[1] * batches, costs=costs,
        )  # fmt: skip
    except ConfigurationError:
        return
    ours = make_plan(
        tree, Planning(**{**OURS, "traversal": "dfs_plus"}, memory_budget_bytes=memory),  # type: ignore[arg-type]
        batch_items=[1] * batches, costs=costs,
    )  # fmt: skip
    assert np.int64(len(ours.passes)) <= len(simple.passes) or ours.schedule != "block_major"


def slow_store(**changes):  # type: ignore[no-untyped-def]
    """A second to load each of seven blocks, two to compute each of their vertices."""
    costs = replace(costs_for(FIGURE_9, 10**9), **changes)
    costs.item_s[:] = 0.1
    return make_plan(
        FIGURE_9, Planning(**OURS, prefetch=True), batch_items=[1] * 20, costs=costs  # type: ignore[arg-type]
    )  # fmt: skip


def test_where_loading_is_slow_a_block_is_used_for_many_batches_before_the_next_is_due() -> None:
    plan = slow_store()
    assert plan.schedule != "batch_major"
    assert not plan.layout.is_repeat.any()  # computing again is no way to pass the time
    resident = slow_store(resident=np.ones(7, dtype=bool))
    assert resident.schedule == "batch_major"


def test_what_is_waited_for() -> None:
    costs = costs_for(FIGURE_9, 10**9)
    costs.item_s[:] = 0.1
    load_s = float(costs.load_s()[0])
    batch_items = [1] * 20

    def waiting_s(prefetch: bool, starts: list[int]) -> float:
        planning = Planning(prefetch=prefetch, in_place=True)
        layout = lay_out(FIGURE_9, dfs_plus(FIGURE_9).order, np.array(starts))
        priced = Pricing(FIGURE_9, planning, batch_items, costs, 1).price(layout)
        assert priced is not None
        return priced.seconds - costs.model.cache_s(20 * layout.footprint().crossing_bytes)

    assert waiting_s(False, [0, 7]) == pytest.approx(7 * load_s)
    # The last of seven loads ends when the first batch has been through six blocks of 0.1 s.
    assert waiting_s(True, [0, 7]) == pytest.approx(7 * load_s - 6 * 0.1)
    # Two seconds of computing hide the second that the next block takes.
    assert waiting_s(True, list(range(8))) == pytest.approx(load_s)
