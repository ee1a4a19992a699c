"""The analysis page: what it says, and that it says it of what was measured."""

from __future__ import annotations

from pathlib import Path

from reports.analysis import Subject, findings, write_analysis
from reports.comparison import compare
from tests.unit.reports.factory import record

SUBJECT = Subject(title="A *title*", description="What for.", command="alsatian-bench run x")


def page(tmp_path: Path, records, figures=()) -> str:
    path = tmp_path / "analysis.md"
    write_analysis(SUBJECT, compare(records), records, figures=figures, path=path)
    return path.read_text()


def test_the_page_has_subject_facts_findings_figure_numbers_and_command(tmp_path):
    records = [record("Base", wall_s=10.0), record("Alsatian", wall_s=2.0, scale="cpu")]
    records = [record("Base", wall_s=10.0, scale="cpu"), records[1]]
    text = page(tmp_path, records, figures=[tmp_path / "comparison.png", tmp_path / "x.pdf"])
    assert text.startswith("# A \\*title\\*\n\nWhat for.\n")
    assert "| runs | 2 of 2 measured |" in text
    assert "| scale | cpu |" in text
    assert "Alsatian (1 search): 5.00× over Base" in text
    assert "![comparison](comparison.png)" in text
    assert "x.pdf" not in text
    assert text.index("## What came out") < text.index("## Figures") < text.index("## Numbers")
    assert text.rstrip().endswith("```\nalsatian-bench run x\n```")


def test_what_was_not_measured_is_said():
    records = [
        record("Base", wall_s=10.0),
        record("Alsatian", wall_s=None, status="out_of_memory", reason="Memory ran out."),
    ]
    lines = findings(compare(records))
    assert "Alsatian: not measured (out of memory)." in lines
    assert any(line.startswith("Answers agree in 0 of 1 search") for line in lines)
    assert any("a claim takes 8" in line for line in lines)


def test_ranges_over_searches_and_the_published_ones():
    def cell(items, published_items, wall_s):
        spec = {"architecture": "resnet18", "distribution": "top_50", "items": items}
        changes = {"scenario": "fig10", "spec": spec, "stands_for": {"items": published_items}}
        return [record("Base", wall_s=10.0, **changes), record("SHiFT", wall_s=wall_s, **changes)]

    lines = findings(compare([*cell(200, 2000, 5.0), *cell(400, 8000, 2.5)]))
    shift = next(line for line in lines if line.startswith("SHiFT"))
    assert "2.00× – 4.00× (median 3.00×) over Base" in shift
    assert "published 1.16× – 1.65×" in shift
