"""Two values of one parameter against each other, paired by round.

``python -m bench.paired_values RUNS telemetry true false`` reads the records below RUNS and
prints, for each system, the ratio of the times with the first value over those with the
second, with its 95% interval; ``--phase prepare_model`` takes the seconds of one phase
instead of the whole search. Only runs that are ``ok`` count.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import yaml

from reports.loading import load_records
from reports.records import Record
from reports.statistics import median, paired_ratio


def seconds(record: Record, phase: str | None) -> float | None:
    """Of the whole search, or of one of its phases."""
    return record.wall_s if phase is None else record.phases_s.get(phase)


def main() -> None:
    """Read and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", type=Path)
    parser.add_argument("parameter")
    parser.add_argument("values", nargs=2, type=yaml.safe_load)
    parser.add_argument("--phase")
    options = parser.parse_args()
    times: dict[str, dict[tuple[object, int], float]] = {}
    for record in load_records(options.runs).records:
        taken_s = seconds(record, options.phase)
        if record.ok and taken_s is not None:
            value = record.spec.get(options.parameter)
            times.setdefault(record.label, {})[value, record.round] = taken_s
    first, second = options.values
    if not times:
        sys.exit(f"There is no run that is ok below {options.runs}.")
    for label, by_run in times.items():
        rounds = sorted(
            number for value, number in by_run if value == first and (second, number) in by_run
        )
        if not rounds:
            continue
        sides = [[by_run[value, number] for number in rounds] for value in (first, second)]
        ratio = paired_ratio(*sides)
        known = "" if ratio.low is None else f", 95% interval {ratio.low:.3f}–{ratio.high:.3f}"
        print(
            f"{label}: {options.phase or 'search'} with {options.parameter}={first} "
            f"{median(sides[0]):.3f} s, with {second} {median(sides[1]):.3f} s; ratio "
            f"{ratio.value:.3f}{known} ({len(rounds)} rounds)"
        )


if __name__ == "__main__":
    main()
