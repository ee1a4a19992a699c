"""Noise floors are kept per class of machines; A/A runs apart from their scenario's."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from harness.noise import BASELINES, NOISE_FILE, NoiseFolder, known_baselines, noise_campaign
from harness.spec import plan_runs
from reports.noise import NoiseFloor
from reports.statistics import CLAIM_ROUNDS
from tests.unit.harness.test_environment import checkout  # noqa: F401

FLOOR = {"identity": "abc", "ratios": [1.01, 0.99], "label": "Base"}


def test_each_run_is_done_twice_per_round(tmp_path: Path) -> None:
    plan = plan_runs("tiny")
    campaign = noise_campaign(plan, rounds=3, runs=tmp_path / "runs", cache=tmp_path / "cache")
    assert campaign.runs.folder == tmp_path / "runs" / "tiny-noise"
    times = Counter((run.spec.identity, run.round // 2) for run in campaign.planned)
    assert set(times.values()) == {2}
    assert len(times) == 3 * len(plan.specs)


def test_floors_are_kept_and_replaced(tmp_path: Path) -> None:
    folder = NoiseFolder(tmp_path, "a machine | 2 cores")
    assert folder.floor("abc") is None
    assert folder.floors() == []
    folder.keep(FLOOR)
    folder.keep({**FLOOR, "ratios": [1.0]})
    folder.keep({**FLOOR, "identity": "../../escape"})
    assert folder.floor("abc") == {**FLOOR, "ratios": [1.0]}
    assert len(folder.floors()) == 2
    assert {path.parent for path in tmp_path.rglob("*.json")} == {folder.folder}


def test_other_machines_have_other_floors(tmp_path: Path) -> None:
    NoiseFolder(tmp_path, "a machine | 2 cores").keep(FLOOR)
    assert NoiseFolder(tmp_path, "a machine | 4 cores").floor("abc") is None


def test_what_a_checkout_brings_fills_the_gaps(tmp_path: Path) -> None:
    baselines = tmp_path / "baselines"
    (baselines / "m").mkdir(parents=True)
    recorded = [{**FLOOR, "host_class": "m"}, {**FLOOR, "host_class": "m", "identity": "def"}]
    (baselines / "m" / "noise.json").write_text(json.dumps(recorded))
    folder = NoiseFolder(tmp_path / "cache", "m", baselines=baselines)
    assert folder.floor("abc") == recorded[0]
    folder.keep({**FLOOR, "ratios": [1.0]})
    assert folder.floor("abc") == {**FLOOR, "ratios": [1.0]}
    assert folder.floor("def") == recorded[1]
    assert [floor["ratios"] for floor in folder.floors()] == [[1.0], FLOOR["ratios"]]
    assert folder.floor("abc", fewest=2) == recorded[0]  # one pair measured here is too few
    assert folder.floor("abc", fewest=3) is None
    assert NoiseFolder(tmp_path / "cache", "other", baselines=baselines).floor("abc") is None


def test_a_checkout_is_asked_even_if_the_code_is_installed_elsewhere(
    checkout: Path,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (checkout / "harness").mkdir()
    (checkout / "harness/campaign.py").write_text("")
    (checkout / "bench/baselines/m").mkdir(parents=True)
    recorded = [{**FLOOR, "host_class": "m"}]
    (checkout / "bench/baselines/m/noise.json").write_text(json.dumps(recorded))
    monkeypatch.chdir(checkout / "bench")
    assert NoiseFolder(checkout / "cache", "m").floors() == recorded
    monkeypatch.chdir(checkout.parent)
    assert known_baselines() == BASELINES


def test_what_this_checkout_brings_is_of_the_gate_as_it_is() -> None:
    """Otherwise nobody finds it: measure it again (``bench/keep_baseline.py``)."""
    identities = {spec.identity for spec in plan_runs("gate").specs}
    for path in BASELINES.glob(f"*/{NOISE_FILE}"):
        floors = [NoiseFloor.from_json(floor) for floor in json.loads(path.read_text())]
        assert {floor.identity for floor in floors} == identities
        assert all(floor.rounds >= CLAIM_ROUNDS and not floor.is_biased for floor in floors)


def test_a_damaged_floor_is_no_floor(tmp_path: Path) -> None:
    folder = NoiseFolder(tmp_path, "m")
    folder.keep(FLOOR).write_text("{")
    assert folder.floor("abc") is None
    assert folder.floors() == []
