"""Reads the parts of a scenario document, and says what is wrong with each, with its line.

Every rule that is broken adds a sentence to the problems; reading goes on, so that all
mistakes of a file are found at once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from scenarios.architecture_choice import ArchitectureChoice
from scenarios.document import Node
from scenarios.errors import Problems, did_you_mean
from scenarios.parameters import PARAMETERS, Parameter, Value
from scenarios.shares import parse_share
from scenarios.system_choice import SystemChoice

TOP_LEVEL = (
    "name",
    "title",
    "description",
    "matrix",
    "zip",
    "fixed",
    "rounds",
    "monotone",
    "exclude",
    "tolerance",
    "scales",
)
"""The keys of a scenario."""


class Reader:
    """Reads values; ``vocabulary`` has the names that parameters can be set to."""

    def __init__(self, vocabulary: Mapping[str, Collection[str]], problems: Problems) -> None:
        self._vocabulary = vocabulary
        self._problems = problems
        self.lines: dict[tuple[str, Value], int] = {}
        """(parameter, value) to the first line that gives it."""

    def entries(self, node: Node | None, what: str) -> Mapping[str, Node]:
        """The entries of a mapping; none where ``node`` is absent or something else."""
        if node is None:
            return {}
        if isinstance(node.value, dict):
            return node.value
        self._problems.add(node.line, f"{what} must be a mapping (key: value).")
        return {}

    def items(self, node: Node | None, what: str) -> tuple[Node, ...]:
        """The items of a list; none where ``node`` is absent or something else."""
        if node is None:
            return ()
        if isinstance(node.value, tuple):
            return node.value
        self._problems.add(node.line, f"{what} must be a list (- entry).")
        return ()

    def text(self, entries: Mapping[str, Node], key: str, *, required_at: int | None = None) -> str:
        """The text under ``key``; where it is missing, a problem if ``required_at`` a line."""
        node = entries.get(key)
        if node is None:
            if required_at is not None:
                self._problems.add(required_at, f"'{key}' is missing: give it as a line of text.")
            return ""
        if not isinstance(node.value, str) or not node.value.strip():
            rule = "must be text" if node.value in (None, "") else "must be text: put it in quotes"
            self._problems.add(node.line, f"'{key}' {rule}.")
            return ""
        return node.value.strip()

    def rounds(self, node: Node | None) -> int | None:
        """The number of rounds, at least 1; None where none is given."""
        if node is None:
            return None
        if isinstance(node.value, int) and not isinstance(node.value, bool) and node.value >= 1:
            return node.value
        self._problems.add(node.line, "'rounds' must be a whole number of at least 1.")
        return None

    def tolerance(self, node: Node | None) -> Mapping[str, float]:
        """By system: the relative change of its time that the gate lets pass."""
        found = {}
        for system, child in self.entries(node, "'tolerance'").items():
            known = self._vocabulary["systems"]
            if system not in known:
                fix = did_you_mean(system, known)
                self._problems.add(
                    child.line, f"There is no system '{system}' (in tolerance). {fix}"
                )
                continue
            try:
                found[system] = parse_share(child.value if child.is_scalar else "…")
            except ValueError as error:
                self._problems.add(child.line, f"tolerance of {system}: {error}")
        return found

    def parameters(self, entries: Mapping[str, Node], section: str) -> Mapping[str, Node]:
        """Those of ``entries`` that are run parameters; the others are problems."""
        for name, node in entries.items():
            if name in PARAMETERS:
                continue
            message = f"There is no run parameter '{name}' (in {section})."
            if name in TOP_LEVEL:
                message = f"'{name}' does not belong in {section}: it stands at the top level."
            else:
                message = f"{message} {did_you_mean(name, PARAMETERS)}"
            self._problems.add(node.line, message)
        return {name: node for name, node in entries.items() if name in PARAMETERS}

    def axis(self, name: str, node: Node, section: str) -> tuple[Value, ...]:
        """The values of an axis; those that break a rule are left out."""
        if not isinstance(node.value, tuple):
            shown = node.value if isinstance(node.value, str | int | float) else "…"
            fix = f"write '{name}: [{shown}]', or move it to fixed"
            self._problems.add(node.line, f"'{name}' in {section} must be a list: {fix}.")
            return ()
        if not node.value:
            self._problems.add(node.line, f"The axis '{name}' is empty: give at least one value.")
        return tuple(value for item in node.value for value in self.value(name, item))

    def unique_axis(self, name: str, node: Node, section: str) -> tuple[Value, ...]:
        """The values of an axis that must not repeat any."""
        values = self.axis(name, node, section)
        for value in sorted({v for v in values if values.count(v) > 1}, key=str):
            text = PARAMETERS[name].text(value)
            self._problems.add(node.line, f"The axis '{name}' has '{text}' more than once.")
        return values

    def fixed(self, name: str, node: Node, section: str) -> tuple[Value, ...]:
        """The one value of a fixed parameter, or none where it breaks a rule."""
        if isinstance(node.value, tuple):
            fix = "move it to matrix to run them all, or give one value"
            self._problems.add(node.line, f"'{name}' in {section} is a list: {fix}.")
            return ()
        return self.value(name, node)

    def value(self, name: str, node: Node) -> tuple[Value, ...]:
        """The one value in ``node``, or none where it breaks a rule."""
        parameter = PARAMETERS[name]
        if isinstance(node.value, tuple | dict):
            self._problems.add(node.line, f"A value of '{name}' must be a single value.")
            return ()
        try:
            value = self._named(parameter, parameter.parse(node.value))
        except ValueError as error:
            self._problems.add(node.line, str(error))
            return ()
        self.lines.setdefault((name, value), node.line)
        return (value,)

    def pairs(self, name: str, node: Node, section: str) -> Iterator[tuple[Value, Value]]:
        """A mapping of values of one parameter to others of it, whatever their names."""
        parameter = PARAMETERS[name]
        for key, child in self.entries(node, f"'{name}' in {section}").items():
            try:
                yield parameter.parse_text(key), parameter.parse(child.value)
            except ValueError as error:
                self._problems.add(child.line, str(error))

    def _named(self, parameter: Parameter, value: Value) -> Value:
        """``value``, once the vocabulary has it; a system in its normal form."""
        if parameter.vocabulary is None or not isinstance(value, str):
            return value
        known = self._vocabulary[parameter.vocabulary]
        if parameter.name == "system":
            return SystemChoice.parse(value, known).text
        if parameter.name == "architecture":
            return ArchitectureChoice.parse(value, known).text
        if value not in known:
            raise ValueError(
                f"There is no {parameter.name} '{value}'. {did_you_mean(value, known)}"
            )
        return known[value] if isinstance(known, Mapping) else value
