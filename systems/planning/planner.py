"""The planner: from a task tree, a memory budget and a cost model to an execution plan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from systems.planning.depth_first import best_depth_first, dfs_plus
from systems.planning.minimum_memory import minimum_memory
from systems.planning.plan import ExecutionPlan, Layout, lay_out, lay_out_again
from systems.planning.pricing import Costs, Planning, PricedLayout, Pricing, TraversalName
from systems.planning.stages import (
    all_at_once,
    families_together,
    least_crossing,
    one_by_one,
    siblings_first,
)
from systems.planning.task_tree import TaskTree
from systems.planning.traversal import Traversal

__all__ = ["Costs", "Planning", "TraversalName", "make_plan"]

ROOM_SHARES = (1.0, 0.75, 0.5, 0.25, 0.125, 0.0625, 0.03125)
"""Of the memory budget, without what one batch needs: shares that are tried for the parameters
of a stage. The rest is for intermediates: fewer parameters may mean more batches in a pass."""
SEARCH_AT_MOST_S = 0.25
"""For an order of least memory; then the best that was found is taken."""
WAITING_SHARE = 0.01
"""Of the time to compute; to save less than that of waiting, other plans are not looked at."""
RECOMPUTED_AT_MOST = 32
"""Vertices that are tried for computing again; the largest that cross a stage."""


def make_plan(
    tree: TaskTree,
    planning: Planning,
    *,
    batch_items: Sequence[int],
    costs: Costs,
    largest_batch: int | None = None,
) -> ExecutionPlan:
    """Order ``tree``, cut the order into stages and the batches into passes.

    Block-major takes as many batches at a time as the budgets allow (the paper: all of them,
    or one of i parts at a time); batch-major takes one. ``auto`` takes batch-major where all
    parameters fit and its first batch need not wait for them, and otherwise the cheapest by
    the cost model: how much of the parameters stays there for how many batches, what crosses
    from stage to stage, what is computed again. ``batch_items`` holds the number of items of
    each batch, ``largest_batch`` that of the largest batch that the search will come to
    (default: of these). A tree with fewer models never needs more, so a budget that does for
    the first round does for all. (With both a cache and a memory budget, the orders that need
    least of each are looked at, none between them: more may be asked for than would do.)

    Raises:
        ConfigurationError: a budget does not hold what the largest batch needs.
    """
    largest_batch = max(batch_items) if largest_batch is None else largest_batch
    pricing = Pricing(tree, planning, batch_items, costs, largest_batch)
    return _Planner(tree, planning, costs, pricing).plan()


class _Planner:
    def __init__(self, tree: TaskTree, planning: Planning, costs: Costs, pricing: Pricing) -> None:
        self._tree = tree
        # Scratch memory is that of one batch: next to nothing beside what stands there of many.
        self._plain = replace(tree, scratch_bytes=None)
        self._one_batch: list[Traversal] | None = None
        self._planning = planning
        self._costs = costs
        self._pricing = pricing

    def plan(self) -> ExecutionPlan:
        planning, price = self._planning, self._pricing.price
        found: list[tuple[PricedLayout, Traversal]] = []
        if planning.schedule != "block_major":
            for traversal in self._of_one_batch():
                whole = price(self._whole(traversal))
                if whole is not None and self._is_hard_to_beat(whole):
                    return _plan(whole, traversal)
                if whole is not None:
                    found.append((whole, traversal))
            if planning.schedule == "batch_major":
                layouts = [self._whole(traversal) for traversal in self._of_one_batch()]
                raise self._pricing.too_small(min(layouts, key=self._pricing.missing_bytes))
        traversal = self._traversal(self._plain, in_place=planning.in_place)
        for layout in self._layouts(traversal):
            priced = price(layout)
            if priced is not None:
                found.append((priced, traversal))
        if self._scratch_matters(found):
            for by in self._of_one_batch():
                for layout in self._layouts(by):
                    priced = price(layout)
                    if priced is not None:
                        found.append((priced, _in_stages(by, layout)))
        if not found:
            found.append(self._least(traversal))
        best, traversal = min(found, key=lambda each: each[0].seconds)  # of equals the first
        if planning.recompute:
            best = self._with_recomputing(best)
        return _plan(best, traversal)

    def _least(self, traversal: Traversal) -> tuple[PricedLayout, Traversal]:
        """What needs the least memory, block by block.

        Raises:
            ConfigurationError: a budget does not hold that either.
        """
        # The order that is best in place need not be for a single batch.
        orders = [traversal, *self._of_one_batch()]
        layouts = [(each, by) for by in orders for each in self._simple(by.order)]
        if self._planning.recompute:
            for each, by in tuple(layouts):
                crossing = _crossing(each)
                layouts += [
                    (lay_out_again(each, frozenset(crossing[:count])), by)
                    for count in range(1, len(crossing) + 1)
                ]
        layout, traversal = min(layouts, key=lambda each: self._pricing.missing_bytes(each[0]))
        priced = self._pricing.price(layout)
        if priced is None:
            raise self._pricing.too_small(layout)
        return priced, traversal if traversal is orders[0] else _in_stages(traversal, layout)

    def _is_hard_to_beat(self, whole: PricedLayout) -> bool:
        """Whether batch-major hardly waits; without loading ahead no plan waits less."""
        planning = self._planning
        return (
            planning.schedule == "batch_major"
            or not planning.prefetch
            or whole.seconds <= WAITING_SHARE * self._pricing.computing_s
        )

    def _scratch_matters(self, found: list[tuple[PricedLayout, Traversal]]) -> bool:
        """Whether little waits beside the batch that is computed, so that its scratch memory
        decides how many batches fit."""
        if self._planning.memory_budget_bytes is None or self._tree.scratch_bytes is None:
            return False
        passes = min((len(priced.passes) for priced, _ in found), default=self._pricing.batches)
        return 2 * passes > self._pricing.batches

    def _of_one_batch(self) -> list[Traversal]:
        """For one batch at a time, which is there whole: the order of the fewest bytes with its
        scratch memory, as a memory budget counts, or without, as a cache budget does."""
        if self._one_batch is None:
            cache, memory = self._planning.cache_budget_bytes, self._planning.memory_budget_bytes
            trees = [self._tree] if memory is not None or cache is None else []
            trees += [self._plain] if cache is not None else []
            self._one_batch = [self._traversal(tree, in_place=False) for tree in trees]
        return self._one_batch

    def _traversal(self, tree: TaskTree, *, in_place: bool) -> Traversal:
        if self._planning.traversal == "dfs_plus":
            return dfs_plus(tree)
        if self._planning.traversal == "depth_first":
            return best_depth_first(tree, in_place=in_place)
        return minimum_memory(tree, in_place=in_place, time_cap_s=SEARCH_AT_MOST_S)

    def _whole(self, traversal: Traversal) -> Layout:
        return lay_out(self._tree, traversal.order, all_at_once(len(self._tree) - 1))

    def _one_by_one(self, order: NDArray[np.int32]) -> Layout:
        return lay_out(self._tree, order, one_by_one(len(self._tree) - 1))

    def _layouts(self, traversal: Traversal) -> Iterator[Layout]:
        """Ways to go that do not need all parameters, the simplest first."""
        yield from self._simple(traversal.order)
        if self._planning.schedule == "auto":
            yield from self._mixed(traversal.order)
            if self._planning.siblings_together:
                order = siblings_first(self._tree, traversal.order)
                if not np.array_equal(order, traversal.order):
                    yield from self._mixed(order)

    def _simple(self, order: NDArray[np.int32]) -> Iterator[Layout]:
        """Block by block, and family by family."""
        yield self._one_by_one(order)
        if self._planning.siblings_together:
            order = siblings_first(self._tree, order)
            yield lay_out(self._tree, order, families_together(self._tree, order))

    def _mixed(self, order: NDArray[np.int32]) -> Iterator[Layout]:
        layout = self._one_by_one(order)
        parameter_bytes = self._costs.parameter_bytes[self._tree.block[order[1:]]]
        most_bytes = int(parameter_bytes.sum())
        if self._planning.memory_budget_bytes is not None:
            batch_bytes = self._pricing.batch_needs(layout.footprint()).work_bytes
            most_bytes = self._planning.memory_budget_bytes - batch_bytes
        for share in ROOM_SHARES:
            room_bytes = int(share * most_bytes)
            if room_bytes >= parameter_bytes.min():
                for cuts in least_crossing(
                    layout.held_bytes(), parameter_bytes, room_bytes=room_bytes
                ):
                    yield lay_out(self._tree, order, cuts)

    def _with_recomputing(self, best: PricedLayout) -> PricedLayout:
        """Let go of what crosses stages, the largest first, wherever that is cheaper."""
        not_kept: frozenset[int] = frozenset()
        plain = best.layout
        for v in _crossing(plain):
            candidate = self._pricing.price(lay_out_again(plain, not_kept | {v}))
            if candidate is not None and candidate.seconds < best.seconds:
                best, not_kept = candidate, not_kept | {v}
        return best


def _plan(best: PricedLayout, traversal: Traversal) -> ExecutionPlan:
    return ExecutionPlan(
        layout=best.layout,
        passes=best.passes,
        traversal=_carried_out(best.layout, traversal),
        cache_bytes=best.needs.cache_bytes,
        work_bytes=best.needs.work_bytes,
        parameter_bytes=best.parameter_bytes,
    )


def _in_stages(traversal: Traversal, layout: Layout) -> Traversal:
    """An order for one batch as a whole, carried out in the stages of ``layout``."""
    if len(layout.stage_start) == 2:
        return traversal
    return replace(
        traversal,
        peak_bytes=layout.footprint().peak_bytes,
        is_optimal=False,
        reason="an order for one batch in one stage, carried out in several",
    )


def _carried_out(layout: Layout, traversal: Traversal) -> Traversal:
    """The traversal, or what a layout that leaves its order makes of it."""
    if np.array_equal(layout.vertex, traversal.order[1:]):
        return traversal
    return replace(
        traversal,
        order=np.concatenate([traversal.order[:1], layout.vertex]),
        peak_bytes=layout.footprint().peak_bytes,
        is_optimal=False,
        reason="carried out in another order, or with computing again",
    )


def _crossing(layout: Layout) -> list[int]:
    """Vertices that are kept from one stage to a later one, the largest first."""
    tree = layout.tree
    stages = len(layout.stage_start) - 1
    stage = np.repeat(np.arange(stages), np.diff(layout.stage_start))
    last_stage = np.zeros(len(tree), dtype=np.int64)
    np.maximum.at(last_stage, tree.parent[layout.vertex], stage)
    made_in = np.zeros(len(tree), dtype=np.int64)
    made_in[layout.vertex] = stage
    crossing = np.flatnonzero((last_stage > made_in) & (tree.size_bytes > 0))
    by_size = crossing[np.argsort(-tree.size_bytes[crossing], kind="stable")]
    return [int(v) for v in by_size[:RECOMPUTED_AT_MOST]]
