"""Keeps reference runs and the noise of this class of machines in ``bench/baselines``.

``python -m bench.keep_baseline --noise runs/gate-noise --runs runs/gate`` copies what
``alsatian-bench noise gate --rounds 20`` and ``alsatian-bench run gate --rounds 8`` left, with
a page that says how it was made, in place of what is kept of that class of machines.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from harness.noise import BASELINES, NOISE_FILE, SUFFIX
from reports.errors import ReportError
from reports.grouping import by_kind
from reports.loading import load_records
from reports.noise import NoiseFloor, describe, noise_floors
from reports.records import Record
from reports.statistics import CLAIM_ROUNDS


def keep(noise: Sequence[Path], runs: Sequence[Path], *, below: Path = BASELINES) -> Path:
    """Write the folder of the one class of machines that all of ``noise`` and ``runs`` are of.

    Of runs only the records are kept, without traces: what gates and comparisons read. What was
    kept before stays unless all is well.

    Raises:
        ReportError: there are none, they are of several classes of machines, one failed or was
            of a changed checkout, or a noise floor is biased or of too few rounds.
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
    fewest = min((floor.rounds for floor in floors), default=0)
    if fewest < CLAIM_ROUNDS:
        raise ReportError(
            f"There is a noise floor of {fewest} pairs: one takes {CLAIM_ROUNDS} or more."
        )
    for floor in floors:
        if floor.is_biased:
            raise ReportError(
                f"{describe(floor, rounds=CLAIM_ROUNDS)} A biased floor is not kept: "
                "so it looks by chance once in twenty times; measure it again."
            )
    below.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".", dir=below) as place:
        new = Path(place, "new")
        new.mkdir()
        lines = json.dumps([floor.as_json() for floor in floors], indent=1)
        (new / NOISE_FILE).write_text(f"{lines}\n", encoding="utf-8")
        page = _page(host_class, floors, measured, references)
        (new / "README.md").write_text(page, encoding="utf-8")
        for record in references:
            (kind,) = by_kind([record])
            kept = new / kind.name / record.path.parent.name
            kept.mkdir(parents=True)
            content = json.dumps(json.loads(record.path.read_bytes()), separators=(",", ":"))
            (kept / record.path.name).write_text(f"{content}\n", encoding="utf-8")
        folder = below / re.sub(r"[^a-z0-9]+", "-", host_class.lower()).strip("-")
        if folder.exists():
            folder.rename(Path(place, "old"))
        new.rename(folder)
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
    for kind, records in by_kind(measured).items():
        rounds = (1 + max(record.round for record in records)) // 2
        command = _command("noise", kind.scenario.removesuffix(SUFFIX), kind.scale, rounds)
        lines += [
            f"`{NOISE_FILE}`: equal code against itself, `{command}`; {_circumstances(records)}.",
            "",
        ]
    lines += [f"- {describe(floor, rounds=CLAIM_ROUNDS)}" for floor in floors]
    for kind, records in by_kind(references).items():
        rounds = 1 + max(record.round for record in records)
        command = _command("run", kind.scenario, kind.scale, rounds)
        lines += [
            "",
            f"`{kind.name}/`: records of `{command}`, without traces; {_circumstances(records)}.",
        ]
    return "\n".join(lines) + "\n"


def _command(verb: str, scenario: str, scale: str, rounds: int) -> str:
    of_scale = f" --scale {scale}" if scale else ""
    return f"alsatian-bench {verb} {scenario}{of_scale} --rounds {rounds}"


def _circumstances(records: Sequence[Record]) -> str:
    days = sorted({record.started_at[:10] for record in records})
    libraries = records[-1].environment.get("libraries", {})
    parts = [
        f"{len(records)} runs",
        " to ".join(dict.fromkeys((days[0], days[-1]))),
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
