"""A gate that looks several times: what is decided stands, only the rest is measured on."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from harness.gate import RunEnd, Turns
from harness.verbs.gating import judge_stored, look_until_decided
from reports.gating.judgement import GateJudgement
from reports.gating.looks import Looks
from reports.gating.metric import Rules, metric_name
from reports.gating.tables import write_gate
from tests.unit.reports.factory import record_json

CELLS = ("Base", "Alsatian")
BASE_S = {"Base": 10.0, "Alsatian": 4.0}


class Recording:
    """A side whose runs are records with written times."""

    def __init__(self, folder: Path, factors: Mapping[str, float], scatter: Mapping[str, float]):
        self.side = SimpleNamespace(runs=folder)
        self.factors, self.scatter = factors, scatter
        self.rounds: dict[str, int] = {}

    def run(self, cell: int, number: int) -> RunEnd:
        label = CELLS[cell]
        self.rounds[label] = number + 1
        wobble = math.exp(self.scatter.get(label, 0.0) * (-1) ** (number // 2))
        wall_s = BASE_S[label] * self.factors.get(label, 1.0) * wobble
        is_second = (self.side.runs.name == "head") == (number % 2 == 0)
        started = f"2025-06-18T10:{number:02}:{10 * cell + is_second:02}Z"
        place = self.side.runs / f"{label}-{number}"
        place.mkdir(parents=True)
        content = record_json(label, round=number, wall_s=wall_s, started_at=started)
        (place / "record.json").write_text(json.dumps(content))
        return RunEnd(status="ok", reason=None, wall_s=wall_s)


def judged(
    tmp_path: Path, factors: Mapping[str, float], scatter: Mapping[str, float]
) -> tuple[GateJudgement, Turns]:
    sides: list[Any] = [
        Recording(tmp_path / "base", {}, {}), Recording(tmp_path / "head", factors, scatter),
    ]  # fmt: skip
    turns = Turns(base=sides[0], head=sides[1], on_pair=lambda *_: None)
    identities = [record_json(label)["identity"] for label in CELLS]
    pairs = {metric_name("quick", None, name): (at, at) for at, name in enumerate(identities)}
    return look_until_decided(turns, pairs, looks=Looks(), rules=Rules()), turns


def verdicts(judgement: GateJudgement) -> dict[str, str]:
    return {metric.label: metric.verdict for metric in judgement.metrics}


def test_equal_code_is_decided_at_the_first_look(tmp_path: Path) -> None:
    judgement, turns = judged(tmp_path, {}, {"Base": 0.01, "Alsatian": 0.01})
    assert verdicts(judgement) == {"Base": "same", "Alsatian": "same"}
    assert (judgement.exit_code, turns.runs) == (0, 2 * 2 * 8)


def test_only_what_is_in_doubt_is_measured_on(tmp_path: Path) -> None:
    judgement, turns = judged(tmp_path, {"Base": 1.3}, {"Base": 0.01, "Alsatian": 0.3})
    assert verdicts(judgement) == {"Base": "regressed", "Alsatian": "inconclusive"}
    assert judgement.exit_code == 1
    assert turns.head.rounds == {"Base": 8, "Alsatian": 16}  # type: ignore[attr-defined]
    rounds = {metric.label: metric.times and metric.times.rounds for metric in judgement.metrics}
    assert rounds == {"Base": 8, "Alsatian": 16}


def test_what_was_judged_in_looks_is_judged_in_looks_again(tmp_path: Path) -> None:
    # In doubt at each of its looks; all 16 rounds at once, at the level of all looks together,
    # would call it slower.
    judgement, turns = judged(tmp_path, {"Alsatian": 1.14}, {"Alsatian": 0.1})
    assert verdicts(judgement)["Alsatian"] == "inconclusive"
    folders = (turns.base.side.runs, turns.head.side.runs)
    again, _ = judge_stored(*folders, Rules(), Looks())
    assert verdicts(again)["Alsatian"] == "regressed"
    write_gate(tmp_path, judgement, {"looks": {"rounds": [8, 12, 16], "alpha": Looks().alpha}})
    again, facts = judge_stored(*folders, Rules(), Looks())
    assert verdicts(again) == verdicts(judgement)
    assert facts["looks"]["rounds"] == [8, 12, 16]


def test_more_rounds_decide_what_a_few_could_not(tmp_path: Path) -> None:
    judgement, turns = judged(tmp_path, {}, {"Alsatian": 0.055})
    assert verdicts(judgement) == {"Base": "same", "Alsatian": "same"}
    assert turns.head.rounds["Base"] == 8  # type: ignore[attr-defined]
    assert turns.head.rounds["Alsatian"] in (12, 16)  # type: ignore[attr-defined]
