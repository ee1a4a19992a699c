"""How a stored run can be had again: the command, proved by the run's identity."""

from __future__ import annotations

import functools
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from harness.resolving import SpecError
from harness.spec import RunSpec, vocabulary
from scenarios.errors import ScenarioError
from scenarios.loading import load_scenario, shipped_scenarios
from scenarios.matrix import Cell, expand
from scenarios.parameters import PARAMETERS
from scenarios.scenario import Scenario
from scenarios.system_choice import SystemChoice
from systems.errors import BenchError, ConfigurationError
from systems.registry import system_info


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownScenario:
    """A scenario that comes with the package, at one scale."""

    title: str
    description: str
    commands: Mapping[str, str]
    """What a person types for a run, by the run's identity."""
    specs: tuple[RunSpec, ...]
    """The runs that it has on this machine, in its order."""


@functools.cache
def known_scenario(name: str, scale: str | None) -> KnownScenario | None:
    """A shipped scenario's words and commands; None where there is no such scenario or scale.

    The commands hold for this version of the package: a run is found by its identity, which
    is another one as soon as the scenario or the meaning of a parameter has changed.
    """
    path = shipped_scenarios().get(name)
    if path is None:
        return None
    try:
        scenario = load_scenario(path, vocabulary()).at_scale(scale)
        cells = expand(scenario).cells
    except ScenarioError:
        return None
    commands: dict[str, str] = {}
    specs: dict[str, RunSpec] = {}
    for cell in cells:
        try:
            spec = RunSpec.from_cell(cell, folder=path.parent)
        except (SpecError, BenchError, ConfigurationError):
            continue  # not on this machine: it lacks a file, say
        commands.setdefault(spec.identity, _command(scenario, scale, cell))
        specs.setdefault(spec.identity, spec)
    return KnownScenario(
        title=scenario.title,
        description=scenario.description,
        commands=commands,
        specs=tuple(specs.values()),
    )


def run_spec(spec: Mapping[str, Any], identity: str) -> RunSpec | None:
    """The specification of a stored run, made anew from the canonical one in its record.

    None where that is of another version of the package (its parameters would not mean the
    same any more), or cannot be had on this machine.
    """
    try:
        made = RunSpec.from_cell(Cell(parameters=_parameters(spec)))
    except (SpecError, BenchError, ConfigurationError, KeyError, TypeError, ValueError):
        return None
    return made if made.identity == identity else None


def scenario_file(spec: Mapping[str, Any], identity: str) -> str | None:
    """A scenario that makes exactly the run with this specification, as YAML.

    None where ``run_spec`` has none.
    """
    if run_spec(spec, identity) is None:
        return None
    fixed = _parameters(spec)
    matrix = {"system": [fixed.pop("system")]}
    scenario = {"name": "again", "title": "One run again", "matrix": matrix}
    return yaml.safe_dump({**scenario, "fixed": fixed}, sort_keys=False, allow_unicode=True)


def _parameters(spec: Mapping[str, Any]) -> dict[str, Any]:
    """A canonical specification as the cell of a matrix that it comes from."""
    info = system_info(spec["system"])
    given = {o: value for o, value in spec["options"].items() if value != info.options[o]}
    fixed = {
        name: value
        for name, value in spec.items()
        if name in PARAMETERS and name != "system" and value is not None
    }
    return {"system": SystemChoice(name=info.name, options=given).text, **fixed}


def _command(scenario: Scenario, scale: str | None, cell: Cell) -> str:
    words = ["alsatian-bench", "run", scenario.name]
    if scale is not None:
        words += ["--scale", scale]
    for axis, values in scenario.axes.items():
        if len(values) > 1:
            words += ["--filter", f"{axis}={PARAMETERS[axis].text(cell.parameters[axis])}"]
    return shlex.join([*words, "--force"])
