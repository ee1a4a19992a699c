"""The calibration job of a worker: times the steps of a search that the cost model prices.

What is measured is the substrate's own code, on values that mean nothing. The numbers that
come out are samples; ``harness.calibration`` makes a profile of them.
"""

from __future__ import annotations

import functools
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from harness.page_cache import evict
from systems.data.datasets import DatasetSpec, open_dataset
from systems.data.model_inputs import InputMaker
from systems.data.transform import Transform
from systems.errors import ConfigurationError
from systems.execution.memory import memory_size_bytes
from systems.models.architectures import architecture
from systems.models.build import ModelShape, block_architectures, build_plain, split
from systems.models.profile import profile_model
from systems.models.skeleton import BoundBlock, SkeletonPool
from systems.planning.cost_model import CostModel, Scoring, moved_bytes
from systems.planning.planner import Costs, Planning, make_plan
from systems.planning.task_tree import tree_of_rows
from systems.scoring.heads import HeadTask, HeadTrainer, head_training
from systems.store.blocks import BlockContent
from systems.store.store import BlockStore

PROBES: tuple[tuple[str, int, tuple[int, ...]], ...] = (
    ("resnet18", 224, (1, 16)),
    ("resnet18", 64, (32,)),
    ("resnet50", 128, (16,)),
    ("mobilenet_v2", 160, (16,)),
    ("efficientnet_v2_s", 128, (8,)),
    ("vit_ti_16", 224, (1, 16)),
    ("vit_b_32", 224, (8,)),
    ("bert_tiny", 128, (1, 32)),
)
"""Architecture, pixels or tokens, and batch sizes that are timed; each family is there."""
REPEATS, ENOUGH_S = 6, 0.5
"""Goes of each step, until they have taken long enough; the fastest counts."""
STORED = "resnet34"
"""Whose blocks are written and read to time the store: 65 kB to 26 MB each."""
DECODED = ("digits", "fake", "docstrings")
DECODED_ITEMS = 24
MINIBATCH = 32
CLASSES = 10


def calibrate(job: Mapping[str, Any], *, emit: Callable[..., None]) -> dict[str, Any]:
    """Measure all steps on the job's ``device``; files go below its ``cache`` for as long."""
    threads = len(os.sched_getaffinity(0))
    torch.set_num_threads(threads)
    device, cache = job["device"], Path(job["cache"])
    if device != "cpu" and not torch.cuda.is_available():
        raise ConfigurationError(
            f"PyTorch {torch.__version__} finds no CUDA device on this machine: calibrate with "
            "--device cpu, or install a CUDA build of PyTorch and a driver for it."
        )
    cache.mkdir(parents=True, exist_ok=True)
    steps: dict[str, Callable[[], Any]] = {
        "executions": lambda: list(_executions(device)),
        "reads": lambda: list(_reads(device, cache)),
        "decodes": lambda: dict(_decodes(cache)),
        "preparations": lambda: list(_preparations(device)),
        "heads": lambda: list(_heads(device)),
        "plan_vertex_s": _plan_vertex_s,
    }
    found: dict[str, Any] = {"threads": threads, "memory_size_bytes": memory_size_bytes(device)}
    with torch.inference_mode():
        for number, (name, measure) in enumerate(steps.items()):
            emit("preparing", number=number, of=len(steps), what=name.replace("_", " "))
            found[name] = measure()
    return {"calibration": found}


def _executions(device: str) -> Iterator[dict[str, Any]]:
    """Seconds of each block of some models over batches of some sizes."""
    for name, size, batch_sizes in PROBES:
        is_image = architecture(name).modality == "image"
        resolution, length = (size, None) if is_image else (None, size)
        shape = ModelShape(architecture=name, resolution=resolution)
        profiles = profile_model(shape, resolution=resolution, sequence_length=length)
        pool = SkeletonPool()
        blocks: list[BoundBlock] = []
        for part in block_architectures(shape):
            skeleton = pool.skeleton(part)
            tensors = {
                slot.name: torch.empty(slot.shape, dtype=slot.dtype, device=device).fill_(0)
                for slot in skeleton.slots
            }
            blocks.append(skeleton.bind(tensors, device=device, memory_format=torch.channels_last))
        maker = InputMaker(device=device, memory_format=torch.channels_last)
        transform = Transform(resolution=resolution, sequence_length=length)
        for items in batch_sizes:
            batch = maker.batch(np.arange(items), transform, maker.rows(items, transform).fill_(1))
            x, known = batch.inputs, set()
            for block, profile in zip(blocks, profiles, strict=True):
                if profile not in known:  # equal blocks take equal times
                    known.add(profile)
                    run = functools.partial(block, x, *batch.side)
                    yield {
                        "family": profile.family,
                        "operations": profile.operations * items,
                        "moved_bytes": moved_bytes(profile, items),
                        "seconds": _fastest_s(run, device),
                    }
                x = block(x, *batch.side)


