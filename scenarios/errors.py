"""What is wrong with a scenario, line by line."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One mistake: a sentence with the key or value, the rule and the fix."""

    line: int | None
    """Counted from 1; None where the file as a whole is meant."""
    message: str


class ScenarioError(ValueError):
    """A scenario, or what was asked of it, cannot be used as stated (exit code 2).

    The message has one line per problem, ``file:line: sentence``, in order of line.
    """

    def __init__(self, problems: Sequence[Problem], *, path: Path | None = None) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: problem.line or 0))
        self.path = path
        super().__init__("\n".join(self._sentence(problem) for problem in self.problems))

    def _sentence(self, problem: Problem) -> str:
        where = [str(part) for part in (self.path, problem.line) if part is not None]
        return ": ".join([":".join(where), problem.message] if where else [problem.message])


@dataclass(kw_only=True, slots=True)
class Problems:
    """Collects mistakes, so that a person sees all of a file's at once."""

    path: Path
    found: list[Problem] = field(default_factory=list)

    def add(self, line: int | None, message: str) -> None:
        """Note a mistake; the same one at the same line is noted once."""
        problem = Problem(line=line, message=message)
        if problem not in self.found:
            self.found.append(problem)

    def raise_if_any(self) -> None:
        """Raise all that was noted.

        Raises:
            ScenarioError: something was noted.
        """
        if self.found:
            raise ScenarioError(self.found, path=self.path)


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that ``name`` was probably meant to be."""
    near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.6)
    return near[0] if near else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A closing sentence for an unknown name: the nearest known one, or all of them."""
    choices = sorted(known)
    near = nearest(name, choices)
    return f"Did you mean '{near}'?" if near else f"Known: {', '.join(choices)}."
