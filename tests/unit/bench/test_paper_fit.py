"""The fit of the paper's machine, on a few of the published results, from end to end."""

from __future__ import annotations

import sys

import pytest

from bench import paper_fit


def test_a_fit_reports_its_errors_on_every_figure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    few = {
        figure: [
            result
            for result in results
            if result.get("architecture", "resnet18") in ("resnet18", "bert")
            and result.get("distribution", "top_25") == "top_25"
        ]
        for figure, results in paper_fit.RESULTS.items()
        if figure.startswith("fig")
    }
    monkeypatch.setattr(paper_fit, "RESULTS", {**few, "fig11": [], "fig16": few["fig16"][:1]})
    monkeypatch.setattr(paper_fit, "TREES", range(1))
    monkeypatch.setattr(paper_fit, "DRAWS", 1)
    monkeypatch.setattr(sys, "argv", ["paper_fit"])
    paper_fit.main()
    told = capsys.readouterr().out
    for heading in ("figure 10, 8000 items", "figure 13", "figure 17, if texts have 256 tokens"):
        assert heading in told
    assert told.count("mean |error|") == 3 * 6
    assert "figure 16, 64 GB" in told
