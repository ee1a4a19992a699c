"""From a scenario to its cells: products, zips, exclusions and filters; pure."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from scenarios.architecture_choice import ArchitectureChoice
from scenarios.errors import Problem, ScenarioError, did_you_mean, nearest
from scenarios.parameters import PARAMETERS, Value
from scenarios.scenario import Axes, Scenario, value_in
from scenarios.system_choice import SystemChoice

MOST_CELLS = 100_000
"""A matrix beyond this is a slip of the pen: it would run for years."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """One combination: all parameters that the scenario gives, not the defaults."""

    parameters: Mapping[str, Value]


@dataclass(frozen=True, kw_only=True, slots=True)
class Expansion:
    """The cells to run, and those left out, in the order of the file."""

    cells: tuple[Cell, ...]
    excluded: tuple[tuple[Mapping[str, Value], str], ...]
    """Parameters and reason."""


def parse_filters(texts: Sequence[str]) -> dict[str, set[str]]:
    """Read ``axis=value[,value]``; what is given for one axis several times adds up.

    Raises:
        ScenarioError: no ``=``, no value, or no such parameter.
    """
    filters: dict[str, set[str]] = {}
    for text in texts:
        axis, equals, values = text.partition("=")
        axis = axis.strip()
        wanted = {value.strip() for value in values.split(",")} - {""}
        if not equals or not wanted:
            _refuse(f"The filter '{text}' must have the form axis=value or axis=value,value.")
        if axis not in PARAMETERS:
            _refuse(f"There is no axis '{axis}' to filter by. {did_you_mean(axis, PARAMETERS)}")
        filters.setdefault(axis, set()).update(wanted)
    return filters


def parse_changes(texts: Sequence[str]) -> dict[str, Value]:
    """Read ``parameter=value``, each parameter once.

    Raises:
        ScenarioError: no ``=``, no such parameter, a value that breaks its rule, or two values.
    """
    changes: dict[str, Value] = {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals:
            _refuse(f"The change '{text}' must have the form parameter=value.")
        if name not in PARAMETERS:
            _refuse(f"There is no parameter '{name}' to set. {did_you_mean(name, PARAMETERS)}")
        if name in changes:
            _refuse(f"The parameter '{name}' is set twice: remove one of them.")
        try:
            changes[name] = PARAMETERS[name].parse_text(value)
        except ValueError as error:
            _refuse(f"{name}={value} cannot be set. {error}")
    return changes


def expand(scenario: Scenario, filters: Mapping[str, Set[str]] | None = None) -> Expansion:
    """All cells of ``scenario`` that pass the filters, the system varying fastest.

    A cell passes if, for each filtered parameter, its value is one of the filter's; values
    are texts, as on a command line. The order depends on the scenario alone.

    Raises:
        ScenarioError: a filter names a value that no cell has, the filters or exclusions
            leave no cell, or the matrix is too large.
    """
    parts: list[Axes] = [{axis: values} for axis, values in scenario.matrix.items()]
    parts = sorted([*parts, *scenario.zips], key=lambda part: "system" in part)
    tables = [_rows(part) for part in parts]
    if math.prod(map(len, tables)) > MOST_CELLS:
        _refuse(f"The matrix has more than {MOST_CELLS:,} cells.", scenario.path)
    wanted = {axis: _wanted(scenario, axis, texts) for axis, texts in (filters or {}).items()}
    cells: list[Cell] = []
    excluded: list[tuple[Mapping[str, Value], str]] = []
    for rows in itertools.product(*tables):
        cell = dict(scenario.fixed)
        for row in rows:
            cell.update(row)
        if any(value_in(cell, axis) not in values for axis, values in wanted.items()):
            continue
        reasons = [entry.reason for entry in scenario.exclusions if entry.matches(cell)]
        if reasons:
            excluded.append((cell, reasons[0]))
        else:
            cells.append(Cell(parameters=cell))
    if not cells:
        _refuse(_nothing_left(scenario, filters or {}, [reason for _, reason in excluded]))
    return Expansion(cells=tuple(cells), excluded=tuple(excluded))


def _rows(part: Axes) -> list[dict[str, Value]]:
    return [dict(zip(part, row, strict=True)) for row in zip(*part.values(), strict=True)]


def _wanted(scenario: Scenario, axis: str, texts: Set[str]) -> set[Value]:
    parameter = PARAMETERS[axis]
    known = scenario.axes.get(axis, (value_in(scenario.fixed, axis),))
    wanted: set[Value] = set()
    for text in sorted(texts):
        try:
            value = parameter.parse_text(text)
            if axis == "system":
                value = SystemChoice.parse(text).text
            if axis == "architecture":
                value = ArchitectureChoice.parse(text).text
        except ValueError as error:
            _refuse(f"The filter {axis}={text} cannot be used. {error}")
        if value not in known:
            choices = [parameter.text(each) for each in known]
            near = nearest(text, choices)
            _refuse(
                f"No run of '{scenario.name}' has {axis}={text}. "
                f"The values of '{axis}' are: {', '.join(choices)}."
                + (f" Did you mean '{near}'?" if near else "")
            )
        wanted.add(value)
    return wanted


def _nothing_left(scenario: Scenario, filters: Mapping[str, Set[str]], reasons: list[str]) -> str:
    message = f"No run of '{scenario.name}' is left"
    if filters:
        asked = ", ".join(f"{axis}={','.join(sorted(texts))}" for axis, texts in filters.items())
        message += f" by the filters {asked}: no cell has all of these together"
    if reasons:
        message += f"; excluded: {', '.join(sorted(set(reasons)))}"
    return f"{message}."


def _refuse(message: str, path: Path | None = None) -> NoReturn:
    raise ScenarioError([Problem(line=None, message=message)], path=path)
