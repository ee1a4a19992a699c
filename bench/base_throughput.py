"""Base's inference throughput against a bare PyTorch loop over the same model and batches.

``python -m bench.base_throughput --resolution 224 --memory-format channels_last``: in each
round all sides run in a fresh process, one after the other, the order reversed every other
round.

- *bare loop* is what most people write: the plain torchvision model in evaluation mode under
  ``inference_mode``, its default layout, batches ready in memory.
- *bare loop, same surroundings* has Base's layout and environment (kept memory) too, so that
  what is left is what the engine itself costs.
- *Base* is a whole run of the system; its inference phase counts.

Reported: Base's throughput as a ratio to each, with its 95% interval.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from harness.limits import confine
from harness.schedule import interleaved
from harness.spec import RunSpec
from harness.supervisor import Conditions, run_worker, worker_environment
from reports.statistics import paired_ratio
from scenarios.matrix import Cell

_BARE_LOOP = """
import sys, time, json, torch
import systems
from systems.models.build import ModelShape, build_plain, plain_features
architecture, layout = sys.argv[1:3]
resolution, batch_size, items, threads = map(int, sys.argv[3:])
torch.set_num_threads(threads)
layout = getattr(torch, layout if layout == "channels_last" else "contiguous_format")
shape = ModelShape(architecture=architecture, resolution=resolution)
model = build_plain(shape).eval().to(memory_format=layout)
images = torch.randn(items, 3, resolution, resolution).to(memory_format=layout)
with torch.inference_mode():
    features = []
    start = time.perf_counter()
    for batch in images.split(batch_size):
        features.append(plain_features(shape, model, batch))
    seconds = time.perf_counter() - start
print(json.dumps(items / seconds))
"""
BARE, SAME, BASE = "bare loop", "bare loop, same surroundings", "Base"


def bare_loop(spec: RunSpec, *, same_surroundings: bool) -> float:
    """Items per second of the bare loop, in a fresh process."""
    layout = spec.memory_format if same_surroundings else "contiguous"
    numbers = [spec.resolution, spec.batch_size, spec.items, spec.threads]
    done = subprocess.run(
        [sys.executable, "-c", _BARE_LOOP, spec.architecture, layout, *map(str, numbers)],
        capture_output=True,
        check=True,
        text=True,
        env=worker_environment(spec.threads) if same_surroundings else None,
    )
    return float(json.loads(done.stdout))


def base(spec: RunSpec, cache: Path, prepared: dict[str, Any]) -> float:
    """Items per second of Base's inference phase, in a fresh process."""
    result = in_worker({"kind": "search", "prepared": prepared, "paced": False}, spec, cache)
    return result["counts"]["items_inferred"] / result["phases_s"]["inference"]


def in_worker(job: dict[str, Any], spec: RunSpec, cache: Path) -> Any:
    """What a worker makes of ``job``."""
    job = {**job, "spec": spec.canonical(), "cache": str(cache)}
    walls = confine(memory_bytes=None, cores=None, store_bandwidth=None, store_path=cache)
    with tempfile.TemporaryDirectory() as folder, walls:
        conditions = Conditions(walls=walls, threads=spec.threads)
        outcome = run_worker(
            job, folder=Path(folder), conditions=conditions, on_event=lambda _: None
        )
    if outcome.status != "ok":
        sys.exit(f"{outcome.status}: {outcome.reason}")
    return outcome.result


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
    speeds: dict[str, list[float]] = {BARE: [], SAME: [], BASE: []}
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder)
        prepared = in_worker({"kind": "prepare"}, spec, cache)["prepared"]
        for number, side in interleaved(list(speeds), rounds=options.rounds):
            if side == BASE:
                speed = base(spec, cache, prepared)
            else:
                speed = bare_loop(spec, same_surroundings=side == SAME)
            speeds[side].append(speed)
            print(f"round {number + 1}: {side} {speed:.1f} items/s", flush=True)
    for side in (BARE, SAME):
        ratio = paired_ratio(speeds[BASE], speeds[side])
        known = "" if ratio.low is None else f" (95% interval {ratio.low:.2f}–{ratio.high:.2f})"
        print(f"Base / {side}: {ratio.value:.2f}{known}")


if __name__ == "__main__":
    main()
