"""Every shipped scenario, at its smallest scale, really run: none of them can rot."""

from __future__ import annotations

import pytest

from harness.dataset_paths import DATA_FOLDER
from harness.spec import plan_runs
from scenarios.loading import shipped_scenarios
from systems.errors import ConfigurationError
from tests.searching import Searches, in_fresh_folder

NEEDS_DATA = {("fig13", "paper")}
"""Really fine-tuned on the datasets of the paper, which nobody can ship."""


@pytest.fixture(scope="module")
def searches(tmp_path_factory: pytest.TempPathFactory) -> Searches:
    return in_fresh_folder(tmp_path_factory.mktemp("smoke"))


@pytest.mark.parametrize("name", shipped_scenarios())
def test_every_scenario_runs_at_the_scale_of_seconds(name: str, searches: Searches) -> None:
    plan = plan_runs(name, scale="smoke")
    found = {spec: searches.run(spec.canonical()) for spec in plan.specs}
    for spec, result in found.items():
        assert result["wall_s"] > 0, spec.summary
        if result["answer"] is None:
            assert result["readings"], spec.summary
        else:
            assert len(result["answer"]["ranking"]) == spec.models, spec.summary


FIGURES = [name for name, path in shipped_scenarios().items() if "paper" in path.parts]


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("scale", ["paper", "gpu", "ci-gpu", "cpu"])
def test_every_scale_of_a_figure_expands_to_runs(
    name: str, scale: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(DATA_FOLDER, raising=False)
    if (name, scale) in NEEDS_DATA:
        with pytest.raises(ConfigurationError, match=f"set {DATA_FOLDER} to the folder"):
            plan_runs(name, scale=scale)
        return
    specs = plan_runs(name, scale=scale).specs
    assert specs
    if scale == "cpu":
        assert {spec.device for spec in specs} == {"cpu"}
