"""How often the gate alarms falsely, and what it finds, on this machine's recorded noise.

``python -m bench.gate_power NOISE… [--gates 1000]``: each NOISE is a folder of A/A runs
(``alsatian-bench noise gate --rounds 20`` keeps them in ``runs/gate-noise``) or a JSON file
as ``--record FILE`` writes it from such folders.

A gate is simulated by drawing the log-ratios of each of its metrics from a recorded A/A
series, in circular blocks of four rounds, so that the series' own drift stays in (Politis and
Romano, "A circular block-resampling procedure for stationary data", 1992), with a random sign
for each block: in A/A the two sides are interchangeable. A slow-down is planted by adding its
logarithm, to one system or, as shared code would, to all. All looks are gone through by the
gate's own rules. ``--normal 0.02 --pool 2`` draws two metrics from made-up noise instead, for
what to expect of a machine whose pairs scatter by 2%.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from reports.gating.looks import Looks
from reports.gating.verdict import DECIDED, PairedTimes, Verdict, judge
from reports.loading import load_records
from reports.noise import NoiseFloor, noise_floors

BLOCK_ROUNDS = 4
SLOW_DOWNS = (0.05, 0.10, 0.20, 0.50)
TOLERANCE = 0.05


def simulate(
    series: Sequence[np.ndarray],
    looks: Looks,
    rng: np.random.Generator,
    *,
    slower: Sequence[float],
    noise: Sequence[float | None] | None = None,
) -> dict[str, Verdict]:
    """The verdicts of one gate whose metrics have these A/A log-ratios, made ``slower``.

    ``noise`` is the spread of a pair that the gate knows of the machine, for each metric.
    """
    drawn = [
        draw(each, looks.rounds[-1], rng) + np.log1p(share)
        for each, share in zip(series, slower, strict=True)
    ]
    known = noise or [None] * len(series)
    verdicts: dict[str, Verdict] = {}
    measured: list[PairedTimes] = []
    for rounds, level in zip(looks.rounds, looks.levels, strict=True):
        measured = [
            PairedTimes(
                name=str(at),
                ratios=tuple(np.exp(logs[:rounds])),
                tolerance=TOLERANCE,
                noise=known[at],
            )
            # What is decided is not measured again.
            if verdicts.get(str(at)) not in DECIDED
            else measured[at]
            for at, logs in enumerate(drawn)
        ]
        verdicts = judge(measured, level=level, earlier=verdicts)
        if "inconclusive" not in verdicts.values():
            break
    return verdicts


def draw(logs: np.ndarray, rounds: int, rng: np.random.Generator) -> np.ndarray:
    """A series of ``rounds`` log-ratios from a recorded one; shape (rounds,)."""
    blocks = -(-rounds // BLOCK_ROUNDS)
    starts = rng.integers(len(logs), size=blocks)
    places = (starts[:, None] + np.arange(BLOCK_ROUNDS)) % len(logs)  # (blocks, BLOCK_ROUNDS)
    signs = rng.choice([-1.0, 1.0], size=(blocks, 1))
    return (signs * logs[places]).reshape(-1)[:rounds]


def read_floors(paths: Sequence[Path]) -> list[NoiseFloor]:
    """The recorded A/A series in folders of runs and JSON files."""
    floors: list[NoiseFloor] = []
    for path in paths:
        if path.is_file():
            floors += [NoiseFloor.from_json(each) for each in json.loads(path.read_text())]
        else:
            floors += noise_floors(load_records(path).records)
    return floors


def main() -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("noise", nargs="*", type=Path)
    parser.add_argument("--normal", type=float, help="made-up normal noise of this spread instead")
    parser.add_argument("--gates", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--record", type=Path, help="write the series to this file")
    parser.add_argument(
        "--pool", type=int, help="so many metrics, each drawn from all series put together"
    )
    options = parser.parse_args()
    floors = read_floors(options.noise)
    if not options.pool:
        floors = [floor for floor in floors if floor.rounds >= BLOCK_ROUNDS]
    if options.normal is None and sum(floor.rounds for floor in floors) < BLOCK_ROUNDS:
        sys.exit(f"There is no A/A series of {BLOCK_ROUNDS} rounds or more to draw from.")
    if options.record:
        options.record.write_text(json.dumps([floor.as_json() for floor in floors], indent=1))
    for floor in floors:
        print(
            f"{floor.label}: {floor.rounds} pairs of {floor.median_s:.2f} s, largest difference "
            f"{floor.largest - 1:.1%}"
        )
    rng = np.random.default_rng(options.seed)
    series = [np.log(floor.ratios) for floor in floors]
    noise: list[float | None] = [floor.sigma_log for floor in floors]
    if options.normal is not None:
        series = [options.normal * rng.standard_normal(10_000)]
    if options.pool:
        series = [np.concatenate(series)] * options.pool
    if options.pool or options.normal is not None:
        noise = [None] * len(series)
    for at, logs in enumerate(series, 1):
        spread = float(np.sqrt(np.mean(logs**2)))  # the mean of A/A is 0
        print(f"metric {at}: drawn from {len(logs)} pairs, spread of a pair {spread:.1%}")
    unchanged = [0.0] * len(series)
    shown = {}
    for looks in (Looks.spaced(8, 8), Looks.spaced(8, 12), Looks()):
        title = f"looks at {', '.join(map(str, looks.rounds))} rounds"
        shown[title] = looks
        gates = [
            simulate(series, looks, rng, slower=unchanged, noise=noise)
            for _ in range(options.gates)
        ]
        alarms = sum("regressed" in gate.values() for gate in gates)
        false = sum("improved" in gate.values() for gate in gates)
        kinds = Counter(kind for gate in gates for kind in gate.values())
        counted = ", ".join(f"{kind} {count}" for kind, count in kinds.most_common())
        print(f"A/A, {title}: {alarms} false alarms and {false} false improvements in "
              f"{options.gates} gates; verdicts: {counted}")  # fmt: skip
    for share in SLOW_DOWNS:
        for where in ("one system", "shared code"):
            for title, looks in shown.items():
                found = 0
                for gate in range(options.gates):
                    slower = [share] * len(series)
                    if where == "one system":
                        slower = list(unchanged)
                        slower[gate % len(series)] = share
                    verdicts = simulate(series, looks, rng, slower=slower, noise=noise)
                    found += "regressed" in verdicts.values()
                print(f"{share:.0%} slower, {where}, {title}: found {found / options.gates:.1%}")


if __name__ == "__main__":
    main()
