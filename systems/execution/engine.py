"""The engine: one loop that carries out every system's plan."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from torch import Tensor

from systems.data.loader import Batch, BatchLoader
from systems.execution.blocks import BlockSource
from systems.execution.intermediates import IntermediateCache
from systems.planning.plan import ExecutionPlan, Step
from systems.planning.task_tree import ROOT
from systems.tracing import Tracer

Emit = Callable[[str, int, Tensor], None]
"""Called with model id, batch number and features [items, d]."""


class Engine:
    """Runs plans: for each pass, for each step, for each batch of the pass, one block."""

    def __init__(
        self,
        *,
        blocks: BlockSource,
        operations: Mapping[str, int],
        keep_blocks: bool,
        tracer: Tracer,
    ) -> None:
        """``operations`` maps a block's hash to its operations per item.

        Without ``keep_blocks``, a block-major step drops its block when it is done, and a
        batch-major run drops its blocks at the end.
        """
        self._blocks = blocks
        self._operations = operations
        self._keep_blocks = keep_blocks
        self._tracer = tracer

    def run(
        self,
        plan: ExecutionPlan,
        batches: Sequence[np.ndarray],
        loader: BatchLoader,
        emit: Emit,
    ) -> None:
        """Extract the features that ``plan`` names for all ``batches`` (item indexes)."""
        prepared = loader.batches([batches[n] for numbers in plan.passes for n in numbers])
        for numbers in plan.passes:
            self._run_pass(plan, numbers, prepared, emit)
        if plan.schedule == "batch_major" and not self._keep_blocks:
            self._blocks.retain(())

    def _run_pass(
        self, plan: ExecutionPlan, numbers: Sequence[int], prepared: Iterator[Batch], emit: Emit
    ) -> None:
        cache = IntermediateCache()
        side: dict[int, tuple[Tensor, ...]] = {}
        for step in plan.steps:
            block = self._blocks.acquire(step.block)
            for number in numbers:
                if number not in side:  # the first step reads the input
                    batch = next(prepared)
                    x, side[number] = batch.inputs, batch.side
                    if not step.is_last_use_of_parent:
                        cache.put(ROOT, number, x)
                    del batch
                else:
                    x = cache.get(step.parent, number)
                with self._tracer.span(
                    "inference", block=step.block, vertex=step.vertex, items=len(x)
                ):
                    y = block(x, *side[number])
                with self._tracer.span("cache"):
                    self._account(step, number, x, y, cache)
                    for model in step.models:
                        emit(model, number, y)
                    del x, y
            del block
            if plan.schedule == "block_major" and not self._keep_blocks:
                self._blocks.release(step.block)
        self._tracer.peak("cache_peak_bytes", cache.peak_bytes)

    def _account(
        self, step: Step, number: int, x: Tensor, y: Tensor, cache: IntermediateCache
    ) -> None:
        self._tracer.count("operations", self._operations[step.block] * len(x))
        self._tracer.count("block_executions", 1)
        if step.is_last_use_of_parent:
            cache.discard(step.parent, number)
        if step.keeps_output:
            cache.put(step.vertex, number, y)
