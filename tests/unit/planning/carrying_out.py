"""The engine's rules without an engine: what is there when, and how much."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from systems.planning.plan import Layout
from systems.planning.task_tree import ROOT


@dataclass(frozen=True, kw_only=True, slots=True)
class CarriedOut:
    """What carrying out a layout came to."""

    executions: Counter[tuple[str, int]]
    """How often each model got the features of each batch."""
    peak_bytes: int
    """Of intermediates."""
    work_peak_bytes: int
    """With scratch memory."""


def carry_out(
    layout: Layout, passes: Sequence[Sequence[int]], batch_items: Sequence[int]
) -> CarriedOut:
    """Go through the steps as the engine does; fails where one needs what is not there."""
    size = layout.tree.size_bytes.tolist()
    at_work = layout.tree.computing_bytes(slice(None)).tolist()
    features: Counter[tuple[str, int]] = Counter()
    peak = work_peak = 0
    for numbers in passes:
        held: dict[tuple[int, int], int] = {}
        for steps in layout.stages():
            for number in numbers:
                items = batch_items[number]
                for step in steps:
                    if step.reads_input:
                        assert (ROOT, number) not in held
                        held[ROOT, number] = size[ROOT] * items
                    assert (step.parent, number) in held
                    held_bytes = sum(held.values())
                    peak = max(peak, held_bytes + size[step.vertex] * items)
                    work_peak = max(work_peak, held_bytes + at_work[step.vertex] * items)
                    if step.keeps_output:
                        held[step.vertex, number] = size[step.vertex] * items
                    if step.is_last_use_of_parent:
                        del held[step.parent, number]
                    features.update((model, number) for model in step.models)
        assert not held
    return CarriedOut(executions=features, peak_bytes=peak, work_peak_bytes=work_peak)
