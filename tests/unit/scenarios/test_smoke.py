"""Every shipped scenario, at its smallest scale, really run: none of them can rot."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.dataset_paths import DATA_FOLDER
from harness.spec import plan_runs, vocabulary
from scenarios.loading import load_scenario, shipped_scenarios
from systems.data.datasets import DatasetSpec, open_dataset
from systems.data.halving import check_first_chunk, halving_schedule
from systems.data.split import split_items
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


@pytest.mark.parametrize("name", shipped_scenarios())
def test_what_a_laptop_runs_has_enough_items_to_halve(name: str, tmp_path: Path) -> None:
    if "cpu" not in load_scenario(shipped_scenarios()[name], vocabulary()).scales:
        pytest.skip("it has no scale of that name")
    for spec in plan_runs(name, scale="cpu").specs:
        if spec.dataset != "digits":
            continue
        labels = open_dataset(
            DatasetSpec(name="digits", items=spec.items, resolution=32, seed=spec.data_seed),
            cache_dir=tmp_path,
        ).labels
        split = split_items(labels, test_fraction=spec.test_fraction, seed=spec.data_seed)
        check_first_chunk(  # the sentence of its error says what to change
            labels[split.train],
            halving_schedule(spec.models, train_items=len(split.train)),
            allow_tiny=spec.allow_tiny,
            test_fraction=spec.test_fraction,
        )
