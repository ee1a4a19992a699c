"""Memory of intermediates as planned, for searches too large to run here.

``python -m bench.planned_memory`` prints, for 35 models of each of the paper's architectures
and distributions over 8000 items in batches of 128, the most bytes of intermediates that the
published planner (DFS+, block by block over the whole chunk) and this project's hold at
once, in brackets with the inner results of the block at work, and what it comes to where
these and the parameters must fit 10 GiB. The plans are those of the real planner; that runs
keep to them is a test (``tests/unit/planning``).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from harness.search_shape import search_shape
from harness.spec import RunSpec
from scenarios.matrix import Cell
from systems.planning.cost_model import CostModel
from systems.planning.plan import ExecutionPlan
from systems.planning.planner import Costs, Planning, make_plan
from systems.planning.search import SearchShape
from systems.planning.task_tree import tree_of_rows

ARCHITECTURES = ("resnet18", "resnet152", "efficientnet_v2_l", "vit_l_32")
DISTRIBUTIONS = ("top_50", "top_25", "top_layers")
PUBLISHED = Planning(schedule="block_major")
OURS: dict[str, Any] = {
    "schedule": "auto", "traversal": "optimal", "in_place": True, "siblings_together": True,
    "recompute": True,
}  # fmt: skip
GIB = 2**30
LIMIT_BYTES = 10 * GIB


def first_round(search: SearchShape, planning: Planning) -> ExecutionPlan:
    """The plan of the round with the most models: all of them, test items and first chunk."""
    parameter_bytes = np.array([p.parameter_bytes for p in search.profiles], np.int64)
    output_bytes = np.array([p.output_bytes for p in search.profiles], np.int64)
    model, batch = CostModel(), search.batch_size
    item_s = np.array([model.execution_s(p, batch) / batch for p in search.profiles])
    input_bytes = search.profiles[0].input_bytes
    scratch_bytes = np.array([p.scratch_bytes for p in search.profiles], np.int64)
    tree = tree_of_rows(
        search.rows,
        output_bytes=output_bytes[search.kind],
        input_bytes=input_bytes,
        scratch_bytes=scratch_bytes[search.kind],
    )
    chunk = search.schedule.chunks[0]
    return make_plan(
        tree,
        planning,
        batch_items=[*search.batches(search.test_items), *search.batches(len(chunk))],
        costs=Costs(
            parameter_bytes=parameter_bytes[search.kind],
            item_s=item_s[search.kind],
            input_item_s=model.prepare_s(input_bytes),
            model=model,
        ),
    )


def lines() -> Iterator[str]:
    """The table, line by line, in Markdown."""
    yield "| 35 models, 8000 items | DFS+, block-major | ours | ratio | ours within 10 GiB |"
    yield "|---|---|---|---|---|"
    for architecture, distribution in itertools.product(ARCHITECTURES, DISTRIBUTIONS):
        cell = Cell(
            parameters={
                "system": "alsatian", "architecture": architecture, "items": 8000,
                "distribution": distribution, "batch_size": 128, "dataset": "fake",
            }
        )  # fmt: skip
        search = search_shape(RunSpec.from_cell(cell, folder=Path()).canonical())
        published = first_round(search, PUBLISHED)
        ours = first_round(search, Planning(**OURS))
        limited = first_round(search, Planning(**OURS, memory_budget_bytes=LIMIT_BYTES))
        needs_bytes = limited.work_bytes + limited.parameter_bytes
        ratio = published.cache_bytes / ours.cache_bytes
        yield (
            f"| {architecture}, {distribution} "
            f"| {published.cache_bytes / GIB:.2f} ({published.work_bytes / GIB:.2f}) GiB "
            f"| {ours.cache_bytes / GIB:.3f} ({ours.work_bytes / GIB:.2f}) GiB | 1/{ratio:.0f} "
            f"| {limited.schedule}, {len(limited.passes)} passes, {needs_bytes / GIB:.1f} GiB |"
        )


if __name__ == "__main__":
    for line in lines():
        print(line, flush=True)
