"""Which cell of one version's scenario is which of another's."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath

_OF_THE_VERSION = ("specification", "options")
"""Numbers of versions, and options: a system's own choice of them may change with the code, and
those that a scenario asks for are in the label."""

_PLACES = ("path", "vocabulary", "weights", "models_path")
"""Absolute, and other ones in each checkout: the last name counts."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """One system on one search, as one version of the code describes it."""

    scenario: str
    scale: str | None
    label: str
    """The system with the options that it does not have by itself."""
    spec: Mapping[str, object]
    """The resolved parameters; those that only one version has are not compared."""

    @property
    def title(self) -> str:
        """For sentences: ``Alsatian in gate``."""
        return f"{self.label} in {self.scenario}" + (
            f" at scale {self.scale}" if self.scale else ""
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Pairing:
    """Cells by their places in the two sequences that were paired."""

    pairs: tuple[tuple[int, int], ...]
    missing: tuple[int, ...]
    """Of base's cells, those that head has not."""
    new: tuple[int, ...]
    """Of head's cells, those that base has not."""
    problems: tuple[str, ...]
    """A sentence for each group of cells that cannot be told apart; they are in no pair."""


def pair_cells(
    base: Sequence[Cell], head: Sequence[Cell], *, names: tuple[str, str] = ("base", "head")
) -> Pairing:
    """Pair the cells that ask for the same: scenario, scale, system and parameters.

    Parameters that only one version knows cannot tell cells apart and are left out. ``names``
    are what the sides are called in sentences.
    """
    common = parameters(base) & parameters(head) if base and head else set()
    by_key: dict[str, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
    for side, cells in enumerate((base, head)):
        for place, cell in enumerate(cells):
            by_key[_key(cell, common)][side].append(place)
    pairs, missing, new, problems = [], [], [], []
    for of_base, of_head in by_key.values():
        if len(of_base) == len(of_head) == 1:
            pairs.append((of_base[0], of_head[0]))
        elif not of_head:
            missing += of_base
        elif not of_base:
            new += of_head
        else:
            title = base[of_base[0]].title
            problems.append(
                f"{title}: {names[0]} has {len(of_base)} such cells and {names[1]} "
                f"{len(of_head)}, told apart only by what the other does not know, so that they "
                "cannot be paired."
            )
    return Pairing(
        pairs=tuple(sorted(pairs)), missing=tuple(missing), new=tuple(new), problems=tuple(problems)
    )


def parameters(cells: Sequence[Cell]) -> set[str]:
    """The parameters that tell these cells apart, whatever they are."""
    return {name for cell in cells for name in cell.spec if name not in _OF_THE_VERSION}


def _key(cell: Cell, common: set[str]) -> str:
    values = {name: _portable(name, cell.spec.get(name)) for name in common}
    return json.dumps([cell.scenario, cell.scale, cell.label, values], sort_keys=True)


def _portable(name: str, value: object) -> object:
    is_place = name in _PLACES and isinstance(value, str)
    return PurePath(value).name if is_place and isinstance(value, str) else value
