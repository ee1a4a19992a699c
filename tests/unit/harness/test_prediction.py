"""Predictions from specifications: the work is that of real searches, to the byte."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.hardware_profiles import calibrated_path, write_profile
from harness.inputs import cost_model, search_options
from harness.prediction import notes, predict_runs, rows
from harness.search_shape import model_rows, search_shape, strategy
from harness.spec import RunSpec, plan_runs
from scenarios.matrix import Cell
from scenarios.parameters import PARAMETERS
from systems.api import SearchOptions
from systems.errors import ConfigurationError
from systems.planning.hardware_profile import FALLBACK
from systems.planning.simulation import predict
from systems.registry import system_info
from tests.searching import DEFAULTS, Searches, in_fresh_folder

COUNTED = ("bytes_read", "items_decoded", "block_executions", "operations")


@pytest.fixture(scope="module")
def search(tmp_path_factory: pytest.TempPathFactory) -> Searches:
    return in_fresh_folder(tmp_path_factory.mktemp("searches"))


@pytest.mark.parametrize(
    ("system", "options"),
    [
        ("baseline", {}),
        ("baseline", {"decode_once": True}),
        ("joint", {}),
        ("shift", {}),
        ("alsatian-paper", {}),
        ("alsatian-paper", {"keep_blocks": True}),
        ("alsatian", {}),
        ("alsatian", {"memory_budget": 40 * 2**20, "prefetch": False}),
        ("alsatian", {"memory_budget": 80 * 2**20, "prefetch": False}),
        ("alsatian-paper", {"memory_budget": 40 * 2**20}),
    ],
)
def test_the_simulated_work_is_that_of_the_real_search(
    search: Searches, system: str, options: dict[str, Any]
) -> None:
    found = search(system, options, items=60, threads=1)
    defaults = {parameter.name: parameter.default for parameter in PARAMETERS.values()}
    spec = {**defaults, **DEFAULTS, "items": 60}
    all_options = search_options({**system_info(system).options, **options})
    # Model ids end in the number of the model before the family's hash.
    ranking = [int(model.split("-")[-2]) for model in found["answer"]["ranking"]]
    predicted = predict(
        search_shape(spec),
        strategy(system, all_options),
        cost_model(FALLBACK, spec),
        ranking=ranking,
    )
    for name in COUNTED:
        assert getattr(predicted, name) == found["counts"][name], name


def test_rows_number_the_blocks_of_a_set_without_gaps() -> None:
    spec = {"distribution": "top_25", "model_seed": 3}
    found = model_rows(9, spec=spec, count=12)
    assert found.shape == (12, 9)
    assert set(np.unique(found)) == set(range(found.max() + 1))
    assert len(set(map(tuple, found.tolist()))) == 12
    # a number belongs to one place, and what is shared is shared from the beginning on
    for number in np.unique(found):
        assert len(set(np.nonzero(found == number)[1].tolist())) == 1
    same = found[1:] == found[:1]
    assert (np.diff(same.astype(int), axis=1) <= 0).all()


def spec_of(**parameters: Any) -> RunSpec:
    given = {"architecture": "resnet18", "distribution": "top_50", "models": 4, "resolution": 32}
    return RunSpec.from_cell(Cell(parameters={**given, **parameters}))


def test_speed_ups_are_over_base_of_the_same_search(tmp_path: Path) -> None:
    specs = [spec_of(system=s, items=n) for s in ("baseline", "shift") for n in (200, 400)]
    found = predict_runs(specs, profile=None, cache=tmp_path)
    assert [run.speed_up for run in found[:2]] == [1.0, 1.0]
    for shift, base in zip(found[2:], found[:2], strict=True):
        assert shift.speed_up == pytest.approx(base.wall_s / shift.wall_s)
    assert predict_runs(specs[2:], profile=None, cache=tmp_path)[0].speed_up is None


def test_what_predictions_leave_out_is_told(tmp_path: Path) -> None:
    plain = spec_of(system="alsatian")
    (first,) = notes(predict_runs([plain], profile="paper", cache=tmp_path))
    assert "paper" in first
    other = spec_of(system="alsatian", compile=True, threads=1)
    told = notes(predict_runs([other], profile="paper", cache=tmp_path))
    assert "how compile, threads changes times" in told[-1]


def test_a_batch_size_that_nobody_measured_is_told(tmp_path: Path) -> None:
    spec = spec_of(system="shift", batch_size="auto")
    told = notes(predict_runs([spec], profile="paper", cache=tmp_path))
    assert "32 items stand in" in told[-1]


def test_what_the_machine_of_the_profile_holds_counts(tmp_path: Path) -> None:
    def bytes_read(memory_size: float, **conditions: Any) -> float:
        profile = tmp_path / f"{memory_size}.yaml"
        write_profile(replace(FALLBACK, memory_size_bytes=memory_size), profile)
        spec = spec_of(system="alsatian", models=8, items=600, **conditions)
        return predict_runs([spec], profile=str(profile), cache=tmp_path)[0].bytes_read

    large, small = bytes_read(10e9), bytes_read(100e6)
    assert large < small
    assert bytes_read(10e9, memory_limit="100 MB") == small


def test_without_a_profile_the_notes_say_that_it_is_a_guess(tmp_path: Path) -> None:
    found = predict_runs([spec_of(system="shift")], profile=None, cache=tmp_path)
    assert "No hardware profile" in notes(found)[0]
    assert rows(found)[0]["is_fallback"] is True
    write_profile(FALLBACK, calibrated_path(tmp_path, "cpu"))
    found = predict_runs([spec_of(system="shift")], profile=None, cache=tmp_path)
    assert "No hardware profile" not in notes(found)[0]
    assert rows(found)[0]["is_fallback"] is False


def test_conditions_of_the_scenario_count(tmp_path: Path) -> None:
    def model_s(**conditions: Any) -> float:
        spec = spec_of(system="alsatian-paper", **conditions)
        return predict_runs([spec], profile=None, cache=tmp_path)[0].phases_s["prepare_model"]

    warm, cold = model_s(), model_s(cache="cold")
    slow = model_s(cache="cold", store_bandwidth="20 MB/s")
    forgetful = model_s(cache="cold", memory_limit="1 MB")
    assert warm < cold < slow
    assert cold < forgetful
    # A store that paces its reads does so whatever is in memory.
    assert slow == model_s(store_bandwidth="20 MB/s")


def test_choosing_the_search_takes_the_cheaper(tmp_path: Path) -> None:
    # On the paper's machine preparing a ResNet-152 takes longer than running it on few items.
    few = {"architecture": "resnet152", "items": 100, "resolution": 224, "batch_size": 128}
    specs = [
        spec_of(system=system, **few, allow_tiny=True)
        for system in ("baseline", "shift", "shift+choose_search")
    ]
    base, halving, chosen = predict_runs(specs, profile="paper", cache=tmp_path)
    assert base.wall_s < halving.wall_s
    assert chosen.wall_s == pytest.approx(base.wall_s)


def test_several_architectures_and_unknown_systems() -> None:
    spec = spec_of(system="alsatian", architecture="resnet18+resnet34@64", models=5).canonical()
    shape = search_shape(spec)
    assert shape.rows.shape == (5, 17)
    assert [(row >= 0).sum() for row in shape.rows] == [9, 9, 9, 17, 17]
    assert len(shape.profiles) == 26
    with pytest.raises(ConfigurationError, match="cannot be predicted"):
        strategy("somebody-elses", SearchOptions())


def test_the_shipped_quick_scenario_can_be_predicted(tmp_path: Path) -> None:
    found = predict_runs(plan_runs("quick").specs, profile="paper", cache=tmp_path)
    assert all(run.wall_s > 0 for run in found)
