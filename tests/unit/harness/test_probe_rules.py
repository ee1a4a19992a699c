"""Where probes are refused, and where they are shown."""

import pytest

from harness.prediction import refuse_probes
from harness.resolving import SpecError
from harness.spec import RunSpec, plan_runs, vocabulary
from scenarios.loading import shipped_scenarios
from scenarios.matrix import Cell
from systems.errors import ConfigurationError

PROBE_SCENARIOS = (
    "fig12", "table1", "block_sizes", "batch_inference", "loading", "heads", "composition",
    "snapshot_loading",
)  # fmt: skip
GIVEN = {"architecture": "resnet18", "distribution": "top_50", "models": 1}


def spec(system: str, **values: object) -> RunSpec:
    return RunSpec.from_cell(Cell(parameters={**GIVEN, "system": system, **values}))


def test_a_probe_is_a_run_like_any_other() -> None:
    assert spec("probe-blocks").label == "Blocks"
    assert spec("probe-blocks").identity != spec("probe-inference").identity
    assert "probe-blocks" in vocabulary()["systems"]


@pytest.mark.parametrize(("parameter", "value"), [("cache", "cold"), ("part", "last_50")])
def test_a_probe_refuses_what_would_change_its_meaning(parameter: str, value: str) -> None:
    with pytest.raises(SpecError, match=f"probe-blocks cannot be run with {parameter}: {value}"):
        spec("probe-blocks", **{parameter: value})
    spec("alsatian", **{parameter: value})


def test_an_option_with_a_probe_is_refused() -> None:
    with pytest.raises(SpecError, match="has no option 'decode_once'"):
        spec("probe-loading+decode_once")


def test_only_searches_are_predicted() -> None:
    with pytest.raises(ConfigurationError, match="--filter system=alsatian"):
        refuse_probes([spec("probe-blocks"), spec("alsatian")])
    with pytest.raises(ConfigurationError, match="Run the scenario instead"):
        refuse_probes([spec("probe-blocks")])
    refuse_probes([spec("alsatian")])


@pytest.mark.parametrize("name", PROBE_SCENARIOS)
def test_every_scale_of_every_probe_scenario_expands(name: str) -> None:
    assert name in shipped_scenarios()
    for scale in ("paper", "gpu", "ci-gpu", "cpu", "smoke"):
        plan = plan_runs(name, scale=scale)
        assert {spec.system.startswith("probe-") for spec in plan.specs} == {True}
