"""The shipped profile of the paper's machine, against results that it was not fitted to."""

from __future__ import annotations

import numpy as np
import pytest

from bench import paper_fit
from harness.hardware_profiles import SHIPPED, read_profile

GOAL = 0.20


@pytest.mark.parametrize("system", ["baseline", "shift"])
@pytest.mark.parametrize("figure", ["fig10", "fig13"])
def test_base_and_shift_are_predicted_within_the_goal(
    monkeypatch: pytest.MonkeyPatch, figure: str, system: str
) -> None:
    monkeypatch.setattr(paper_fit, "TREES", range(1))
    hardware = read_profile(SHIPPED / "paper.yaml")
    bars = paper_fit.cells(figure, items=8000 if figure == "fig10" else None)
    for spec, name, seconds in bars:
        if name == system:
            predicted = sum(paper_fit.phases(hardware, spec, system).values())
            assert predicted == pytest.approx(seconds, rel=GOAL), spec


def test_alsatian_has_the_right_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over the unseen cells of figure 10, predicted and published times rise together."""
    monkeypatch.setattr(paper_fit, "TREES", range(3))
    hardware = read_profile(SHIPPED / "paper.yaml")
    bars = [bar for bar in paper_fit.cells("fig10", items=8000) if bar[1] == "alsatian"]
    predicted = [sum(paper_fit.phases(hardware, spec, name).values()) for spec, name, _ in bars]
    published = [seconds for *_, seconds in bars]
    correlation = np.corrcoef(np.log(predicted), np.log(published))[0, 1]
    assert correlation > 0.98
