"""A probe beside a search, through the real command."""

from __future__ import annotations

import csv
import json

from tests.cli.conftest import SCENARIO, Project


def test_a_probe_is_measured_beside_a_search_and_kept_apart(project: Project) -> None:
    project.write(SCENARIO.replace("[shift, alsatian]", "[shift, probe-inference]"))
    result = project.run("run", "small.yaml")
    assert result.code == 0, result.err
    assert "Inference: small" in result.out
    runs = project.folder / "runs" / "small"
    records = [json.loads(path.read_text()) for path in project.records()]
    assert {record["spec"]["system"]: bool(record["readings"]) for record in records} == {
        "shift": False,
        "probe-inference": True,
    }
    with (runs / "readings.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert float(row["low_items_per_s"]) <= float(row["items_per_s"])
    assert "probe" not in (runs / "comparison.csv").read_text()
    assert (runs / "readings-inference.png").read_bytes().startswith(b"\x89PNG")
    assert "readings-inference" in (runs / "analysis.md").read_text()
