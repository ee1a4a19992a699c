"""``predict``: times of runs that were not run."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import SCENARIO, Project

BASE = SCENARIO.replace("[shift,", "[baseline, shift,")


def test_a_prediction_is_a_table_and_says_that_it_is_a_guess(
    project: Project, tmp_path: Path
) -> None:
    project.write(BASE)
    result = project.run("predict", "small.yaml", cache=tmp_path / "new")
    assert result.code == 0, result.err
    for label in ("Base", "SHiFT", "Alsatian"):
        assert label in result.out
    assert "No hardware profile" in result.out
    assert not (tmp_path / "new").exists()  # looking makes nothing


def test_json_for_programs(project: Project, tmp_path: Path) -> None:
    project.write(BASE)
    result = project.look(
        "predict", "small.yaml", "--profile", "paper", "--format", "json", cache=tmp_path / "new"
    )
    document = json.loads(result.out)
    assert [run["label"] for run in document["runs"]] == ["Base", "SHiFT", "Alsatian"]
    assert document["runs"][0]["speed_up"] == 1.0
    assert document["runs"][0]["measured_s"] is None
    assert "paper" in document["notes"][0]


def test_measured_runs_stand_beside(measured: Project) -> None:
    result = measured.look("predict", "small.yaml", "--format", "json")
    runs = json.loads(result.out)["runs"]
    assert all(run["measured_s"] > 0 and run["measured_rounds"] >= 1 for run in runs)


def test_a_wrong_profile_is_told_by_line(project: Project) -> None:
    project.write(BASE)
    (project.folder / "machine.yaml").write_text("name: mine\nstore_bandwith: 200 MB/s\n")
    result = project.look("predict", "small.yaml", "--profile", "machine.yaml")
    assert result.code == 2
    assert "machine.yaml:2: There is no key 'store_bandwith'. Did you mean" in result.err
    result = project.look("predict", "small.yaml", "--profile", "papr")
    assert result.code == 2
    assert "Did you mean 'paper'?" in result.err
