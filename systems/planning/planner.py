"""The planner: from a task tree, a memory budget and a cost model to an execution plan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from systems.errors import ConfigurationError
from systems.planning.cost_model import CostModel
from systems.planning.depth_first import best_depth_first, dfs_plus
from systems.planning.minimum_memory import minimum_memory
from systems.planning.plan import (
    ExecutionPlan,
    Footprint,
    Layout,
    Schedule,
    lay_out,
    lay_out_again,
)
from systems.planning.stages import (
    all_at_once,
    families_together,
    least_crossing,
    one_by_one,
    siblings_first,
)
from systems.planning.task_tree import TaskTree
from systems.planning.traversal import Traversal

TraversalName = Literal["dfs_plus", "depth_first", "optimal"]

ROOM_SHARES = (1.0, 0.75, 0.5, 0.25, 0.125, 0.0625, 0.03125)
"""Of the memory budget, without what one batch needs: shares that are tried for the parameters
of a stage. The rest is for intermediates: fewer parameters may mean more batches in a pass."""
SEARCH_AT_MOST_S = 0.25
"""For the order of least memory, in each round; then the best that was found is taken."""
RECOMPUTED_AT_MOST = 32
"""Vertices that are tried for computing again; the largest that cross a stage."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Planning:
    """What a plan may do; each is an option of the systems (``SearchOptions``)."""

    schedule: Schedule = "batch_major"
    traversal: TraversalName = "dfs_plus"
    in_place: bool = False
    """Count on a parent's batches giving way to its last child one by one, as they do."""
    siblings_together: bool = False
    recompute: bool = False
    cache_budget_bytes: int | None = None
    """For intermediates."""
    memory_budget_bytes: int | None = None
    """For intermediates and parameters together."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Costs:
    """What the steps of a tree cost, by block number, and what moving bytes costs."""

    parameter_bytes: NDArray[np.int64]
    """[blocks]"""
    item_s: NDArray[np.float64]
    """[blocks]: seconds of computing one item."""
    input_item_s: float
    """Seconds of preparing one item again."""
    model: CostModel


@dataclass(frozen=True, kw_only=True, slots=True)
class _Candidate:
    layout: Layout
    passes: list[list[int]]
    cache_bytes: int
    parameter_bytes: int
    seconds: float
    """Of all that another plan could save: moving parameters and intermediates, computing
    again."""


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
    parameters fit, and otherwise the cheapest by the cost model: how much of the parameters
    stays there for how many batches, what crosses from stage to stage, what is computed
    again. ``batch_items`` holds the number of items of each batch, ``largest_batch`` that of
    the largest batch that the search will come to (default: of these). A tree with fewer
    models never needs more, so a budget that does for the first round does for all.

    Raises:
        ConfigurationError: a budget does not hold what the largest batch needs.
    """
    largest_batch = max(batch_items) if largest_batch is None else largest_batch
    return _Planner(tree, planning, batch_items, costs, largest_batch).plan()


