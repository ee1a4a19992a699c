"""The engine on toy blocks: what runs, in which order, and what stays in memory."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor

from systems.execution.blocks import BlockSource
from systems.execution.engine import Engine
from systems.execution.features import FeatureStore
from systems.execution.intermediates import IntermediateCache
from systems.planning.plan import make_plan
from systems.planning.task_tree import build_task_tree
from systems.store.store import BlockRef
from systems.tracing import NoTracer

MODELS = {"m": ("a", "b", "x"), "n": ("a", "b", "y"), "o": ("c", "x")}
FACTORS = {"a": 2.0, "b": 3.0, "c": 5.0, "x": 7.0, "y": 11.0}
BATCHES = [np.array([0, 1, 2]), np.array([3, 4]), np.array([5])]


class Loader:
    """Items are their own numbers; counts how often each is asked for."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def batches(self, cuts):  # type: ignore[no-untyped-def]
        for items in cuts:
            self.asked += items.tolist()
            yield SimpleNamespace(inputs=torch.tensor(items).float()[:, None], side=())


class Counting(NoTracer):
    def __init__(self) -> None:
        self.counts: dict[str, int] = {}

    def count(self, name: str, amount: int) -> None:
        self.counts[name] = self.counts.get(name, 0) + amount

    def peak(self, name: str, value: int) -> None:
        self.counts[name] = max(value, self.counts.get(name, 0))


def run(schedule: str, *, keep_blocks: bool, budget: int | None = None):  # type: ignore[no-untyped-def]
    tracer, loader, loads = Counting(), Loader(), []
    found: dict[str, dict[int, Tensor]] = {}

    def load(ref: BlockRef):  # type: ignore[no-untyped-def]
        loads.append(ref.hash)
        return lambda x: x * FACTORS[ref.hash]

    refs = {name: BlockRef(hash=name, architecture=name, tensor_bytes=10) for name in FACTORS}
    blocks = BlockSource(refs, load=load, tracer=tracer)
    tree = build_task_tree(MODELS, output_bytes=dict.fromkeys(FACTORS, 4), input_bytes=4)
    plan = make_plan(
        tree, batch_items=[3, 2, 1], schedule=schedule, cache_budget_bytes=budget  # type: ignore[arg-type]
    )  # fmt: skip
    engine = Engine(
        blocks=blocks, operations=dict.fromkeys(FACTORS, 100), keep_blocks=keep_blocks,
        tracer=tracer,
    )  # fmt: skip
    engine.run(
        plan, BATCHES, loader,  # type: ignore[arg-type]
        lambda model, number, y: found.setdefault(model, {}).__setitem__(number, y),
    )  # fmt: skip
    features = {m: torch.cat([parts[n] for n in sorted(parts)]) for m, parts in found.items()}
    return SimpleNamespace(
        features=features, loads=loads, asked=loader.asked, counts=tracer.counts, plan=plan
    )


@pytest.mark.parametrize("keep_blocks", [True, False])
@pytest.mark.parametrize(
    ("schedule", "budget"),
    [("block_major", None), ("block_major", 4 * 4 * 3), ("batch_major", None)],
)
def test_every_schedule_gives_every_model_its_features(
    schedule: str, budget: int | None, keep_blocks: bool
) -> None:
    done = run(schedule, keep_blocks=keep_blocks, budget=budget)
    for model, hashes in MODELS.items():
        factor = float(np.prod([FACTORS[h] for h in hashes]))
        assert done.features[model].flatten().tolist() == [factor * item for item in range(6)]
    assert sorted(done.asked) == list(range(6))  # each item once, though two blocks read it
    assert done.counts["operations"] == 100 * 6 * 6  # 6 vertices, 6 items
    if budget is not None:
        assert len(done.plan.passes) > 1
        assert done.counts["cache_peak_bytes"] <= budget


def test_blocks_are_read_as_often_as_the_schedule_says() -> None:
    vertices = ["a", "b", "c", "x", "x", "y"]
    assert sorted(run("block_major", keep_blocks=False).loads) == vertices
    assert sorted(run("batch_major", keep_blocks=False).loads) == sorted(FACTORS)
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