def _reads(device: str, cache: Path) -> Iterator[dict[str, Any]]:
    """Seconds from the store to a runnable block, from the disk and from the page cache."""
    shape = ModelShape(architecture=STORED)
    names = block_architectures(shape)
    modules = split(shape, build_plain(shape))
    contents = [
        BlockContent(architecture=name, tensors=module.state_dict())
        for name, module in zip(names, modules, strict=True)
    ]
    pool = SkeletonPool()
    for name in names:
        pool.skeleton(name)
    with (
        tempfile.TemporaryDirectory(prefix=".calibration-", dir=cache) as folder,
        BlockStore.open(Path(folder)) as store,
    ):
        store.add_model("probe", architecture=STORED, blocks=contents, metadata={})
        refs = store.model("probe").blocks
        for is_again in (False, True, True):
            if not is_again:
                evict(store.block_files(["probe"]))
            for ref in refs:

                def read(ref=ref) -> object:  # type: ignore[no-untyped-def]
                    return pool.skeleton(ref.architecture).bind(
                        store.read_block(ref.hash),
                        device=device,
                        memory_format=torch.channels_last,
                    )

                yield {
                    "bytes": ref.tensor_bytes,
                    "again": is_again,
                    "seconds": _once_s(read, device),
                }


def _decodes(cache: Path) -> Iterator[tuple[str, float]]:
    """Seconds on one core to read, decode and fit one item, by dataset."""
    for name in DECODED:
        is_text = name == "docstrings"
        spec = DatasetSpec(
            name=name,
            items=DECODED_ITEMS,
            resolution=None if is_text else 224,
            sequence_length=128 if is_text else None,
        )
        dataset = open_dataset(spec, cache_dir=cache / "data")
        dataset.decode(0)
        taken_s = [
            _once_s(functools.partial(dataset.decode, item), "cpu") for item in range(DECODED_ITEMS)
        ]
        yield name, float(np.median(taken_s))


def _preparations(device: str) -> Iterator[dict[str, Any]]:
    """Seconds from compact items to inputs."""
    maker = InputMaker(device=device, memory_format=torch.channels_last)
    for resolution in (64, 224):
        transform = Transform(resolution=resolution)
        rows = maker.rows(MINIBATCH, transform).fill_(1)
        make = functools.partial(maker.batch, np.arange(MINIBATCH), transform, rows)
        seconds = _fastest_s(make, device)
        yield {"bytes": transform.input_bytes * MINIBATCH, "seconds": seconds}


def _heads(device: str) -> Iterator[dict[str, Any]]:
    """Seconds of training one head or several on some numbers of items and features."""
    trainer = HeadTrainer(head_training("linear", minibatch_items=MINIBATCH), classes=CLASSES)
    for items, features, heads in (
        (32, 512, 1), (256, 512, 1), (256, 2048, 1), (32, 512, 8), (256, 512, 8), (128, 192, 8),
    ):  # fmt: skip
        scoring = Scoring(
            train_items=items,
            test_items=64,
            features=features,
            classes=CLASSES,
            minibatch_items=MINIBATCH,
        )
        tasks = [
            HeadTask(
                model_id=str(number),
                train=torch.randn(items, features, device=device),
                test=torch.randn(scoring.test_items, features, device=device),
            )
            for number in range(heads)
        ]
        train_labels = torch.arange(items, device=device) % CLASSES
        test_labels = torch.arange(scoring.test_items, device=device) % CLASSES
        train = functools.partial(trainer.correct, tasks, train_labels, test_labels)
        seconds = _fastest_s(train, device)
        yield {
            "steps": scoring.steps,
            "operations": heads * scoring.operations,
            "seconds": seconds,
        }


def _plan_vertex_s() -> float:
    """Seconds per vertex of planning a tree of some models that share half."""
    models, blocks = 35, 18
    rows = np.arange(models * blocks, dtype=np.int32).reshape(models, blocks)
    rows[:, : blocks // 2] = rows[0, : blocks // 2]
    sizes = np.full(models * blocks, 1000, np.int64)
    costs = Costs(
        parameter_bytes=sizes, item_s=np.ones(len(sizes)), input_item_s=0.0, model=CostModel()
    )

    def plan() -> object:
        tree = tree_of_rows(rows, output_bytes=sizes, input_bytes=1000)
        return make_plan(tree, Planning(), batch_items=[32], costs=costs)

    vertices = 1 + blocks // 2 * (models + 1)
    return _fastest_s(plan, "cpu") / vertices


def _fastest_s(work: Callable[[], object], device: str) -> float:
    """Seconds of the fastest of some goes, after one to get warm: others only disturb."""
    work()
    taken_s = [_once_s(work, device)]
    while len(taken_s) < REPEATS and sum(taken_s) < ENOUGH_S:
        taken_s.append(_once_s(work, device))
    return min(taken_s)


def _once_s(work: Callable[[], object], device: str) -> float:
    _wait(device)
    started_s = time.perf_counter()
    work()
    _wait(device)
    return time.perf_counter() - started_s


def _wait(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
