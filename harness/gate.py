"""Measures two versions of the code in turns: same machine, same job, fresh processes."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from harness import gate_side
from systems.errors import BenchError, ConfigurationError

RETRIES = 2
"""How often a pair is measured again in which a run was disturbed."""
REPLACED_SHARE = 0.5
"""Of all pairs asked for so far, how many may be measured again."""

_GRACE_S = 15.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """One version of the code, and where its things are."""

    name: str
    """``base`` or ``head``."""
    ref: str
    """As the user gave it."""
    commit: str
    root: Path
    """Its checkout."""
    python: Path
    """The interpreter, with the libraries that are to be used."""
    runs: Path
    cache: Path

    @property
    def title(self) -> str:
        """For sentences: ``base (main)``."""
        return f"{self.name} ({self.ref})"


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What both sides are to run."""

    scenarios: Sequence[str]
    scale: str | None = None
    filters: Sequence[str] = ()
    changes: Sequence[str] = ()
    rounds: int = 16
    """The most that will be asked for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunEnd:
    """How one run ended."""

    status: str
    reason: str | None
    wall_s: float | None


class SideProcess:
    """A process that does runs of one side; a context manager that ends it."""

    def __init__(self, side: Side, request: Request, *, log: Path) -> None:
        self.side = side
        self.tolerances: Mapping[str, Mapping[str, float]] = {}
        """By scenario and system, once it has planned: the change that it lets pass. An older
        version does not say."""
        self._log = log
        own = side.root / "harness" / Path(gate_side.__file__).name
        program = own if own.is_file() else Path(gate_side.__file__)
        paths = [str(side.root), os.environ.get("PYTHONPATH", "")]
        with log.open("wb") as errors:
            try:
                self._process = subprocess.Popen(
                    # -P: the program's own folder is full of modules named as standard ones
                    [str(side.python), "-P", str(program)],
                    cwd=side.root,
                    env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    text=True,
                )
            except OSError as error:
                raise ConfigurationError(
                    f"'{side.python}' cannot be started ({error.strerror}): --{side.name}-python "
                    "takes the path of a Python interpreter that has what the version needs."
                ) from error
        self._send(
            scenarios=list(request.scenarios), scale=request.scale, filters=list(request.filters),
            changes=list(request.changes), rounds=request.rounds, runs=str(side.runs),
            cache=str(side.cache),
        )  # fmt: skip

    def planned(self) -> tuple[list[Mapping[str, Any]], list[str]]:
        """The cells that the side has, and the scenarios that it has not.

        Raises:
            ConfigurationError: the scenario is not right in this version.
            BenchError: this version does not run.
        """
        answer = self._answer("planned")
        self.tolerances = answer.get("tolerances", {})
        return answer["cells"], answer["absent"]

    def prepare(self, cells: Sequence[int]) -> None:
        """Start to make the data and models of the cells."""
        self._send(prepare=list(cells))

    def wait_until_prepared(self) -> None:
        """Return when they are made."""
        self._answer("prepared")

    def run(self, cell: int, number: int) -> RunEnd:
        """Do one run in a fresh process, in place of an earlier one of that round."""
        self._send(cell=cell, round=number)
        answer = self._answer("done")
        return RunEnd(**{name: answer[name] for name in ("status", "reason", "wall_s")})

    def __enter__(self) -> SideProcess:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            self._process.terminate()  # it ends its worker first
        _close(self._process.stdin)
        try:
            self._process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        _close(self._process.stdout)

    def _send(self, **command: object) -> None:
        assert self._process.stdin is not None
        # A process that is gone reads nothing: the answer that does not come says why.
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(command) + "\n")
            self._process.stdin.flush()

    def _answer(self, event: str) -> Mapping[str, Any]:
        """The next answer of that kind."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            answer: Mapping[str, Any] = json.loads(line)
            if answer["event"] == event:
                return answer
            if answer["event"] == "failed":
                kind = ConfigurationError if answer["is_configuration"] else BenchError
                raise kind(f"{self.side.title}: {answer['reason']}")
        code = self._process.wait()
        lines = self._log.read_text(errors="replace").strip().splitlines()
        last = f" It said last: {lines[-1]}" if lines else ""
        raise BenchError(
            f"{self.side.title} cannot be run: its process ended with code {code}.{last} (All it "
            f"said: {self._log}.)"
        )


@dataclass(kw_only=True, slots=True)
class Turns:
    """Pairs of runs, one of each side, in an order that lets drift of the machine cancel."""

    base: SideProcess
    head: SideProcess
    on_pair: Callable[[int, int, RunEnd, RunEnd], None]
    """Told (base's cell, round, base's run, head's run) after each pair."""
    runs: int = 0
    """Done so far."""
    replaced: int = 0
    """Of those, how many were done again: they or their partner had been disturbed."""
    _pairs: int = 0
    _broken: set[int] = field(default_factory=set)

    def measure(self, cells: Sequence[tuple[int, int]], numbers: range) -> None:
        """Measure the pairs of cells in rounds ``numbers``.

        A round goes through the cells, base before head, and the next one back again, head
        before base. A pair with an invalid run is measured again, both sides, a limited
        number of times. A cell that went wrong on either side is not tried again.
        """
        for number in numbers:
            for cell in cells if number % 2 == 0 else reversed(cells):
                if cell[0] not in self._broken:
                    self._pairs += 1
                    self._measure_pair(cell, number)

    def _measure_pair(self, cell: tuple[int, int], number: int) -> None:
        for attempt in range(1 + RETRIES):
            ends = self._run_both(cell, number)
            statuses = {end.status for end in ends}
            if statuses - {"ok", "invalid"}:
                self._broken.add(cell[0])
                break
            may_replace = self.replaced + 2 <= 2 * REPLACED_SHARE * self._pairs + 2
            if "invalid" not in statuses or attempt == RETRIES or not may_replace:
                break
            self.replaced += 2
        self.on_pair(cell[0], number, *ends)

    def _run_both(self, cell: tuple[int, int], number: int) -> tuple[RunEnd, RunEnd]:
        self.runs += 2
        if number % 2 == 0:
            before = self.base.run(cell[0], number)
            return before, self.head.run(cell[1], number)
        after = self.head.run(cell[1], number)
        return self.base.run(cell[0], number), after


def _close(pipe: IO[str] | None) -> None:
    if pipe is not None:
        with contextlib.suppress(BrokenPipeError):
            pipe.close()
