"""What a layout of stages takes: passes, memory, and the seconds that another could save."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from systems.errors import ConfigurationError
from systems.planning.cost_model import CostModel
from systems.planning.plan import Footprint, Layout, Schedule
from systems.planning.task_tree import TaskTree

TraversalName = Literal["dfs_plus", "depth_first", "optimal"]


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
    """For intermediates, scratch memory and parameters together."""
    prefetch: bool = False
    """Blocks are loaded while others compute."""
    keep_blocks: bool = True
    """Blocks that fit stay once they are there; else each stage of each pass reads its own."""


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
    resident: NDArray[np.bool_] | None = None
    """[blocks]: which are there already; None: none."""

    def load_s(self) -> NDArray[np.float64]:
        """[blocks]: seconds of reading each; 0 where it is there already."""
        seconds = np.array([self.model.load_s(size) for size in self.parameter_bytes.tolist()])
        return seconds if self.resident is None else np.where(self.resident, 0.0, seconds)


class Needs(NamedTuple):
    """Bytes that a pass needs at most."""

    cache_bytes: int
    """Of intermediates."""
    work_bytes: int
    """Of intermediates and scratch memory."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PricedLayout:
    """A layout that fits the budgets, and what it takes."""

    layout: Layout
    passes: Sequence[Sequence[int]]
    """Batches by number."""
    needs: Needs
    """The most of any pass."""
    parameter_bytes: int
    """Of the largest stage."""
    seconds: float
    """Of all that another plan could save: waiting for blocks, moving intermediates,
    computing again."""


