"""YAML text as plain values that know their lines."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import yaml

from scenarios.errors import Problems

Scalar: TypeAlias = str | int | float | bool | None

MOST_NODES = 20_000
"""More is no scenario; aliases of aliases can unfold to any number."""
DEEPEST = 8
MERGE_TAG = "tag:yaml.org,2002:merge"
PLAIN_TAGS = ("tag:yaml.org,2002:seq", "tag:yaml.org,2002:map")


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    """A value of the document; a key's line is its value's line."""

    line: int
    value: Scalar | tuple[Node, ...] | dict[str, Node]

    @property
    def is_scalar(self) -> bool:
        """Whether it is a single value: neither a list nor a mapping."""
        return not isinstance(self.value, tuple | dict)


def read_document(text: str, problems: Problems) -> Node | None:
    """What ``yaml.safe_load`` would give, with lines; mistakes are added to ``problems``.

    Returns:
        The document, without the parts that could not be read; None if there is none.
    """
    loader = None
    try:
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
        return None if root is None else _Reader(loader, problems).node(root)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problems.add(
            mark.line + 1 if mark else None,
            f"This is not YAML: {' '.join(filter(None, (error.context, error.problem)))}.",
        )
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        character = f"U+{error.character:04X}"
        problems.add(line, f"This is not YAML: the character {character} is not allowed.")
    except (_TooLargeError, RecursionError):
        problems.add(None, "The file is nested too deep or unfolds to too much for a scenario.")
    finally:
        if loader is not None:
            loader.dispose()
    return None


class _TooLargeError(Exception):
    """The document has more nodes, or more levels, than any scenario needs."""


class _Reader:
    def __init__(self, loader: yaml.SafeLoader, problems: Problems) -> None:
        self._loader = loader
        self._problems = problems
        self._nodes = 0

    def node(self, node: yaml.Node, *, line: int | None = None, depth: int = 0) -> Node | None:
        """``node`` as a value; None, with a problem added, where it cannot be read."""
        self._nodes += 1
        if self._nodes > MOST_NODES or depth > DEEPEST:
            raise _TooLargeError
        line = line or node.start_mark.line + 1
        if isinstance(node, yaml.CollectionNode) and node.tag not in PLAIN_TAGS:
            self._problems.add(line, f"The tag {node.tag} is not used in scenarios: remove it.")
            return None
        if isinstance(node, yaml.SequenceNode):
            items = (self.node(child, depth=depth + 1) for child in node.value)
            return Node(line=line, value=tuple(item for item in items if item is not None))
        if isinstance(node, yaml.MappingNode):
            return Node(line=line, value=dict(self._entries(node, depth)))
        return self._scalar(node, line)

    def _entries(self, node: yaml.MappingNode, depth: int) -> Iterator[tuple[str, Node]]:
        first_lines: dict[str, int] = {}
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                self._problems.add(line, "A key must be a word, not a list or a mapping.")
            elif key.tag == MERGE_TAG:
                self._problems.add(line, "'<<' is not used in scenarios: write the entries out.")
            elif key.value in first_lines:
                self._problems.add(
                    line, f"'{key.value}' is given twice, first in line {first_lines[key.value]}."
                )
            else:
                first_lines[key.value] = line
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != MERGE_TAG:
                child = self.node(value, line=key.start_mark.line + 1, depth=depth + 1)
                if child is not None:
                    yield key.value, child

    def _scalar(self, node: yaml.Node, line: int) -> Node | None:
        try:
            value = self._loader.construct_object(node)
        except (ValueError, yaml.constructor.ConstructorError):
            self._problems.add(line, f"'{node.value}' cannot be read as {node.tag}.")
            return None
        if isinstance(value, float) and math.isnan(value):
            self._problems.add(line, "nan is not a value.")
            return None
        if value is not None and not isinstance(value, str | int | float | bool):
            self._problems.add(
                line, f"'{node.value}' is read as a {type(value).__name__}: put it in quotes."
            )
            return None
        return Node(line=line, value=value)
