"""The fit of the paper's machine, on a few of the published results, from end to end."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from bench import paper_fit
from harness.hardware_profiles import SHIPPED, read_profile


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

    def predicted(hardware: paper_fit.HardwareProfile) -> list[float]:
        return [sum(paper_fit.phases(hardware, spec, system).values()) for spec, system in bars]

    bars = [(spec, system) for spec, system, _ in paper_fit.cells("fig10", items=2000)]
    times = predicted(read_profile(SHIPPED / "paper.yaml"))
    assert predicted(paper_fit.fit(bars, np.array(times))) == pytest.approx(times, rel=0.05)