class Pricing:
    """Prices the layouts of one tree over given batches."""

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
        self._load_s = costs.load_s()
        self._all_parameter_bytes = int(costs.parameter_bytes[np.unique(tree.block[1:])].sum())

    def price(self, layout: Layout) -> PricedLayout | None:
        """The layout with its passes and its price; None where a budget does not hold it."""
        parameter_bytes = self._stage_parameters(layout)
        largest_stage = int(parameter_bytes.max())
        footprint = layout.footprint()
        batch = self.batch_needs(footprint)
        if not self._fits(batch, largest_stage):
            return None
        passes = self._passes(footprint, largest_stage)
        items = sum(self._batch_items)
        fit = self._fits(batch, self._all_parameter_bytes)
        is_one_stage = len(layout.stage_start) == 2 and len(passes) == 1
        if fit and (self._planning.keep_blocks or is_one_stage):
            waiting_s = self._waiting_s(layout, passes)
        else:
            waiting_s = self._waiting_again_s(layout, passes, batch)
        repeats = self._tree.block[layout.vertex[layout.is_repeat]]
        model = self._costs.model
        seconds = (
            waiting_s
            + model.cache_s(footprint.crossing_bytes * items)
            + items * float(self._costs.item_s[repeats].sum())
            + items * (int(layout.reads_input.sum()) - 1) * self._costs.input_item_s
        )
        of_passes = [self._needs(footprint, *self._pass_items(numbers)) for numbers in passes]
        return PricedLayout(
            layout=layout,
            passes=passes,
            needs=Needs(
                max(needs.cache_bytes for needs in of_passes),
                max(needs.work_bytes for needs in of_passes),
            ),
            parameter_bytes=largest_stage,
            seconds=seconds,
        )

    def missing_bytes(self, layout: Layout) -> tuple[int, int]:
        """By how many bytes ``cache_budget`` and ``memory_budget`` are too small for a layout;
        below 0 for the second if there is room, 0 for the first. Without a ``memory_budget``,
        the second is what it needs."""
        cache, memory = self._planning.cache_budget_bytes, self._planning.memory_budget_bytes
        batch = self.batch_needs(layout.footprint())
        beyond = 0 if cache is None else max(0, batch.cache_bytes - cache)
        if memory is None:
            return beyond, batch.cache_bytes
        return beyond, batch.work_bytes + int(self._stage_parameters(layout).max()) - memory

    def too_small(self, layout: Layout) -> ConfigurationError:
        """Name the smallest budget that would do for this layout."""
        planning, items = self._planning, self._largest_batch
        batch = self.batch_needs(layout.footprint())
        limit = planning.cache_budget_bytes
        if limit is not None and batch.cache_bytes > limit:
            return ConfigurationError(
                f"cache_budget is {limit:,} bytes, but the intermediates of one batch "
                f"({items} items) need {batch.cache_bytes:,} bytes: set cache_budget to at least "
                f"{batch.cache_bytes} or choose a smaller batch_size."
            )
        needed_bytes = batch.work_bytes + int(self._stage_parameters(layout).max())
        return ConfigurationError(
            f"memory_budget is {planning.memory_budget_bytes:,} bytes, but the intermediates of "
            f"one batch ({items} items), inner ones included, and the parameters that run on it "
            f"need {needed_bytes:,} bytes together: set memory_budget to at least {needed_bytes} "
            "or choose a smaller batch_size."
        )

    @property
    def computing_s(self) -> float:
        """Seconds of computing every vertex once."""
        return float(sum(self._batch_items) * self._costs.item_s[self._tree.block[1:]].sum())

    @property
    def batches(self) -> int:
        """How many go through the tree."""
        return len(self._batch_items)

    def batch_needs(self, footprint: Footprint) -> Needs:
        """Of a pass over the largest batch of the search alone."""
        return self._needs(footprint, self._largest_batch, self._largest_batch)

    def _waiting_s(self, layout: Layout, passes: Sequence[Sequence[int]]) -> float:
        """Seconds in which nothing computes because a block is not there yet, if all stay.

        With loading ahead, the loads follow one another from the start; what has not been
        computed by the time a block is there has been waited for.
        """
        block = self._tree.block[layout.vertex]
        first_use = np.sort(np.unique(block, return_index=True)[1])
        loading_s = np.cumsum(self._load_s[block[first_use]])
        if not self._planning.prefetch:
            return float(loading_s[-1])
        items, _ = self._pass_items(passes[0])
        item_s = self._hiding_s(layout)
        stage_s = np.add.reduceat(item_s, layout.stage_start[:-1])
        before_stage_s = np.repeat(np.cumsum(stage_s) - stage_s, np.diff(layout.stage_start))
        within_stage_s = np.cumsum(item_s) - item_s - before_stage_s
        computed_s = items * before_stage_s + self._batch_items[passes[0][0]] * within_stage_s
        return max(0.0, float((loading_s - computed_s[first_use]).max()))

    def _waiting_again_s(
        self, layout: Layout, passes: Sequence[Sequence[int]], batch: Needs
    ) -> float:
        """The same if each stage reads its blocks again in each pass.

        The next stage's are loaded while a stage computes where both fit, else after it.
        """
        stage, block = self._stage_blocks(layout)
        stages = len(layout.stage_start) - 1
        load_s = np.bincount(stage, weights=self._load_s[block], minlength=stages)
        if not self._planning.prefetch or stages == 1:
            return len(passes) * float(load_s.sum())
        items, _ = self._pass_items(passes[0])
        computing_s = items * np.add.reduceat(self._hiding_s(layout), layout.stage_start[:-1])
        parameter_bytes = self._stage_parameters(layout)
        both_bytes = parameter_bytes[:-1] + parameter_bytes[1:]
        both_fit = np.array([self._fits(batch, beside) for beside in both_bytes.tolist()])
        hidden_s = np.where(both_fit, np.minimum(load_s[1:], computing_s[:-1]), 0.0)
        return len(passes) * float(load_s.sum() - hidden_s.sum())

    def _hiding_s(self, layout: Layout) -> NDArray[np.float64]:
        """[S]: seconds per item that may hide loading; not those of computing again, which
        would otherwise look as if they cost nothing where a plan waits anyway."""
        item_s = self._costs.item_s[self._tree.block[layout.vertex]]
        return np.where(layout.is_repeat, 0.0, item_s)

    def _stage_blocks(self, layout: Layout) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The different blocks of each stage: arrays of stages and of block numbers."""
        block = self._tree.block[layout.vertex].astype(np.int64)
        stage = np.repeat(np.arange(len(layout.stage_start) - 1), np.diff(layout.stage_start))
        blocks = len(self._costs.parameter_bytes)
        different = np.unique(stage * blocks + block)
        return np.divmod(different, blocks)

    def _fits(self, needs: Needs, parameter_bytes: int) -> bool:
        """Whether the budgets hold that beside these parameters."""
        cache, memory = self._planning.cache_budget_bytes, self._planning.memory_budget_bytes
        return (cache is None or needs.cache_bytes <= cache) and (
            memory is None or needs.work_bytes + parameter_bytes <= memory
        )

    def _stage_parameters(self, layout: Layout) -> NDArray[np.int64]:
        """[stages]: bytes of the different blocks of each stage."""
        stage, block = self._stage_blocks(layout)
        stages = len(layout.stage_start) - 1
        weights = self._costs.parameter_bytes[block]
        return np.bincount(stage, weights=weights, minlength=stages).astype(np.int64)

    def _needs(self, footprint: Footprint, items: int, largest_batch: int) -> Needs:
        in_place = self._planning.in_place or len(footprint.within) == 1
        cache_bytes = footprint.pass_bytes(items, largest_batch, in_place=in_place)
        if self._tree.scratch_bytes is None:
            return Needs(cache_bytes, cache_bytes)
        work_bytes = footprint.pass_bytes(
            items, largest_batch, in_place=in_place, with_scratch=True
        )
        return Needs(cache_bytes, work_bytes)

    def _pass_items(self, numbers: Sequence[int]) -> tuple[int, int]:
        taken = [self._batch_items[n] for n in numbers]
        return sum(taken), max(taken)

    def _passes(self, footprint: Footprint, parameter_bytes: int) -> list[list[int]]:
        batches = range(len(self._batch_items))
        if self._planning.cache_budget_bytes is None and self._planning.memory_budget_bytes is None:
            return [list(batches)]
        passes: list[list[int]] = [[]]
        for number in batches:
            longer = [*passes[-1], number]
            needs = self._needs(footprint, *self._pass_items(longer))
            if passes[-1] and not self._fits(needs, parameter_bytes):
                passes.append([number])
            else:
                passes[-1] = longer
        return passes
