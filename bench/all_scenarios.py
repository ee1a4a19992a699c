"""Runs every scenario that has a scale, one command each, and lists times and statuses.

``python -m bench.all_scenarios cpu`` takes up to an hour on two cores; what was finished
before is not repeated. Exit code 1 if a command failed.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.spec import vocabulary
from reports.errors import ReportError
from reports.loading import load_records
from scenarios.loading import load_scenario, shipped_scenarios


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What became of one scenario."""

    name: str
    seconds: float
    exit_code: int
    statuses: Counter[str]


def scenarios_at(scale: str) -> list[str]:
    """Names of the shipped scenarios that have this scale."""
    found = shipped_scenarios().items()
    return [name for name, path in found if scale in load_scenario(path, vocabulary()).scales]


def run(name: str, *, scale: str, runs: Path, cache: Path | None) -> Outcome:
    """Run one scenario by its command, in a process of its own, as a person would."""
    command = [sys.executable, "-m", "harness", "run", name, "--scale", scale]
    command += ["--runs", str(runs), *(["--cache", str(cache)] if cache else [])]
    started_s = time.monotonic()
    log = runs / f"{name}@{scale}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as file:
        code = subprocess.run(command, stdout=file, stderr=subprocess.STDOUT, check=False)
    try:
        records = load_records([runs / f"{name}@{scale}"]).records
    except ReportError:
        records = ()
    return Outcome(
        name=name,
        seconds=time.monotonic() - started_s,
        exit_code=code.returncode,
        statuses=Counter(record.status for record in records),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run them, and print a table in Markdown as it grows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scale")
    parser.add_argument("names", nargs="*", help="only these scenarios")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--cache", type=Path)
    given = parser.parse_args(arguments)
    names = given.names or scenarios_at(given.scale)
    if not names:
        parser.error(f"no scenario has the scale '{given.scale}'")
    print(f"| scenario at {given.scale} scale | time | exit code | runs |\n|---|---:|---:|---|")
    outcomes = []
    for name in names:
        outcome = run(name, scale=given.scale, runs=given.runs, cache=given.cache)
        outcomes.append(outcome)
        statuses = ", ".join(f"{count} {status}" for status, count in outcome.statuses.items())
        print(
            f"| {name} | {outcome.seconds:.0f} s | {outcome.exit_code} | {statuses} |", flush=True
        )
    total_s = sum(outcome.seconds for outcome in outcomes)
    failed = [outcome.name for outcome in outcomes if outcome.exit_code]
    print(f"\n{len(outcomes)} scenarios in {total_s / 60:.1f} min; failed: {failed or 'none'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
