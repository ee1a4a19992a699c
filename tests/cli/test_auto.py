"""``batch_size: auto`` and ``data_workers: auto``, from the scenario file to the record."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import SCENARIO, Project

AUTO = SCENARIO + "  batch_size: auto\n  data_workers: auto\n"


def test_a_dry_run_says_how_the_batch_size_will_be_chosen(project: Project) -> None:
    project.write(AUTO)
    for arguments in (("run", "small.yaml", "--dry-run"), ("validate", "small.yaml")):
        result = project.look(*arguments)
        assert result.code == 0
        assert "batch_size: auto for resnet18 at 32 px on cpu: chosen before" in result.out


@pytest.mark.slow
def test_what_was_chosen_is_in_every_record_and_measured_once(project: Project) -> None:
    project.write(AUTO)
    result = project.run("run", "small.yaml")
    assert result.code == 0, result.out + result.err
    assert "measuring which batch size is fastest" in result.out
    records = [json.loads(path.read_text()) for path in project.records()]
    assert [record["status"] for record in records] == ["ok", "ok"]
    (size,) = {record["spec"]["batch_size"] for record in records}
    for record in records:
        decisions = {decision["what"]: decision for decision in record["decisions"]}
        assert decisions["batch_size"]["value"] == size
        assert decisions["batch_size"]["items_per_s_8"] > 0
        assert decisions["data_workers"]["value"] >= 0
    again = project.run("run", "small.yaml")
    assert again.code == 0
    assert "measuring" not in again.out
    assert "Nothing to do" in again.out


def test_a_word_that_is_no_batch_size_is_refused(project: Project) -> None:
    project.write(SCENARIO + "  batch_size: fastest\n")
    result = project.look("validate", "small.yaml")
    assert result.code == 2
    assert "a whole number of at least 1, or auto, not 'fastest'" in result.err
