"""Keeps reference runs and the noise of this class of machines in ``bench/baselines``.

``python -m bench.keep_baseline --noise runs/gate-noise --runs runs/gate`` copies what
``alsatian-bench noise gate --rounds 20`` and ``alsatian-bench run gate --rounds 8`` left, with
a page that says how it was made, in place of what is kept of that class of machines.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from reports.errors import ReportError
from reports.loading import load_records
from reports.noise import NoiseFloor, describe, noise_floors
from reports.records import Record
from reports.statistics import CLAIM_ROUNDS

BASELINES = Path(__file__).resolve().parent / "baselines"
NOISE = "noise.json"


def keep(noise: Sequence[Path], runs: Sequence[Path], *, below: Path = BASELINES) -> Path:
    """Write the folder of the one class of machines that all of ``noise`` and ``runs`` are of.

    Of runs only the records are kept, without traces: what gates and comparisons read.

    Raises:
        ReportError: there are none, they are of several classes of machines, one failed or was
            of a changed checkout, or there are too few rounds of a noise floor.
    """
    measured = load_records(noise).records
    references = load_records(runs).records if runs else ()
    (host_class,) = _one({record.host_class for record in (*measured, *references)})
    for record in (*measured, *references):
        if not record.ok or record.git.get("is_dirty"):
            raise ReportError(
                f"'{record.key}' is no reference: it is {record.status}, of commit "
                f"{record.commit or 'unknown'}. Measure it again in a clean checkout."
            )
    floors = noise_floors(measured)
    if few := [floor for floor in floors if floor.rounds < CLAIM_ROUNDS]:
        raise ReportError(
            f"{few[0].label} has {few[0].rounds} pairs: a noise floor takes {CLAIM_ROUNDS} or more."
        )
    folder = below / re.sub(r"[^a-z0-9]+", "-", host_class.lower()).strip("-")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    lines = json.dumps([floor.as_json() for floor in floors], indent=1)
    (folder / NOISE).write_text(lines + "\n", encoding="utf-8")
    for source in runs:
        for record_file in sorted(source.glob("*/record.json")):
            place = folder / source.resolve().name / record_file.parent.name
            place.mkdir(parents=True)
            shutil.copyfile(record_file, place / record_file.name)
    page = _page(host_class, floors, measured, references)
    (folder / "README.md").write_text(page, encoding="utf-8")
    return folder


def _one(host_classes: set[str]) -> set[str]:
    if len(host_classes) != 1:
        raise ReportError(
            f"The runs are of {len(host_classes)} classes of machines "
            f"({'; '.join(sorted(host_classes))}): a baseline is of one."
        )
    return host_classes


def _page(
    host_class: str,
    floors: Sequence[NoiseFloor],
    measured: Sequence[Record],
    references: Sequence[Record],
) -> str:
    lines = [f"# {host_class}", ""]
    rounds = max(floor.rounds for floor in floors)
    scenario = measured[0].scenario.removesuffix("-noise")
    lines += [
        f"`{NOISE}`: equal code against itself, `alsatian-bench noise {scenario} --rounds "
        f"{rounds}`; {_circumstances(measured)}.",
        "",
        *(f"- {describe(floor, rounds=CLAIM_ROUNDS)}" for floor in floors),
    ]
    by_scenario: dict[str, list[Record]] = {}
    for record in references:
        by_scenario.setdefault(record.scenario, []).append(record)
    for name, records in by_scenario.items():
        rounds = 1 + max(record.round for record in records)
        lines += [
            "",
            f"`{name}/`: records of `alsatian-bench run {name} --rounds {rounds}`, without "
            f"traces; {_circumstances(records)}.",
        ]
    return "\n".join(lines) + "\n"


def _circumstances(records: Sequence[Record]) -> str:
    days = sorted({record.started_at[:10] for record in records})
    libraries = records[-1].environment.get("libraries", {})
    parts = [
        f"{len(records)} runs",
        " and ".join(dict.fromkeys((days[0], days[-1]))),
        "commit " + ", ".join(sorted({str(record.git.get("commit"))[:12] for record in records})),
        f"Python {records[-1].environment.get('python')}",
        f"torch {libraries.get('torch')}",
    ]
    return ", ".join(parts)


def main() -> None:
    """Keep them, and say where."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--noise", type=Path, nargs="+", required=True, help="folders of A/A runs")
    parser.add_argument("--runs", type=Path, nargs="*", default=[], help="folders of runs")
    given = parser.parse_args()
    try:
        print(keep(given.noise, given.runs))
    except ReportError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
