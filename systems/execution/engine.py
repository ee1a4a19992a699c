"""The engine: one loop that carries out every system's plan."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from systems.data.loader import Batch
from systems.execution.blocks import BlockSource
from systems.execution.intermediates import IntermediateCache
from systems.planning.plan import ExecutionPlan, Step
from systems.planning.task_tree import ROOT
from systems.tracing import Tracer

Emit = Callable[[str, int, Tensor], None]
"""Called with model id, batch number and features [items, d]."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Program:
    """A plan written out, step by step, so that nothing is left to work out while it runs."""

    stages: Sequence[Sequence[Step]]
    passes: Sequence[Sequence[int]]
    """Batches by number."""
    inputs: Sequence[int]
    """The batches in the order in which they are taken from the loader."""
    blocks: Sequence[Sequence[str]]
    """The blocks of each stage of each pass, in the order of their first use."""
    work_bytes: int
    """Of intermediates and scratch memory at once, as planned."""


def write_out(plan: ExecutionPlan) -> Program:
    """The program that carries out ``plan``."""
    stages = plan.layout.stages()
    blocks = [list(dict.fromkeys(step.block for step in steps)) for steps in stages]
    return Program(
        stages=stages,
        passes=plan.passes,
        inputs=[
            number
            for numbers in plan.passes
            for steps in stages
            for number in numbers
            for step in steps
            if step.reads_input
        ],
        blocks=blocks * len(plan.passes),
        work_bytes=plan.work_bytes,
    )


class Engine:
    """Runs programs: for each pass, for each stage, for each batch of the pass, the steps."""

    def __init__(
        self, *, blocks: BlockSource, operations: Mapping[str, int], tracer: Tracer
    ) -> None:
        """``operations`` maps a block's hash to its operations per item."""
        self._blocks = blocks
        self._operations = operations
        self._tracer = tracer

    def run(self, program: Program, inputs: Iterator[Batch], emit: Emit) -> None:
        """Extract the features that ``program`` names.

        ``inputs`` yields the batches of ``program.inputs``; ``program.blocks`` have been
        announced to the source of blocks.
        """
        # What lies between the blocks is keeping their outputs; all else has its own spans.
        with self._tracer.span("cache"):
            for numbers in program.passes:
                self._run_pass(program.stages, numbers, inputs, emit)

    def _run_pass(
        self,
        stages: Sequence[Sequence[Step]],
        numbers: Sequence[int],
        inputs: Iterator[Batch],
        emit: Emit,
    ) -> None:
        cache = IntermediateCache()
        side: dict[int, tuple[Tensor, ...]] = {}
        held_bytes = 0
        for steps in stages:
            self._blocks.begin_stage()
            for number in numbers:
                for step in steps:
                    block = self._blocks.acquire(step.block)
                    if step.reads_input:
                        batch = next(inputs)
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
                    running_bytes = len(x) * step.computing_bytes
                    held_bytes = max(
                        held_bytes,
                        cache.resident_bytes + running_bytes + self._blocks.resident_bytes,
                    )
                    if step.keeps_output:
                        cache.put(step.vertex, number, y)
                    if step.is_last_use_of_parent:
                        cache.discard(step.parent, number)
                    self._count(step, x)
                    for model in step.models:
                        emit(model, number, y)
                    del x, y
            del block
            self._blocks.end_stage()
        self._tracer.peak("cache_peak_bytes", cache.peak_bytes)
        self._tracer.peak("held_peak_bytes", held_bytes)

    def _count(self, step: Step, x: Tensor) -> None:
        self._tracer.count("operations", self._operations[step.block] * len(x))
        self._tracer.count("block_executions", 1)
