"""How often a history of equal code is called a drift, and how soon a real one is seen.

``python -m bench.drift_power [--scatter 0.02] [--series 2000] [--among 100]`` draws series of
nights with normal scatter, without and with a step at their end, and lets ``reports.drift`` judge
them.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np

from reports.drift import drift, levels

NIGHTS = (12, 30, 60, 120)
BEFORE = 30
"""Nights before the step."""
AFTER = (3, 5, 10, 20)
STEPS = (0.02, 0.05, 0.10)


def share_found(
    rng: np.random.Generator, *, nights: int, series: int, scatter: float, step: float, after: int,
    among: int = 1,
) -> float:  # fmt: skip
    """The share of series in which more than one level is found; the step is ``after`` nights old.

    With a step only those count whose last level lies above an earlier one. ``among`` so many
    series they are looked at together.
    """
    found = 0
    for _ in range(series):
        logs = rng.normal(0.0, scatter, nights)
        logs[nights - after :] += np.log1p(step)
        change = drift(levels(np.exp(logs).tolist(), among=among))
        found += change is not None and (step == 0 or change > 1)
    return found / series


def main(arguments: Sequence[str] | None = None) -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scatter", type=float, default=0.02, help="of a night around its level")
    parser.add_argument("--series", type=int, default=2000, help="for each number")
    parser.add_argument("--among", type=int, default=1, help="series that a history has")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    rng = np.random.default_rng(given.seed)
    size = {"series": given.series, "scatter": given.scatter, "among": given.among}
    print(f"Scatter {given.scatter:.1%}, {given.series} series for each number, each one of "
          f"{given.among} in its history.\n")  # fmt: skip
    print("| nights of equal code | a second level |\n|---:|---:|")
    for nights in NIGHTS:
        print(f"| {nights} | {share_found(rng, nights=nights, step=0.0, after=0, **size):.2%} |")
    print(f"\n| step after {BEFORE} nights |" + "".join(f" seen after {n} |" for n in AFTER))
    print("|---:|" + "---:|" * len(AFTER))
    for step in STEPS:
        shares = [
            share_found(rng, nights=BEFORE + after, step=step, after=after, **size)
            for after in AFTER
        ]
        print(f"| {step:.0%} |" + "".join(f" {share:.1%} |" for share in shares))


if __name__ == "__main__":
    main()
