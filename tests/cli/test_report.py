"""``report``: stored runs as one HTML file."""

from __future__ import annotations

import json

from tests.cli.conftest import Project
from tests.unit.reports.factory import record_json, write


def test_report_of_stored_runs_is_one_file(project: Project) -> None:
    runs = project.folder / "runs"
    for content in (record_json("Base"), record_json("Alsatian", wall_s=5.0), "{"):
        write(runs, content)
    result = project.run("report", "runs", "-o", "out", "--format", "json", "--title", "Mine")
    assert result.code == 0
    assert "not a readable record" in result.err
    short = json.loads(result.out)
    (campaign,) = short["campaigns"]
    assert (campaign["scenario"], campaign["measured"]) == ("quick", 2)
    assert campaign["speed_ups"]["Alsatian"]["median"] == 2.0
    assert len(short["problems"]) == 1
    html = (project.folder / "out" / "index.html").read_text()
    assert "<h1>Mine</h1>" in html
    assert "Base, SHiFT and Alsatian on handwritten digits" in html  # the scenario's own title
    assert {path.name for path in (project.folder / "out").iterdir()} == {
        "index.html",
        "summary.md",
    }
    assert "Alsatian | 2.00×" in (project.folder / "out" / "summary.md").read_text()


def test_report_of_nothing_is_a_sentence(project: Project) -> None:
    (project.folder / "empty").mkdir()
    result = project.run("report", "empty")
    assert result.code == 3
    assert "No readable run in 'empty'" in result.err
    assert not (project.folder / "report").exists()
