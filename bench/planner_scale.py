"""Planning of all rounds of successive halving, for up to a million models of 25 blocks.

``python -m bench.planner_scale 1000 10000 100000 1000000``: each number of models and each
distribution in a fresh process, so that its peak memory counts (the models' own included).
Timed is what planning does with the models' block numbers in hand: the first round's task
tree, then for each round the order and the pruning of the half that leaves. At the end, the
growth exponent: the slope of log seconds over log models.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from systems.planning.depth_first import best_depth_first, dfs_plus
from systems.planning.task_tree import TaskTree, prune, tree_of_rows
from systems.planning.traversal import Traversal

BLOCKS = 25
INPUT_BYTES = 600_000
DISTRIBUTIONS = ("top_layers", "nothing_shared")
PLANNERS: dict[str, Callable[[TaskTree], Traversal]] = {
    "dfs_plus": dfs_plus,
    "best_depth_first": best_depth_first,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Models:
    """Models as the planner gets them."""

    rows: np.ndarray
    """int32 [models, 25]: block numbers; what is a model's own stands nowhere else."""
    output_bytes: np.ndarray
    """int64 [blocks]: shrinking from block to block."""
    vertices: int
    """Of their task tree."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """What one planner took for all rounds."""

    models: int
    distribution: str
    planner: str
    seconds: float
    cpu_seconds: float
    """Planning is single-threaded: what it takes on a machine that does nothing else."""
    vertices: int
    """Of the first round's tree, as ``peak_bytes``."""
    expected_vertices: int
    rounds: int
    peak_bytes: int
    peak_rss_bytes: int


def models_of(count: int, distribution: str) -> Models:
    """Each model keeps all but the last few blocks of an earlier one, or shares nothing."""
    chance = np.random.default_rng(0)
    rows = np.arange(count * BLOCKS, dtype=np.int32).reshape(count, BLOCKS)
    own = np.full(count, BLOCKS)
    if distribution == "top_layers":
        own[1:] = np.maximum(1, np.abs(np.rint(chance.normal(2.5, 1.25, count - 1))))
        sources = (chance.random(count) * np.arange(count)).astype(int)
        for m, (source, kept) in enumerate(
            zip(sources.tolist(), (BLOCKS - own).tolist(), strict=True)
        ):
            rows[m, :kept] = rows[source, :kept]
    sizes = np.tile(1000 * (BLOCKS - np.arange(BLOCKS)), count)
    return Models(rows=rows, output_bytes=sizes, vertices=1 + int(own.sum()))


def all_rounds(
    models: Models, planner: Callable[[TaskTree], Traversal], keep: Callable[..., None]
) -> None:
    """Plan every round; half of the models, by chance, leave after each."""
    chance = np.random.default_rng(1)
    tree = tree_of_rows(models.rows, output_bytes=models.output_bytes, input_bytes=INPUT_BYTES)
    while True:
        keep(tree, planner(tree))
        left = len(tree.model_vertex)
        if left == 1:
            return
        survives = np.zeros(left, bool)
        survives[chance.permutation(left)[: left // 2]] = True
        tree = prune(tree, survives, input_bytes=INPUT_BYTES)


def measure(count: int, distribution: str, *, times: int) -> list[dict[str, Any]]:
    """Median seconds of each planner, and the process's peak memory so far."""
    models = models_of(count, distribution)
    return [asdict(_measured(models, distribution, name, times=times)) for name in PLANNERS]


def _measured(models: Models, distribution: str, planner: str, *, times: int) -> Result:
    sizes: list[tuple[int, int]] = []

    def keep(tree: TaskTree, traversal: Traversal) -> None:
        sizes.append((len(tree), traversal.peak_bytes))

    seconds, cpu_seconds = [], []
    for _ in range(times):
        sizes.clear()
        start, cpu_start = time.perf_counter(), time.process_time()
        all_rounds(models, PLANNERS[planner], keep)
        seconds.append(time.perf_counter() - start)
        cpu_seconds.append(time.process_time() - cpu_start)
    return Result(
        models=len(models.rows),
        distribution=distribution,
        planner=planner,
        seconds=float(np.median(seconds)),
        cpu_seconds=float(np.median(cpu_seconds)),
        vertices=sizes[0][0],
        expected_vertices=models.vertices,
        rounds=len(sizes),
        peak_bytes=sizes[0][1],
        peak_rss_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    )


def measure_apart(count: int, distribution: str, *, times: int) -> list[dict[str, Any]]:
    """``measure`` in a fresh process."""
    command = [sys.executable, "-m", "bench.planner_scale", "--one", distribution, str(count)]
    command += ["--times", str(times)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


def growth_exponent(counts: list[int], seconds: list[float]) -> float:
    """The slope of log seconds over log models, by least squares."""
    return float(np.polyfit(np.log(counts), np.log(seconds), 1)[0])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("models", type=int, nargs="+")
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--one", choices=DISTRIBUTIONS, help=argparse.SUPPRESS)
    parser.add_argument("--json", type=Path, help="write the results there too, for figures")
    args = parser.parse_args()
    if args.one:
        print(json.dumps(measure(args.models[0], args.one, times=args.times)))
        return
    results = [
        result
        for count in args.models
        for distribution in DISTRIBUTIONS
        for result in measure_apart(count, distribution, times=args.times)
    ]
    if args.json:
        args.json.write_text(json.dumps(results, indent=1) + "\n")
    for r in results:
        print(
            f"{r['models']:>9,} models · {r['distribution']:<14} · {r['planner']:<16} "
            f"{r['seconds']:8.3f} s ({r['cpu_seconds']:.3f} of CPU) · "
            f"{r['vertices']:>10,} vertices · {r['rounds']} rounds · "
            f"{r['peak_rss_bytes'] / 1e9:.2f} GB"
        )
    for distribution in DISTRIBUTIONS if len(args.models) > 1 else ():
        for planner in PLANNERS:
            seconds = [
                r["seconds"]
                for r in results
                if (r["distribution"], r["planner"]) == (distribution, planner)
            ]
            exponent = growth_exponent(args.models, seconds)
            print(f"growth exponent · {distribution} · {planner}: {exponent:.2f}")


if __name__ == "__main__":
    main()
