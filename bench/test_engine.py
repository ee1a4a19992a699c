"""What the engine adds to each block and batch: the same chain by the engine, and without it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture
from torch import Tensor, nn

from bench.devices import DEVICES, finish
from harness.trace import SpanTracer
from systems.data.model_inputs import Batch
from systems.execution.blocks import BlockSource
from systems.execution.engine import Engine, write_out
from systems.models.skeleton import BoundBlock, Skeleton
from systems.planning.planner import Costs, Planning, make_plan
from systems.planning.task_tree import build_task_tree
from systems.store.store import BlockRef
from tests.unit.planning.random_trees import costs_for

BLOCKS, BATCHES, ITEMS, SIZE = 50, 20, 4, 16
"""Blocks so small that hardly anything but the engine takes time."""
NAMES = [f"b{number:02}" for number in range(BLOCKS)]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("way", ["plain", "batch_major", "block_major"])
def test_a_thousand_executions(benchmark: BenchmarkFixture, way: str, device: str) -> None:
    benchmark.group = f"{BLOCKS} tiny blocks, {BATCHES} batches, {device}"
    modules, chain, batches = made(device)
    with torch.inference_mode():
        expected = plain(modules, batches)
        run = (lambda: plain(modules, batches)) if way == "plain" else engine(way, chain, batches)

        def to_the_end() -> list[Tensor]:
            features = run()
            finish(device)
            return features

        features = benchmark.pedantic(to_the_end, rounds=10, warmup_rounds=2)
    assert len(features) == BATCHES
    assert all(torch.equal(a, b) for a, b in zip(features, expected, strict=True))


def made(device: str) -> tuple[list[nn.Module], list[BoundBlock], list[Tensor]]:
    """A chain of modules, the same as bound blocks, and its inputs."""
    torch.manual_seed(0)

    def block() -> nn.Module:
        return nn.Sequential(nn.Linear(SIZE, SIZE), nn.ReLU()).eval()

    with torch.device(device):
        modules = [block() for _ in NAMES]
        batches = [torch.randn(ITEMS, SIZE) for _ in range(BATCHES)]
    with torch.device("meta"):
        skeleton = Skeleton("tiny/0", block())
    chain = [skeleton.bind(module.state_dict(), device=device) for module in modules]
    return modules, chain, batches


def plain(modules: Sequence[nn.Module], batches: Sequence[Tensor]) -> list[Tensor]:
    """PyTorch alone: without plan, bookkeeping and spans."""
    features = []
    for x in batches:
        for module in modules:
            x = module(x)
        features.append(x)
    return features


def engine(
    schedule: str, chain: Sequence[BoundBlock], batches: Sequence[Tensor]
) -> Callable[[], list[Tensor]]:
    """A whole program each time, traced as in a search; blocks are at hand."""
    tree = build_task_tree({"m": NAMES}, output_bytes=dict.fromkeys(NAMES, 4 * SIZE),
                           input_bytes=4 * SIZE)  # fmt: skip
    costs: Costs = costs_for(tree)
    plan = make_plan(tree, Planning(schedule=schedule), batch_items=[ITEMS] * BATCHES, costs=costs)  # type: ignore[arg-type]
    program = write_out(plan)
    by_name = dict(zip(NAMES, chain, strict=True))
    refs = {name: BlockRef(hash=name, architecture="tiny/0", tensor_bytes=0) for name in NAMES}

    def inputs() -> Iterator[Batch]:
        for number in program.inputs:
            yield Batch(inputs=batches[number], side=(), items=np.arange(ITEMS))

    def run() -> list[Tensor]:
        features: list[Tensor] = [torch.empty(0)] * BATCHES
        tracer = SpanTracer()
        blocks = BlockSource(refs, load=lambda ref: by_name[ref.hash], tracer=tracer)
        with contextlib.closing(blocks):
            blocks.expect(program.blocks)
            tracer.start()
            Engine(blocks=blocks, operations=dict.fromkeys(NAMES, 1), tracer=tracer).run(
                program, inputs(), lambda _, number, y: features.__setitem__(number, y)
            )
            tracer.stop()
        assert tracer.counts["block_executions"] == BLOCKS * BATCHES
        return features

    return run
