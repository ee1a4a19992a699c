"""The form of a scenario file, section by section."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from scenarios.document import Node
from scenarios.errors import Problems, did_you_mean
from scenarios.parameters import PARAMETERS, Value
from scenarios.reading import TOP_LEVEL, Reader
from scenarios.scenario import GROWING, Axes, Exclusion, Scale, Scenario

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


class Schema:
    """Reads the sections of one document.

    =============  ==================================================================
    name           a short name; also the folder of the runs
    title          one line for tables and figures
    description    what the scenario is for (optional, like all that follows)
    matrix         parameter: list of values; every combination is run
    zip            list of mappings like matrix, whose lists are walked side by side
    fixed          parameter: the value that all runs have
    rounds         how often each run is repeated (1)
    monotone       list of parameters: once a run is out of memory, runs with larger values
                   of them and all else equal are skipped
    exclude        list of mappings parameter: value or values, and the reason
    tolerance      system: change of its time that the gate lets pass (5%)
    scales         name: values that replace those of matrix and fixed (``--scale``), rounds,
                   and stands_for, parameter: {value: the published value that it stands for}
    =============  ==================================================================
    """

    def __init__(self, vocabulary: Mapping[str, Collection[str]], problems: Problems) -> None:
        self._problems = problems
        self._reader = Reader(vocabulary, problems)
        self._given: dict[str, str] = {}  # parameter to the section that gives it

    def read(self, root: Node, path: Path) -> Scenario:
        """The scenario in ``root``.

        Raises:
            ScenarioError: rules are broken; all of them are named.
        """
        top = self._reader.entries(root, "A scenario")
        self._problems.raise_if_any()
        for key in top.keys() - set(TOP_LEVEL):
            self._problems.add(top[key].line, _unknown_key(key))
        scenario = Scenario(
            name=self._name(top, root.line),
            title=self._reader.text(top, "title", required_at=root.line),
            description=self._reader.text(top, "description"),
            path=path,
            matrix=self._matrix(top.get("matrix")),
            zips=tuple(self._zips(top.get("zip"))),
            fixed=self._fixed(top.get("fixed")),
            rounds=self._reader.rounds(top.get("rounds")) or 1,
            monotone=self._monotone(top.get("monotone")),
            exclusions=tuple(self._exclusions(top.get("exclude"))),
            tolerance=self._reader.tolerance(top.get("tolerance")),
            scales=dict(self._scales(top.get("scales"))),
            lines=self._reader.lines,
        )
        self._check_complete(root.line)
        self._problems.raise_if_any()
        return scenario

    def _name(self, top: Mapping[str, Node], line: int) -> str:
        name = self._reader.text(top, "name", required_at=line)
        if name and not NAME.fullmatch(name):
            rule = "lower-case letters, digits, _ and -; at most 64; a letter or digit first"
            self._problems.add(top["name"].line, f"The name '{name}' breaks the rule: {rule}.")
        return name

    def _matrix(self, node: Node | None) -> Axes:
        entries = self._claimed(self._reader.entries(node, "'matrix'"), "matrix")
        return {
            name: self._reader.unique_axis(name, values, "matrix")
            for name, values in entries.items()
        }

    def _zips(self, node: Node | None) -> Iterator[Axes]:
        for part in self._reader.items(node, "'zip'"):
            entries = self._claimed(self._reader.entries(part, "An entry of 'zip'"), "zip")
            if part.value == {}:
                self._problems.add(part.line, "An entry of 'zip' is empty: give it axes.")
            yield {name: self._reader.axis(name, values, "zip") for name, values in entries.items()}

    def _fixed(self, node: Node | None) -> Mapping[str, Value]:
        entries = self._claimed(self._reader.entries(node, "'fixed'"), "fixed")
        return {
            name: value
            for name, child in entries.items()
            for value in self._reader.fixed(name, child, "fixed")
        }

    def _monotone(self, node: Node | None) -> tuple[str, ...]:
        names: list[str] = []
        for item in self._reader.items(node, "'monotone'"):
            name = item.value
            if not isinstance(name, str) or name not in GROWING:
                shown = name if isinstance(name, str | int | float) else "…"
                known = f"Memory is sure to grow with {', '.join(GROWING)} only."
                self._problems.add(item.line, f"'{shown}' cannot be monotone. {known}")
            elif name in names:
                self._problems.add(item.line, f"'{name}' is in monotone twice: remove one of them.")
            else:
                names.append(name)
        return tuple(names)

    def _exclusions(self, node: Node | None) -> Iterator[Exclusion]:
        for entry in self._reader.items(node, "'exclude'"):
            entries = dict(self._reader.entries(entry, "An entry of 'exclude'"))
            reason = self._reader.text(entries, "reason", required_at=entry.line)
            entries.pop("reason", None)
            if not entries:
                message = "The exclusion names no parameter and would exclude every run."
                self._problems.add(entry.line, message)
            values: dict[str, tuple[Value, ...]] = {}
            for name, child in self._reader.parameters(entries, "exclude").items():
                items = child.value if isinstance(child.value, tuple) else (child,)
                if not items:
                    self._problems.add(child.line, f"'{name}' in exclude has no values.")
                values[name] = tuple(v for item in items for v in self._reader.value(name, item))
            yield Exclusion(values=values, reason=reason, line=entry.line)

    def _scales(self, node: Node | None) -> Iterator[tuple[str, Scale]]:
        for name, entry in self._reader.entries(node, "'scales'").items():
            section = f"the scale '{name}'"
            entries = dict(self._reader.entries(entry, f"The scale '{name}'"))
            rounds = self._reader.rounds(entries.pop("rounds", None))
            stands_for = self._stands_for(entries.pop("stands_for", None), section)
            fixed: dict[str, Value] = {}
            axes: dict[str, tuple[Value, ...]] = {}
            for parameter, child in self._reader.parameters(entries, section).items():
                if isinstance(child.value, tuple):
                    axes[parameter] = self._reader.axis(parameter, child, section)
                else:
                    for value in self._reader.value(parameter, child):
                        fixed[parameter] = value
            yield (
                name,
                Scale(
                    fixed=fixed, axes=axes, rounds=rounds, stands_for=stands_for, line=entry.line
                ),
            )

    def _stands_for(self, node: Node | None, section: str) -> Mapping[str, Mapping[Value, Value]]:
        what = f"'stands_for' in {section}"
        entries = self._reader.parameters(self._reader.entries(node, what), what)
        return {
            name: dict(self._reader.pairs(name, child, what)) for name, child in entries.items()
        }

    def _claimed(self, entries: Mapping[str, Node], section: str) -> Mapping[str, Node]:
        """The run parameters in ``entries``; one that is given already is a problem."""
        parameters = self._reader.parameters(entries, section)
        for name, node in parameters.items():
            if name in self._given:
                places = f"in {self._given[name]} and in {section}"
                if self._given[name] == section:
                    places = f"twice in {section}"
                self._problems.add(node.line, f"'{name}' is given {places}: remove one of them.")
            self._given.setdefault(name, section)
        return parameters

    def _check_complete(self, line: int) -> None:
        for parameter in PARAMETERS.values():
            if parameter.required and parameter.name not in self._given:
                rule = "give one value in fixed, or a list in matrix"
                self._problems.add(line, f"The parameter '{parameter.name}' is missing: {rule}.")


def _unknown_key(key: str) -> str:
    if key in PARAMETERS:
        return f"'{key}' is a run parameter: move it to fixed, or to matrix as a list."
    return f"There is no key '{key}'. {did_you_mean(key, TOP_LEVEL)}"
