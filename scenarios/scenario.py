"""What a scenario file says, checked: axes, fixed values, exclusions and scales."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from scenarios.errors import Problem, ScenarioError, did_you_mean
from scenarios.parameters import PARAMETERS, Value

Axes = Mapping[str, tuple[Value, ...]]
"""Parameter to its values, in the order of the file."""

GROWING = ("models", "items", "resolution", "sequence_length", "batch_size")
"""Parameters with which the memory that a search needs never shrinks."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Exclusion:
    """Cells that are left out: those that have one of the values in *every* parameter."""

    values: Axes
    reason: str
    line: int | None = None

    def matches(self, cell: Mapping[str, Value]) -> bool:
        """Whether the exclusion leaves out ``cell``, a mapping of all that is given."""
        return all(value_in(cell, name) in values for name, values in self.values.items())


@dataclass(frozen=True, kw_only=True, slots=True)
class Scale:
    """Other values for a smaller or larger machine: ``--scale``."""

    fixed: Mapping[str, Value] = field(default_factory=dict)
    axes: Axes = field(default_factory=dict)
    rounds: int | None = None
    stands_for: Mapping[str, Mapping[Value, Value]] = field(default_factory=dict)
    """By parameter: a value of this scale to the value at the paper's scale that it stands for."""
    line: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Scenario:
    """A matrix of runs: the product of the axes, of which zipped ones move together."""

    name: str
    """Names the folder of the runs too: lower-case letters, digits, ``_`` and ``-``."""
    title: str
    description: str = ""
    path: Path
    """The file that it was read from."""
    matrix: Axes = field(default_factory=dict)
    zips: tuple[Axes, ...] = ()
    fixed: Mapping[str, Value] = field(default_factory=dict)
    rounds: int = 1
    monotone: tuple[str, ...] = ()
    """Those of ``GROWING`` along which runs are skipped after one was out of memory."""
    exclusions: tuple[Exclusion, ...] = ()
    tolerance: Mapping[str, float] = field(default_factory=dict)
    """By system: the relative change of its time that the gate lets pass."""
    scales: Mapping[str, Scale] = field(default_factory=dict)
    scale: str | None = None
    """The scale that has been applied."""
    stands_for: Mapping[str, Mapping[Value, Value]] = field(default_factory=dict)
    """What the values of that scale stand for; see ``Scale``."""
    lines: Mapping[tuple[str, Value], int] = field(default_factory=dict)
    """(parameter, value) to the line of the file that gives it."""

    @property
    def runs_name(self) -> str:
        """Name of the folder of its runs: those of different scales lie apart."""
        return f"{self.name}@{self.scale}" if self.scale else self.name

    @property
    def axes(self) -> Axes:
        """All axes, zipped or not, each with its different values."""
        columns = {**self.matrix, **{name: row for part in self.zips for name, row in part.items()}}
        return {name: tuple(dict.fromkeys(values)) for name, values in columns.items()}

    def at_scale(self, name: str | None) -> Scenario:
        """The scenario with the values of one of its scales; itself for None.

        A scalar fixes the parameter; a list becomes its axis, in place where it has one.

        Raises:
            ScenarioError: there is no such scale.
        """
        if name is None:
            return self
        if name not in self.scales:
            known = did_you_mean(name, self.scales) if self.scales else "It has no scales."
            message = f"The scenario '{self.name}' has no scale '{name}'. {known}"
            raise ScenarioError([Problem(line=None, message=message)], path=self.path)
        scale = self.scales[name]
        zips = tuple(filter(None, (_rescaled(part, scale) for part in self.zips)))
        zipped = {axis for part in zips for axis in part}
        new_axes = {axis: row for axis, row in scale.axes.items() if axis not in zipped}
        matrix = {**_rescaled(self.matrix, scale), **new_axes}
        fixed = {key: value for key, value in self.fixed.items() if key not in scale.axes}
        return replace(
            self,
            matrix=matrix,
            zips=zips,
            fixed={**fixed, **scale.fixed},
            rounds=scale.rounds or self.rounds,
            stands_for=scale.stands_for,
            scale=name,
        )

    def changed(self, values: Mapping[str, Value]) -> Scenario:
        """The scenario with these values in place of what it says, axes included.

        Raises:
            ScenarioError: a value is for an axis that moves with others.
        """
        for part in self.zips:
            for name in part.keys() & values.keys():
                if len(part) > 1:
                    others = ", ".join(other for other in part if other != name)
                    message = f"'{name}' moves with {others}: choose by --filter, or copy the file."
                    raise ScenarioError([Problem(line=None, message=message)], path=self.path)
        return replace(
            self,
            matrix={name: axis for name, axis in self.matrix.items() if name not in values},
            zips=tuple(part for part in self.zips if not part.keys() & values.keys()),
            fixed={**self.fixed, **values},
        )

    def where(self, parameter: str, value: Value = None) -> str:
        """``file:line`` of a value; of the file where nothing in it gives that value."""
        line = self.lines.get((parameter, value))
        return f"{self.path}:{line}" if line else str(self.path)


def value_in(cell: Mapping[str, Value], name: str) -> Value:
    """The value that ``cell`` gives to a parameter, or the parameter's default."""
    return cell.get(name, PARAMETERS[name].default)


def _rescaled(axes: Axes, scale: Scale) -> dict[str, tuple[Value, ...]]:
    return {
        name: scale.axes.get(name, values)
        for name, values in axes.items()
        if name not in scale.fixed
    }
