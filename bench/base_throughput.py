"""Base's inference throughput against a bare PyTorch loop over the same model and batches.

``python -m bench.base_throughput --resolution 224 --memory-format channels_last``: in each round
both sides run in a fresh process, one after the other, the order reversed every other
round. The bare loop is what most people write: the plain torchvision model in evaluation
mode under ``inference_mode``, batches ready in memory. Base is a whole run of the system;
its inference phase counts. Reported: the ratio with its 95% interval.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from harness.schedule import interleaved
from harness.spec import RunSpec
from harness.supervisor import run_worker
from reports.statistics import paired_ratio
from scenarios.matrix import Cell

_BARE_LOOP = """
import sys, time, json, torch
import systems
from systems.models.build import ModelShape, build_plain, plain_features
architecture, resolution, batch_size, items, threads = sys.argv[1], *map(int, sys.argv[2:])
torch.set_num_threads(threads)
shape = ModelShape(architecture=architecture, resolution=resolution)
model = build_plain(shape).eval()
batches = torch.randn(items, 3, resolution, resolution).split(batch_size)
with torch.inference_mode():
    features = []
    start = time.perf_counter()
    for batch in batches:
        features.append(plain_features(shape, model, batch))
    seconds = time.perf_counter() - start
print(json.dumps(items / seconds))
"""


def bare_loop(spec: RunSpec) -> float:
    """Items per second of the bare loop, in a fresh process."""
    arguments = [spec.resolution, spec.batch_size, spec.items, spec.threads]
    done = subprocess.run(
        [sys.executable, "-c", _BARE_LOOP, spec.architecture, *map(str, arguments)],
        capture_output=True,
        check=True,
        text=True,
    )
    return float(json.loads(done.stdout))


def base(spec: RunSpec, cache: Path, prepared: dict) -> float:
    """Items per second of Base's inference phase, in a fresh process."""
    job = {"kind": "search", "spec": spec.canonical(), "prepared": prepared, "cache": str(cache)}
    with tempfile.TemporaryDirectory() as folder:
        outcome = run_worker(
            job, folder=Path(folder), threads=spec.threads, wall_limit_s=None,
            on_event=lambda _: None,
        )  # fmt: skip
    result = outcome.result
    return result["counts"]["items_inferred"] / result["phases_s"]["inference"]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--architecture", default="resnet18")
    parser.add_argument("--resolution", type=int, default=64)
    parser.add_argument("--items", type=int, default=960)
    parser.add_argument("--memory-format", default="contiguous")
    parser.add_argument("--rounds", type=int, default=8)
    options = parser.parse_args()
    parameters = {
        "system": "baseline", "architecture": options.architecture, "distribution": "top_50",
        "models": 1, "items": options.items, "resolution": options.resolution,
        "memory_format": options.memory_format, "threads": len(os.sched_getaffinity(0)),
    }  # fmt: skip
    spec = RunSpec.from_cell(Cell(parameters=parameters))
    sides: dict[str, list[float]] = {"bare loop": [], "Base": []}
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder, "cache")
        job = {"kind": "prepare", "specs": [spec.canonical()], "cache": str(cache)}
        made = run_worker(
            job, folder=Path(folder), threads=None, wall_limit_s=None, on_event=lambda _: None
        )
        prepared = made.result["prepared"][0]
        for number, side in interleaved(list(sides), rounds=options.rounds):
            speed = bare_loop(spec) if side == "bare loop" else base(spec, cache, prepared)
            sides[side].append(speed)
            print(f"round {number + 1}: {side} {speed:.1f} items/s", flush=True)
    ratio = paired_ratio(sides["Base"], sides["bare loop"])
    print(f"Base / bare loop: {ratio.value:.2f} ({ratio.low:.2f}–{ratio.high:.2f})")


if __name__ == "__main__":
    main()
