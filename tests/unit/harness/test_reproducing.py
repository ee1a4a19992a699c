"""The command that repeats a stored run."""

from __future__ import annotations

import shlex
from itertools import pairwise
from pathlib import Path

import pytest

from harness.reproducing import known_scenario, scenario_file
from harness.spec import plan_runs


def test_each_command_makes_exactly_its_run() -> None:
    known = known_scenario("tiny", "smoke")
    assert known is not None
    specs = {spec.identity for spec in plan_runs("tiny", scale="smoke").specs}
    assert set(known.commands) == specs
    assert known.title == "A few seconds of every system"
    for identity, command in known.commands.items():
        words = shlex.split(command)
        assert words[:3] == ["alsatian-bench", "run", "tiny"]
        filters = [word for before, word in pairwise(words) if before == "--filter"]
        scale = words[words.index("--scale") + 1]
        assert [s.identity for s in plan_runs("tiny", filters=filters, scale=scale).specs] == [
            identity
        ]


def test_of_a_scenario_that_is_not_shipped_nothing_is_known() -> None:
    assert known_scenario("mine", None) is None
    assert known_scenario("tiny", "no_such_scale") is None


@pytest.mark.parametrize("scenario", ["tiny", "ablation", "cold", "two_architectures", "fig16"])
def test_a_scenario_file_makes_exactly_the_run(scenario: str, tmp_path: Path) -> None:
    spec = plan_runs(scenario, scale="smoke").specs[-1]
    text = scenario_file(spec.canonical(), spec.identity)
    assert text is not None
    path = tmp_path / "again.yaml"
    path.write_text(text)
    assert [each.identity for each in plan_runs(str(path)).specs] == [spec.identity]


def test_what_another_version_measured_has_no_scenario() -> None:
    (spec, *_) = plan_runs("tiny").specs
    assert scenario_file({**spec.canonical(), "models": 5}, spec.identity) is None
    assert scenario_file({"system": "nobody"}, spec.identity) is None
    assert scenario_file({"system": "alsatian", "options": {"gone": 1}}, spec.identity) is None
