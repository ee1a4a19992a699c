"""Planning must stay negligible: task tree, DFS+ and plan for many models of 25 blocks."""

from __future__ import annotations

import random

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from systems.planning.plan import ExecutionPlan, make_plan
from systems.planning.task_tree import build_task_tree
from systems.planning.traversal import is_traversal, peak_bytes

BLOCKS = 25


def synthetic_models(count: int, *, shares: bool) -> dict[str, tuple[str, ...]]:
    """Models of 25 blocks; sharing ones keep all but the last few blocks of an earlier one."""
    chance = random.Random(0)
    models: list[tuple[str, ...]] = []
    for number in range(count):
        own = tuple(f"{number}/{position}" for position in range(BLOCKS))
        kept = 0
        if shares and models:
            kept = BLOCKS - max(1, round(abs(chance.gauss(2.5, 1.25))))
        models.append((chance.choice(models)[:kept] if kept else ()) + own[kept:])
    return {str(number): blocks for number, blocks in enumerate(models)}


@pytest.mark.parametrize("shares", [True, False], ids=["top_layers", "nothing_shared"])
@pytest.mark.parametrize("count", [1_000, 10_000])
def test_planning(benchmark: BenchmarkFixture, count: int, shares: bool) -> None:
    models = synthetic_models(count, shares=shares)
    output_bytes = {
        block: 1000 * (BLOCKS - position)
        for blocks in models.values()
        for position, block in enumerate(blocks)
    }

    def plan() -> ExecutionPlan:
        tree = build_task_tree(models, output_bytes=output_bytes, input_bytes=600_000)
        return make_plan(tree, batch_items=[128] * 13, schedule="block_major")

    made = benchmark.pedantic(plan, rounds=5, warmup_rounds=1)
    tree = build_task_tree(models, output_bytes=output_bytes, input_bytes=600_000)
    order = [0, *(step.vertex for step in made.steps)]
    assert is_traversal(tree, order)
    assert peak_bytes(tree, order) == made.cache_bytes_per_item
    assert len(tree) == 1 + len({blocks[:n] for blocks in models.values() for n in range(1, 26)})