class _Planner:
    def __init__(
        self,
        tree: TaskTree,
        planning: Planning,
        batch_items: Sequence[int],
        costs: Costs,
        largest_batch: int,
    ) -> None:
        self._tree = tree
        self._planning = planning
        self._batch_items = batch_items
        self._costs = costs
        self._largest_batch = largest_batch
        self._all_parameter_bytes = int(costs.parameter_bytes[np.unique(tree.block[1:])].sum())

    def plan(self) -> ExecutionPlan:
        planning = self._planning
        if planning.schedule != "block_major":
            traversal = self._traversal(in_place=False)  # one batch at a time is there whole
            best = self._candidate(self._whole(traversal))
            if best is not None:
                return _plan(best, traversal)
            if planning.schedule == "batch_major":
                raise self._too_small(self._whole(traversal))
        traversal = self._traversal(in_place=planning.in_place)
        candidates = [self._candidate(layout) for layout in self._layouts(traversal)]
        fitting = [candidate for candidate in candidates if candidate is not None]
        if not fitting:
            raise self._too_small(self._one_by_one(traversal.order))
        best = min(fitting, key=lambda candidate: candidate.seconds)  # of equal ones the first
        if planning.recompute:
            best = self._with_recomputing(best)
        return _plan(best, traversal)

    def _traversal(self, *, in_place: bool) -> Traversal:
        if self._planning.traversal == "dfs_plus":
            return dfs_plus(self._tree)
        if self._planning.traversal == "depth_first":
            return best_depth_first(self._tree, in_place=in_place)
        return minimum_memory(self._tree, in_place=in_place, time_cap_s=SEARCH_AT_MOST_S)

    def _whole(self, traversal: Traversal) -> Layout:
        return lay_out(self._tree, traversal.order, all_at_once(len(self._tree) - 1))

    def _one_by_one(self, order: NDArray[np.int32]) -> Layout:
        return lay_out(self._tree, order, one_by_one(len(self._tree) - 1))

    def _layouts(self, traversal: Traversal) -> Iterator[Layout]:
        """Ways to go that do not need all parameters, the simplest first."""
        orders = [traversal.order]
        yield self._one_by_one(traversal.order)
        if self._planning.siblings_together:
            order = siblings_first(self._tree, traversal.order)
            yield lay_out(self._tree, order, families_together(self._tree, order))
            if not np.array_equal(order, traversal.order):
                orders.append(order)
        if self._planning.schedule == "auto":
            for order in orders:
                yield from self._mixed(order)

    def _mixed(self, order: NDArray[np.int32]) -> Iterator[Layout]:
        layout = self._one_by_one(order)
        parameter_bytes = self._costs.parameter_bytes[self._tree.block[order[1:]]]
        most_bytes = int(parameter_bytes.sum())
        if self._planning.memory_budget_bytes is not None:
            batch_bytes = self._largest_batch * layout.footprint().whole_bytes
            most_bytes = self._planning.memory_budget_bytes - batch_bytes
        for share in ROOM_SHARES:
            room_bytes = int(share * most_bytes)
            if room_bytes >= parameter_bytes.min():
                for cuts in least_crossing(
                    layout.held_bytes(), parameter_bytes, room_bytes=room_bytes
                ):
                    yield lay_out(self._tree, order, cuts)

    def _candidate(self, layout: Layout) -> _Candidate | None:
        """The layout with its passes and its price; None where a budget does not hold it."""
        parameter_bytes = self._stage_parameters(layout)
        largest_stage = int(parameter_bytes.max())
        footprint = layout.footprint()
        batch_bytes = self._pass_bytes(footprint, self._largest_batch, self._largest_batch)
        room_bytes = self._room(largest_stage)
        if room_bytes is not None and batch_bytes > room_bytes:
            return None
        passes = self._passes(footprint, room_bytes)
        items = sum(self._batch_items)
        loaded_bytes = self._all_parameter_bytes
        room_beside_all = self._room(self._all_parameter_bytes)
        if room_beside_all is not None and batch_bytes > room_beside_all:
            loaded_bytes = len(passes) * int(parameter_bytes.sum())
        repeats = self._tree.block[layout.vertex[layout.is_repeat]]
        model = self._costs.model
        seconds = (
            model.load_s(loaded_bytes)
            + model.cache_s(footprint.crossing_bytes * items)
            + items * float(self._costs.item_s[repeats].sum())
            + items * (int(layout.reads_input.sum()) - 1) * self._costs.input_item_s
        )
        return _Candidate(
            layout=layout,
            passes=passes,
            cache_bytes=max(self._pass_bytes(footprint, *self._pass_items(p)) for p in passes),
            parameter_bytes=largest_stage,
            seconds=seconds,
        )

    def _with_recomputing(self, best: _Candidate) -> _Candidate:
        """Let go of what crosses stages, the largest first, wherever that is cheaper."""
        not_kept: frozenset[int] = frozenset()
        plain = best.layout
        for v in _crossing(plain):
            candidate = self._candidate(lay_out_again(plain, not_kept | {v}))
            if candidate is not None and candidate.seconds < best.seconds:
                best, not_kept = candidate, not_kept | {v}
        return best

    def _stage_parameters(self, layout: Layout) -> NDArray[np.int64]:
        """[stages]: bytes of the different blocks of each stage."""
        block = self._tree.block[layout.vertex].astype(np.int64)
        stages = len(layout.stage_start) - 1
        stage = np.repeat(np.arange(stages), np.diff(layout.stage_start))
        different = np.unique(stage * len(self._costs.parameter_bytes) + block)
        stage, block = np.divmod(different, len(self._costs.parameter_bytes))
        return np.bincount(
            stage, weights=self._costs.parameter_bytes[block], minlength=stages
        ).astype(np.int64)

    def _room(self, parameter_bytes: int) -> int | None:
        """Bytes for intermediates beside these parameters; None for as many as you like."""
        cache, memory = self._planning.cache_budget_bytes, self._planning.memory_budget_bytes
        limits = [cache] if cache is not None else []
        if memory is not None:
            limits.append(memory - parameter_bytes)
        return min(limits, default=None)

    def _pass_bytes(self, footprint: Footprint, items: int, largest_batch: int) -> int:
        if self._planning.in_place or len(footprint.within) == 1:
            return footprint.pass_bytes(items, largest_batch)
        return items * footprint.whole_bytes

    def _pass_items(self, numbers: Sequence[int]) -> tuple[int, int]:
        taken = [self._batch_items[n] for n in numbers]
        return sum(taken), max(taken)

    def _passes(self, footprint: Footprint, room_bytes: int | None) -> list[list[int]]:
        batches = range(len(self._batch_items))
        if room_bytes is None:
            return [list(batches)]
        passes: list[list[int]] = [[]]
        for number in batches:
            longer = [*passes[-1], number]
            if passes[-1] and self._pass_bytes(footprint, *self._pass_items(longer)) > room_bytes:
                passes.append([number])
            else:
                passes[-1] = longer
        return passes

    def _too_small(self, layout: Layout) -> ConfigurationError:
        """Name the smallest budget that would do for this layout."""
        planning, items = self._planning, self._largest_batch
        cache_bytes = self._pass_bytes(layout.footprint(), items, items)
        limit = planning.cache_budget_bytes
        if limit is not None and cache_bytes > limit:
            return ConfigurationError(
                f"cache_budget is {limit:,} bytes, but the intermediates of one batch "
                f"({items} items) need {cache_bytes:,} bytes: set cache_budget to at least "
                f"{cache_bytes} or choose a smaller batch_size."
            )
        needed_bytes = cache_bytes + int(self._stage_parameters(layout).max())
        return ConfigurationError(
            f"memory_budget is {planning.memory_budget_bytes:,} bytes, but the intermediates of "
            f"one batch ({items} items) and the parameters that run on it need "
            f"{needed_bytes:,} bytes together: set memory_budget to at least {needed_bytes} or "
            "choose a smaller batch_size."
        )


def _plan(best: _Candidate, traversal: Traversal) -> ExecutionPlan:
    return ExecutionPlan(
        layout=best.layout,
        passes=best.passes,
        traversal=traversal,
        cache_bytes=best.cache_bytes,
        parameter_bytes=best.parameter_bytes,
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
