"""Planning must stay negligible: task trees, orders and pruning for many models of 25 blocks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench.planner_scale import (
    DISTRIBUTIONS,
    INPUT_BYTES,
    PLANNERS,
    all_rounds,
    growth_exponent,
    measure_apart,
    models_of,
)
from systems.planning.cost_model import CostModel
from systems.planning.minimum_memory import minimum_memory
from systems.planning.planner import Costs, Planning, make_plan
from systems.planning.task_tree import TaskTree, tree_of_rows
from systems.planning.traversal import Traversal, is_traversal, peak_bytes

Planned = list[tuple[TaskTree, Traversal]]


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
@pytest.mark.parametrize("planner", PLANNERS)
@pytest.mark.parametrize("count", [1_000, 10_000, 100_000])
def test_all_rounds(
    benchmark: BenchmarkFixture, count: int, planner: str, distribution: str
) -> None:
    models = models_of(count, distribution)

    def plan() -> Planned:
        planned: Planned = []
        all_rounds(models, PLANNERS[planner], lambda *both: planned.append(both))
        return planned

    planned = benchmark.pedantic(plan, rounds=5, warmup_rounds=1)
    assert len(planned[0][0]) == models.vertices
    assert [len(tree.model_ids) for tree, _ in planned] == [
        count >> n for n in range(count.bit_length())
    ]
    for tree, traversal in planned:
        assert is_traversal(tree, traversal.order)
        assert peak_bytes(tree, traversal.order) == traversal.peak_bytes


@pytest.mark.slow
@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_a_million_models(distribution: str) -> None:
    for result in measure_apart(1_000_000, distribution, times=1):
        print(result)
        assert result["rounds"] == 20
        assert result["vertices"] == result["expected_vertices"]
        if distribution == "nothing_shared":  # the input, and the first two blocks of a model
            assert result["peak_bytes"] == INPUT_BYTES + 25_000 + 24_000
        assert result["peak_rss_bytes"] < 2e9
        assert result["cpu_seconds"] < 10


@pytest.mark.slow
@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_growth(distribution: str) -> None:
    counts = [1_000, 10_000, 100_000]
    by_count = [measure_apart(count, distribution, times=5) for count in counts]
    for results in zip(*by_count, strict=True):
        assert growth_exponent(counts, [r["seconds"] for r in results]) <= 1.1


@pytest.mark.parametrize("models", [35, 1_000])
@pytest.mark.parametrize("in_place", [False, True], ids=["plain", "in_place"])
def test_exact(benchmark: BenchmarkFixture, models: int, in_place: bool) -> None:
    tree = resnet_152_tree(models)
    traversal = benchmark(minimum_memory, tree, in_place=in_place)
    assert traversal.is_optimal
    assert is_traversal(tree, traversal.order)
    assert peak_bytes(tree, traversal.order, in_place=in_place) == traversal.peak_bytes


@pytest.mark.parametrize("models", [35, 1_000, 10_000])
@pytest.mark.parametrize("share", [None, 0.5, 0.1], ids=["no_limit", "half", "tenth"])
def test_whole_plans(benchmark: BenchmarkFixture, models: int, share: float | None) -> None:
    """Order, stages and passes of a first round, where memory holds a share of the parameters."""
    plain = resnet_152_tree(models)
    tree = replace(plain, scratch_bytes=2 * plain.size_bytes)
    blocks = len(tree.block_hashes)
    costs = Costs(
        parameter_bytes=np.full(blocks, 4_500_000),
        item_s=np.full(blocks, 1e-4),
        input_item_s=1e-4,
        model=CostModel(),
    )
    memory_bytes = None if share is None else int(share * (len(tree) - 1) * 4_500_000)
    planning = Planning(
        schedule="auto", traversal="optimal", in_place=True, siblings_together=True,
        recompute=True, prefetch=True, memory_budget_bytes=memory_bytes,
    )  # fmt: skip
    plan = benchmark.pedantic(
        make_plan,
        (tree, planning),
        {"batch_items": [32] * 10, "costs": costs},
        rounds=3 if models < 10_000 else 1,
    )
    assert sorted(set(plan.layout.vertex.tolist())) == list(range(1, len(tree)))
    if memory_bytes is not None:
        assert plan.work_bytes + plan.parameter_bytes <= memory_bytes


def resnet_152_tree(models: int) -> TaskTree:
    """Models that differ in the upper half on average (Top 50%), with ResNet-152's outputs."""
    blocks, chance = 51, np.random.default_rng(2)
    rows = np.arange(models * blocks).reshape(models, blocks)
    own = np.clip(np.rint(chance.normal(blocks / 2, blocks / 8, models)), 1, blocks).astype(int)
    for m in range(1, models):
        kept = blocks - own[m]
        rows[m, :kept] = rows[chance.integers(m), :kept]
    channels_by_pixels = [64 * 56**2] + 3 * [256 * 56**2] + 8 * [512 * 28**2]
    channels_by_pixels += 36 * [1024 * 14**2] + 2 * [2048 * 7**2] + [2048]
    sizes = np.tile(4 * np.array(channels_by_pixels), models)
    return tree_of_rows(rows, output_bytes=sizes, input_bytes=4 * 3 * 224**2)
