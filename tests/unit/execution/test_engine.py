"""The engine on toy blocks: what runs, in which order, and what stays in memory."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor

from systems.execution.blocks import BlockSource
from systems.execution.engine import Engine, write_out
from systems.execution.features import FeatureStore
from systems.execution.intermediates import IntermediateCache
from systems.planning.plan import lay_out_again
from systems.planning.planner import Planning, make_plan
from systems.planning.task_tree import ROOT, build_task_tree
from systems.store.store import BlockRef
from systems.tracing import NoTracer
from tests.unit.planning.random_trees import costs_for

MODELS = {"m": ("a", "b", "x"), "n": ("a", "b", "y"), "o": ("c", "x")}
FACTORS = {"a": 2.0, "b": 3.0, "c": 5.0, "x": 7.0, "y": 11.0}
BATCHES = [np.array([0, 1, 2]), np.array([3, 4]), np.array([5])]
SCRATCH_BYTES = 50
"""Of one item in each block; batches have up to three."""


def inputs(order):  # type: ignore[no-untyped-def]
    """Items are their own numbers."""
    for number in order:
        yield SimpleNamespace(inputs=torch.tensor(BATCHES[number]).float()[:, None], side=())


class Counting(NoTracer):
    def __init__(self) -> None:
        self.counts: dict[str, int] = {}

    def count(self, name: str, amount: int) -> None:
        self.counts[name] = self.counts.get(name, 0) + amount

    def peak(self, name: str, value: int) -> None:
        self.counts[name] = max(value, self.counts.get(name, 0))


def run(  # type: ignore[no-untyped-def]
    schedule: str, *, keep_blocks: bool = False, prefetch: bool = False, not_kept=(), **budgets
):
    tracer, loads = Counting(), []
    found: dict[str, dict[int, Tensor]] = {}

    def load(ref: BlockRef):  # type: ignore[no-untyped-def]
        loads.append(ref.hash)
        return lambda x: x * FACTORS[ref.hash]

    refs = {name: BlockRef(hash=name, architecture=name, tensor_bytes=10) for name in FACTORS}
    tree = build_task_tree(
        MODELS,
        output_bytes=dict.fromkeys(FACTORS, 4),
        input_bytes=4,
        scratch_bytes=dict.fromkeys(FACTORS, SCRATCH_BYTES),
    )
    planning = Planning(schedule=schedule, in_place=True, **budgets)  # type: ignore[arg-type]
    plan = make_plan(tree, planning, batch_items=[3, 2, 1], costs=costs_for(tree))
    if not_kept:
        plan = replace(plan, layout=lay_out_again(plan.layout, frozenset(not_kept)))
    program = write_out(plan)
    blocks = BlockSource(refs, load=load, tracer=tracer, keep=keep_blocks, prefetch=prefetch)
    with contextlib.closing(blocks):
        blocks.expect(program.blocks)
        engine = Engine(blocks=blocks, operations=dict.fromkeys(FACTORS, 100), tracer=tracer)
        engine.run(
            program, inputs(program.inputs),  # type: ignore[arg-type]
            lambda model, number, y: found.setdefault(model, {}).__setitem__(number, y),
        )  # fmt: skip
    features = {m: torch.cat([parts[n] for n in sorted(parts)]) for m, parts in found.items()}
    return SimpleNamespace(
        features=features, loads=loads, asked=list(program.inputs), counts=tracer.counts, plan=plan
    )


@pytest.mark.parametrize("prefetch", [True, False])
@pytest.mark.parametrize("keep_blocks", [True, False])
@pytest.mark.parametrize(
    ("schedule", "budgets"),
    [
        ("block_major", {}),
        ("block_major", {"cache_budget_bytes": 4 * 4 * 3}),
        ("batch_major", {}),
        ("auto", {"memory_budget_bytes": 30 + 4 * 4 * 3 + 3 * SCRATCH_BYTES}),
    ],
)
def test_every_schedule_gives_every_model_its_features(
    schedule: str, budgets: dict[str, int], keep_blocks: bool, prefetch: bool
) -> None:
    done = run(schedule, keep_blocks=keep_blocks, prefetch=prefetch, **budgets)
    assert_features(done)
    assert sorted(done.asked) == [0, 1, 2]  # each item once, though two blocks read it
    assert done.counts["operations"] == 100 * 6 * 6  # 6 vertices, 6 items
    assert done.counts["cache_peak_bytes"] <= done.plan.cache_bytes
    peaks = done.counts["cache_peak_bytes"], done.counts["resident_parameters_peak_bytes"]
    held_bytes = done.counts["held_peak_bytes"]
    assert max(*peaks, 3 * SCRATCH_BYTES) <= held_bytes <= done.plan.work_bytes + peaks[1]
    if "cache_budget_bytes" in budgets:
        assert len(done.plan.passes) > 1
        assert done.plan.cache_bytes <= budgets["cache_budget_bytes"]
    if schedule == "auto":
        assert done.plan.schedule == "mixed"


def test_what_is_not_kept_is_computed_again() -> None:
    done = run("block_major", not_kept=(ROOT, 1, 2, 3))
    assert_features(done)
    assert len(done.asked) > 3
    assert done.counts["operations"] > 100 * 6 * 6


def assert_features(done) -> None:  # type: ignore[no-untyped-def]
    for model, hashes in MODELS.items():
        factor = float(np.prod([FACTORS[h] for h in hashes]))
        assert done.features[model].flatten().tolist() == [factor * item for item in range(6)]


def test_blocks_are_read_as_often_as_the_schedule_says() -> None:
    vertices = ["a", "b", "c", "x", "x", "y"]
    assert sorted(run("block_major").loads) == vertices
    assert sorted(run("batch_major").loads) == sorted(FACTORS)
    kept = run("block_major", keep_blocks=True)
    assert sorted(kept.loads) == sorted(FACTORS)
    assert kept.counts["bytes_read"] == kept.counts["resident_parameters_peak_bytes"] == 50


def test_the_cache_adds_up_what_it_holds() -> None:
    cache = IntermediateCache()
    cache.put(1, 0, torch.zeros(4))
    cache.put(2, 0, torch.zeros(2))
    assert cache.resident_bytes == 24
    cache.discard(1, 0)
    cache.discard(9, 9)  # a streamed input never was there
    assert (cache.resident_bytes, cache.peak_bytes) == (8, 24)
    assert cache.get(2, 0).shape == (2,)


@pytest.mark.parametrize("items", [1, 5])
def test_features_do_not_keep_the_intermediate_that_they_are_a_view_of(items: int) -> None:
    store = FeatureStore()
    hidden = torch.randn(items, 128, 16)
    store.add("m", hidden[:, 0], is_test=True)
    kept = store.test("m")
    assert torch.equal(kept, hidden[:, 0])
    assert kept.untyped_storage().nbytes() == kept.nbytes
