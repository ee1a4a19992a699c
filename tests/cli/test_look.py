"""``list``, ``validate`` and ``compare``: looking without measuring."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from tests.cli.conftest import SCENARIO, Project


def test_list_names_everything(project: Project) -> None:
    result = project.look("list")
    assert result.code == 0
    for name in ("quick", "alsatian-paper", "mosix", "resnet152", "docstrings", "linear-paper"):
        assert name in result.out
    assert "cache_budget" in project.look("list", "parameters").out


def test_validate_shows_runs_and_identities(project: Project) -> None:
    project.write(SCENARIO)
    result = project.look("validate", "small.yaml")
    assert result.code == 0
    assert "2 different runs" in result.out
    assert "Alsatian: 3 × resnet18" in result.out


def test_options_that_do_not_apply_make_no_second_run(project: Project) -> None:
    project.write(SCENARIO.replace("fixed:", "  cache_budget: [64 MiB, 128 MiB]\nfixed:"))
    result = project.look("validate", "small.yaml")
    assert "3 different runs" in result.out


def test_compare_writes_where_it_is_told(measured: Project, tmp_path: Path) -> None:
    result = measured.look("compare", "runs/small", "-o", tmp_path / "out")
    assert result.code == 0
    with (tmp_path / "out" / "comparison.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["status"] for row in rows} == {"ok"}
    assert (tmp_path / "out" / "comparison.png").read_bytes().startswith(b"\x89PNG")


def test_trace_writes_what_perfetto_opens(measured: Project, tmp_path: Path) -> None:
    run = measured.records()[0].parent
    result = measured.look("trace", run, "-o", tmp_path / "trace.json")
    assert result.code == 0
    trace = json.loads((tmp_path / "trace.json").read_text())
    kinds = {event["ph"] for event in trace["traceEvents"]}
    assert {"X", "M"} <= kinds
    assert "inference" in {event.get("cat", event["name"]) for event in trace["traceEvents"]}


def test_trace_of_nothing_is_a_sentence(project: Project) -> None:
    result = project.look("trace", "nowhere")
    assert result.code == 2
    assert "nowhere" in result.err


def test_doctor_says_what_the_machine_can_do(project: Project) -> None:
    result = project.run("doctor", "--format", "json")
    assert result.code == 0
    found = [each for section in json.loads(result.out) for each in section["findings"]]
    findings = {each["subject"]: each["verdict"] for each in found}
    assert findings["no swap"] in ("yes", "weaker")
    assert findings["noise floor"] in ("yes", "no")
    assert set(findings.values()) <= {"yes", "no", "weaker", "note"}
