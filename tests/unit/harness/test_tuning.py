from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness import tuning
from harness.spec import RunPlan, RunSpec, run_specs, vocabulary
from harness.supervisor import Outcome
from harness.tuning import (
    TUNED_BY,
    Tuning,
    TuningFolder,
    is_left_open,
    tuning_notes,
    with_batch_sizes,
    with_known_batch_sizes,
)
from scenarios.loading import load_scenario
from systems.errors import BenchError, ConfigurationError

TEXT = """\
name: example
title: x
matrix:
  system: [shift, alsatian]
  resolution: [64, 96]
  batch_size: [auto, 64]
fixed: {architecture: resnet18, distribution: top_50}
"""
FOUND = Tuning(
    batch_size=64,
    reason="64 was the fastest with 100 items/s.",
    trials=({"items": 64, "items_per_s": 100.0, "peak_bytes": 1, "spread": 1.0},),
)


@pytest.fixture
def plan(tmp_path: Path) -> RunPlan:
    path = tmp_path / "example.yaml"
    path.write_text(TEXT)
    return run_specs(load_scenario(path, vocabulary()))


def open_spec(plan: RunPlan, **values: object) -> RunSpec:
    return next(
        spec
        for spec in plan.specs
        if spec.batch_size == "auto"
        and all(getattr(spec, name) == value for name, value in values.items())
    )


def test_auto_stays_until_it_was_measured(plan: RunPlan, tmp_path: Path) -> None:
    assert is_left_open(plan)
    assert with_known_batch_sizes(plan, cache=tmp_path) == plan
    (small, large) = tuning_notes(plan)
    assert small.startswith("batch_size: auto for resnet18 at 64 px on cpu: chosen before")
    assert "96 px" in large


def test_what_was_measured_is_the_same_for_all_systems(plan: RunPlan, tmp_path: Path) -> None:
    TuningFolder(tmp_path).keep(open_spec(plan, system="shift", resolution=64), FOUND)
    known = with_known_batch_sizes(plan, cache=tmp_path)
    sizes = [(spec.resolution, spec.system, spec.batch_size) for spec in known.specs]
    assert sizes == [
        (64, "shift", 64),
        (64, "alsatian", 64),
        (96, "shift", "auto"),
        (96, "alsatian", "auto"),
        (96, "shift", 64),
        (96, "alsatian", 64),
    ]
    # At 64 px the measured size is the one that the matrix has too: one run, not two.
    assert known.merged == plan.merged + 2
    assert is_left_open(known)
    assert known.specs[0].chosen["batch_size"]["reason"] == FOUND.reason
    assert any(FOUND.reason in line for line in tuning_notes(known))


def test_the_number_is_part_of_the_identity_and_its_reason_is_not(
    plan: RunPlan, tmp_path: Path
) -> None:
    TuningFolder(tmp_path).keep(open_spec(plan, resolution=64), FOUND)
    chosen = with_known_batch_sizes(plan, cache=tmp_path).specs[0]
    given = next(
        s for s in plan.specs if (s.system, s.resolution, s.batch_size) == ("shift", 64, 64)
    )
    assert chosen.identity == given.identity != open_spec(plan, resolution=64).identity
    assert "chosen" not in chosen.canonical()


@pytest.mark.parametrize("name", [n for n in TUNED_BY if n not in ("sequence_length",)])
def test_other_kinds_of_work_are_measured_apart(name: str, plan: RunPlan, tmp_path: Path) -> None:
    from dataclasses import replace

    spec = open_spec(plan)
    other = {"architecture": "resnet34", "device": "cuda", "memory_format": "contiguous"}
    changed = replace(spec, **{name: other.get(name, 2**40)})
    folder = TuningFolder(tmp_path)
    folder.keep(spec, FOUND)
    assert folder.find(spec) == FOUND
    assert folder.find(changed) is None


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '{"batch_size": 0}', '{"batch_size": "x", "reason": "", "trials": []}'],
)
def test_a_damaged_file_is_measured_again(text: str, plan: RunPlan, tmp_path: Path) -> None:
    folder = TuningFolder(tmp_path)
    folder.keep(open_spec(plan), FOUND)
    (file,) = (tmp_path / "tuning").iterdir()
    file.write_text(text)
    assert folder.find(open_spec(plan)) is None


def test_the_file_of_other_work_is_not_believed(plan: RunPlan, tmp_path: Path) -> None:
    folder = TuningFolder(tmp_path)
    folder.keep(open_spec(plan), FOUND)
    (file,) = (tmp_path / "tuning").iterdir()
    kept = json.loads(file.read_text())
    kept["kind"]["host_class"] = "another machine"
    file.write_text(json.dumps(kept))
    assert folder.find(open_spec(plan)) is None


@pytest.mark.parametrize(
    ("result", "error"), [({"is_configuration": True}, ConfigurationError), ({}, BenchError)]
)
def test_a_measurement_that_fails_says_what_to_do(
    result: dict[str, object], error: type[Exception], plan: RunPlan, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    outcome = Outcome(status="out_of_memory", reason="Memory ran out.", result=result)
    monkeypatch.setattr(tuning, "run_worker", lambda *_, **__: outcome)
    with pytest.raises(error, match=r"resnet18 at 64 px on cpu \(out_of_memory\).*Give a number"):
        with_batch_sizes(plan, cache=tmp_path, on_event=lambda _: None)
    assert not (tmp_path / "tuning").exists()


@pytest.mark.slow
def test_a_real_measurement_fills_all_and_is_made_once(tmp_path: Path) -> None:
    path = tmp_path / "example.yaml"
    path.write_text(TEXT.replace("[64, 96]", "[32]"))
    plan = run_specs(load_scenario(path, vocabulary()))
    events: list[object] = []
    tuned = with_batch_sizes(plan, cache=tmp_path / "cache", on_event=events.append)
    assert not is_left_open(tuned)
    chosen = tuned.specs[0].chosen["batch_size"]
    assert chosen["batch_size"] in {trial["items"] for trial in chosen["trials"]}
    assert events
    events.clear()
    assert with_batch_sizes(plan, cache=tmp_path / "cache", on_event=events.append) == tuned
    assert not events
