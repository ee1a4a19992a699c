"""From a scenario to its different runs."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from harness.spec import plan_runs, run_specs, vocabulary
from scenarios.loading import load_scenario, shipped_scenarios
from scenarios.matrix import parse_filters
from systems.errors import ConfigurationError

HEAD = "name: example\ntitle: x\nfixed: {architecture: resnet18, distribution: top_50}\n"


def load(tmp_path, text):
    path = tmp_path / "example.yaml"
    path.write_text(text)
    return load_scenario(path, vocabulary())


def test_a_plan_merges_cells_that_ask_for_the_same_run(tmp_path):
    scenario = load(
        tmp_path,
        HEAD + "matrix: {system: [baseline, alsatian], cache_budget: [1 MiB, 2 MiB]}\n",
    )
    plan = run_specs(scenario)
    assert [spec.system for spec in plan.specs] == ["baseline", "alsatian", "alsatian"]
    assert plan.merged == 1


def test_a_plan_follows_scale_and_filters(tmp_path):
    scenario = load(
        tmp_path,
        HEAD + "matrix: {system: [base, shift], items: [100, 200]}\n"
        "exclude: [{system: base, items: 7, reason: why not}]\n"
        "scales: {small: {items: [7, 8], rounds: 3}}\n",
    )
    plan = run_specs(scenario.at_scale("small"), parse_filters(["items=7"]))
    assert [(spec.system, spec.items) for spec in plan.specs] == [("shift", 7)]
    assert plan.excluded[0][1] == "why not"
    assert plan.scenario.rounds == 3
    assert len(run_specs(scenario, {"system": {"successive-halving"}}).specs) == 2


def test_all_cells_that_cannot_be_run_are_named_with_their_lines(tmp_path):
    scenario = load(
        tmp_path,
        HEAD.replace("resnet18", "vit_b_16") + "matrix:\n"
        "  system:\n"
        "    - shift\n"
        "    - shift+schedule=block_major\n"
        "    - baseline+batched_heads\n"
        "  resolution: [64, 100]\n",
    )
    with pytest.raises(ConfigurationError) as caught:
        run_specs(scenario)
    lines = sorted(str(caught.value).splitlines())
    assert [line.split(":")[1] for line in lines] == ["7", "8", "9"]
    assert "'schedule'" in lines[0]
    assert "'batched_heads'" in lines[1]
    assert "multiple of the patch size" in lines[2]


def test_shipped_scenarios_make_plans():
    for name in shipped_scenarios():
        plan = plan_runs(name, scale="smoke")  # at other scales data may have to be there
        assert plan.specs
        assert plan.merged == 0


def test_a_plan_can_be_asked_for_as_on_the_command_line():
    (spec,) = plan_runs("quick", filters=["system=mosix", "distribution=top_50"]).specs
    assert spec.summary.startswith("Alsatian: ")
    assert ", top_50, " in spec.summary


def test_planning_is_torch_free():
    code = (
        "import sys; from harness.spec import run_specs, vocabulary\n"
        "from scenarios.loading import find_scenario, load_scenario\n"
        "run_specs(load_scenario(find_scenario('quick'), vocabulary()))\n"
        "print([name for name in ('torch', 'torchvision', 'sklearn') if name in sys.modules])"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert done.stdout.strip() == "[]"
