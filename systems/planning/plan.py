"""The execution plan: steps through a task tree, and passes over the batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from systems.errors import ConfigurationError
from systems.planning.task_tree import TaskTree
from systems.planning.traversal import dfs_plus

Schedule = Literal["block_major", "batch_major"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """Run one block over the batches of a pass."""

    vertex: int
    parent: int
    block: str
    """Hash of the block."""
    models: Sequence[str]
    """Models whose features the output is."""
    is_last_use_of_parent: bool
    keeps_output: bool
    """Whether later steps read the output."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ExecutionPlan:
    """The steps of one pass, and the batches (by number) that each pass takes through them."""

    steps: Sequence[Step]
    passes: Sequence[Sequence[int]]
    schedule: Schedule
    cache_bytes_per_item: int
    """Bytes of intermediates that must be resident at once, per item of a pass."""


def make_plan(
    tree: TaskTree,
    *,
    batch_items: Sequence[int],
    schedule: Schedule,
    cache_budget_bytes: int | None = None,
    largest_batch: int | None = None,
) -> ExecutionPlan:
    """Order ``tree`` by DFS+ and split the batches into passes that fit the budget.

    Block-major takes as many batches at a time as the budget allows (the paper: all of
    them, or, where that is too much, one of i parts at a time); batch-major takes one.
    ``batch_items`` holds the number of items of each batch, ``largest_batch`` that of the
    largest batch that the search will come to (default: of these). A tree with fewer models
    never needs more, so a budget that does for the first round does for all.

    Raises:
        ConfigurationError: the budget does not hold the intermediates of the largest batch.
    """
    largest_batch = max(batch_items) if largest_batch is None else largest_batch
    traversal = dfs_plus(tree)
    _check_budget(traversal.peak_bytes, largest_batch, cache_budget_bytes)
    unfinished = [len(below) for below in tree.children]
    steps = []
    for v in traversal.order[1:]:
        p = tree.parent[v]
        unfinished[p] -= 1
        steps.append(
            Step(
                vertex=v,
                parent=p,
                block=tree.block[v],
                models=tuple(tree.models.get(v, ())),
                is_last_use_of_parent=unfinished[p] == 0,
                keeps_output=bool(tree.children[v]),
            )
        )
    return ExecutionPlan(
        steps=steps,
        passes=_passes(batch_items, traversal.peak_bytes, schedule, cache_budget_bytes),
        schedule=schedule,
        cache_bytes_per_item=traversal.peak_bytes,
    )


def _passes(
    batch_items: Sequence[int], per_item_bytes: int, schedule: Schedule, budget_bytes: int | None
) -> list[list[int]]:
    if schedule == "batch_major":
        return [[number] for number in range(len(batch_items))]
    passes: list[list[int]] = [[]]
    used_bytes = 0
    for number, items in enumerate(batch_items):
        used_bytes += items * per_item_bytes
        if passes[-1] and budget_bytes is not None and used_bytes > budget_bytes:
            passes.append([])
            used_bytes = items * per_item_bytes
        passes[-1].append(number)
    return passes


def _check_budget(per_item_bytes: int, largest_batch: int, budget_bytes: int | None) -> None:
    needed_bytes = per_item_bytes * largest_batch
    if budget_bytes is not None and needed_bytes > budget_bytes:
        raise ConfigurationError(
            f"cache_budget is {budget_bytes:,} bytes, but the intermediates of one batch "
            f"({largest_batch} items) need {needed_bytes:,} bytes: set cache_budget to at "
            f"least {needed_bytes} or choose a smaller batch_size."
        )
