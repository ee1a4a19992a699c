"""What one run is told, and its identity; torch-free."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from harness.probe_rules import check_probe
from harness.resolving import SpecError, complete, resolve_inputs, resolve_system
from scenarios.loading import find_scenario, load_scenario
from scenarios.matrix import Cell, expand, parse_changes, parse_filters
from scenarios.parameters import PARAMETERS, SYSTEM_OPTIONS, Value
from scenarios.scenario import Scenario
from systems.data.datasets import available_datasets
from systems.errors import ConfigurationError
from systems.models.architectures import ARCHITECTURES
from systems.models.lineage import DISTRIBUTIONS
from systems.models.snapshot_families import SNAPSHOT_FAMILIES
from systems.registry import available_systems, system_info
from systems.scoring.registry import available_scorers

SPECIFICATION = 3
"""Version of what the parameters mean; raising it gives every run a new identity."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunSpec:
    """Everything that one run is told; every parameter has its final value.

    The meanings and units are those of ``scenarios.parameters``.
    """

    system: str
    """Its name, never an alias."""
    options: Mapping[str, Value] = field(hash=False)
    """A value for each option that the system understands, and for no other."""
    architecture: str
    """One, or several joined by ``+``; with their resolutions, where these differ."""
    model_set: str
    models_path: str | None
    """Absolute; None for all but ``snapshots``."""
    distribution: str | None
    """None for ``snapshots``."""
    tasks: str | None
    """None for all but ``trained``, like the following two."""
    train_epochs: int | None
    train_items: int | None
    models: int
    model_seed: int
    weights: str | None
    dataset: str
    path: str | None
    """Absolute, like ``vocabulary`` and a file of ``weights``."""
    vocabulary: str | None
    items: int
    test_fraction: float
    data_seed: int
    resolution: int | None
    """In pixels; None for text, and where the architectures have different ones."""
    sequence_length: int | None
    """In tokens; None for images."""
    scorer: str
    part: str
    part_input: str | None
    """None where all blocks are run."""
    head_classes: int | None
    batch_size: int | str
    """``auto`` until ``harness.tuning`` has put a number there."""
    device: str
    threads: int | None
    memory_format: str
    data_workers: int | str
    """``auto`` is chosen in the run."""
    fold_batch_norm: bool
    decoded_budget: int | None
    allow_tiny: bool
    cache: str
    store_bandwidth: int | None
    memory_limit: int | None
    gpu_allocator_cap: int | None
    cores: int | None
    precision: str
    compile: bool
    warm_up: int
    telemetry: bool
    profile: bool
    wall_limit_s: float
    """No part of the identity."""
    chosen: Mapping[str, Any] = field(default_factory=dict, hash=False, compare=False)
    """How values that the scenario leaves open were chosen, by parameter; no part of the
    identity either, for the values are."""

    @classmethod
    def from_cell(cls, cell: Cell, *, folder: Path | None = None) -> RunSpec:
        """Resolve a cell: aliases, options, defaults and paths.

        Args:
            cell: parameters by name.
            folder: where relative paths are looked for, before the current directory.

        Raises:
            SpecError: a value breaks a rule, two do not go together, or the system does not
                understand an option that is given with it.
        """
        values = complete(cell)
        system, options = resolve_system(values)
        check_probe(system, values)
        values.update(resolve_inputs(values, folder=folder or Path()))
        wall_limit_s = values.pop("wall_limit")
        rest = {name: value for name, value in values.items() if name not in SYSTEM_OPTIONS}
        rest["system"] = system
        return cls(options=options, wall_limit_s=wall_limit_s, **rest)

    def canonical(self) -> dict[str, Any]:
        """All that can influence the run, in plain JSON types, sorted by name."""
        values = {"specification": SPECIFICATION, **asdict(self)}
        del values["wall_limit_s"], values["chosen"]
        values["options"] = dict(sorted(self.options.items()))
        return dict(sorted(values.items()))

    @property
    def identity(self) -> str:
        """SHA-256 of the canonical specification, in hexadecimal digits."""
        text = json.dumps(self.canonical(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def label(self) -> str:
        """The system for tables and figures, with the options that it does not have itself.

        For example ``Base + decode_once`` or ``Alsatian + cache_budget=64 MiB``.
        """
        info = system_info(self.system)
        parts = [info.label]
        strong = {"decode_once": True, "prefetch": True}
        is_strong = self.system == "baseline" and strong.items() <= self.options.items()
        if is_strong:
            parts = [f"{info.label} (strong)"]
        for option, value in self.options.items():
            if is_strong and option in strong:
                continue
            if value != info.options[option]:
                text = PARAMETERS[option].text(value)
                parts.append(option if value is True else f"{option}={text}")
        return " + ".join(parts)

    @property
    def summary(self) -> str:
        """The run in one line, for a person."""
        shape = f" at {self.resolution} px" if self.resolution else ""
        of = " of " if "+" in self.architecture else " × "
        most = "up to " if self.model_set == "snapshots" else ""
        return (
            f"{self.label}: {most}{self.models}{of}{self.architecture}, "
            f"{self.distribution or self.model_set}, "
            f"{self.items} items of {self.dataset}{shape}, {self.device}"
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class RunPlan:
    """The different runs of a scenario, in order, and what became of the other cells."""

    scenario: Scenario
    """At the scale that was asked for."""
    specs: tuple[RunSpec, ...]
    excluded: tuple[tuple[Mapping[str, Value], str], ...]
    """Parameters and reason."""
    merged: int
    """Cells that ask for the same run as another one."""


def vocabulary() -> Mapping[str, Collection[str]]:
    """The names that the parameters of a scenario can be set to (for ``load_scenario``)."""
    infos = available_systems().values()
    return {
        "systems": [name for info in infos for name in (info.name, *info.aliases)],
        "architectures": [*ARCHITECTURES, *SNAPSHOT_FAMILIES],
        "distributions": list(DISTRIBUTIONS),
        "datasets": list(available_datasets()),
        "scorers": list(available_scorers()),
    }


def run_specs(scenario: Scenario, filters: Mapping[str, Set[str]] | None = None) -> RunPlan:
    """The runs that a scenario asks for; cells that ask for the same run become one.

    Raises:
        ScenarioError: the filters do not fit the scenario.
        ConfigurationError: cells cannot be run; all reasons, each with its line.
    """
    expansion = expand(scenario, _without_aliases(scenario, filters or {}))
    specs: dict[str, RunSpec] = {}
    problems: dict[str, None] = {}
    for cell in expansion.cells:
        try:
            spec = RunSpec.from_cell(cell, folder=scenario.path.parent)
        except SpecError as error:
            problems[f"{scenario.where(error.parameter, error.value)}: {error}"] = None
        else:
            specs.setdefault(spec.identity, spec)
    if problems:
        raise ConfigurationError("\n".join(problems))
    return RunPlan(
        scenario=scenario,
        specs=tuple(specs.values()),
        excluded=expansion.excluded,
        merged=len(expansion.cells) - len(specs),
    )


def plan_runs(
    name_or_path: str,
    *,
    filters: Sequence[str] = (),
    scale: str | None = None,
    changes: Sequence[str] = (),
) -> RunPlan:
    """The runs of a shipped scenario or a file, with filters and changes as on a command line.

    Raises:
        ScenarioError: no such scenario, or it, a filter, a change or the scale is not right.
        ConfigurationError: cells cannot be run; all reasons, each with its line.
    """
    scenario = load_scenario(find_scenario(name_or_path), vocabulary())
    scenario = scenario.at_scale(scale).changed(parse_changes(changes))
    return run_specs(scenario, parse_filters(filters))


def _without_aliases(scenario: Scenario, filters: Mapping[str, Set[str]]) -> Mapping[str, Set[str]]:
    """``filters``, where an alias that the system axis does not have stands for its system."""
    names = {alias: info.name for info in available_systems().values() for alias in info.aliases}
    known = scenario.axes.get("system", ())
    systems = {
        text if text in known else names.get(text, text) for text in filters.get("system", ())
    }
    return {**filters, "system": systems} if systems else filters
