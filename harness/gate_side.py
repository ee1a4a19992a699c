"""One side of a gate: single runs on command, with the code of one checkout.

The gate starts this file as a program, with that checkout as current folder and first in
PYTHONPATH, so that everything it imports is the checkout's. It reads JSON lines and answers
with JSON lines on standard output; what libraries print goes to standard error.

1. ``{"scenarios", "scale", "filters", "changes", "rounds", "runs", "cache"}``, answered by
   ``{"event": "planned", "cells": [{"identity", "scenario", "scale", "label", "spec"}, …],
   "absent": [scenario, …], "tolerances": {scenario: {system: share}}}``;
2. ``{"prepare": [cell, …]}`` with places in ``cells``: ``{"event": "prepared"}``;
3. ``{"cell": cell, "round": round}``, any number of times:
   ``{"event": "done", "status", "reason", "wall_s"}``; the record is below ``runs``.

What cannot be done is ``{"event": "failed", "reason", "is_configuration"}``. The end of the
input is the end of the process. Two versions of the code talk to the same gate: the protocol
changes only by additions.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, NoReturn

from harness.campaign import Campaign, PlannedRun
from harness.spec import RunPlan, RunSpec, plan_runs
from scenarios.errors import ScenarioError
from scenarios.loading import find_scenario
from scenarios.scenario import Scenario
from systems.errors import BenchError, ConfigurationError
from systems.registry import system_info


class SingleRuns(Campaign):
    """A campaign whose runs are done one by one, when somebody asks for them."""

    def prepare(self, specs: Sequence[RunSpec], audience: Any) -> None:
        """Make the data and models of ``specs``.

        Raises:
            ConfigurationError: they are not fit.
        """
        self._prepared = self._prepare(specs, audience)

    def carry_out_one(self, spec: RunSpec, number: int, audience: Any) -> Mapping[str, Any]:
        """Do one run, in place of an earlier one of the same round; its record."""
        run = next(
            r for r in self.planned if r.round == number and r.spec.identity == spec.identity
        )
        return self._record(run, self._prepared, done={}, audience=audience)


class Talk:
    """The other end of the line; an audience of campaigns too (``harness.campaign``)."""

    def __init__(self, answers: IO[str]) -> None:
        self._answers = answers

    def say(self, event: str, **details: object) -> None:
        """Send one line."""
        self._answers.write(json.dumps({"event": event, **details}) + "\n")
        self._answers.flush()

    def preparing(self, event: Mapping[str, Any]) -> None:
        """Pass on what is being prepared."""
        self.say("preparing", what=event.get("what"))

    def run_starts(self, run: PlannedRun, *, number: int, of: int) -> None:
        """Nothing: the gate knows what it asked for."""

    def run_event(self, event: Mapping[str, Any]) -> None:
        """Nothing: a line in a pipe could disturb the run."""

    def run_ends(self, run: PlannedRun, record: Mapping[str, Any]) -> None:
        """Nothing: the answer to the command says it."""


def main() -> int:
    """Serve commands until the input ends; 1 if something cannot be done."""
    signal.signal(signal.SIGTERM, _interrupt)
    talk = Talk(_claim_standard_output())
    try:
        serve(map(json.loads, sys.stdin), talk)
    except (BenchError, ScenarioError) as error:
        is_configuration = isinstance(error, (ConfigurationError, ScenarioError))
        talk.say("failed", reason=str(error), is_configuration=is_configuration)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def serve(commands: Iterable[Mapping[str, Any]], talk: Talk) -> None:
    """Answer ``commands``, the first of which says what there is to run."""
    commands = iter(commands)
    request = next(commands)
    plans, absent = _plans(request)
    campaigns = [
        SingleRuns(
            getattr(plan.scenario, "runs_name", plan.scenario.name),
            plan.specs,
            rounds=request["rounds"],
            runs=Path(request["runs"]),
            cache=Path(request["cache"]),
        )
        for plan in plans
    ]
    cells = [(at, spec) for at, plan in enumerate(plans) for spec in plan.specs]
    talk.say(
        "planned",
        cells=[_described(plans[at], spec, request["scale"]) for at, spec in cells],
        absent=absent,
        tolerances={plan.scenario.name: tolerance_of(plan.scenario) for plan in plans},
    )
    for command in commands:
        if "prepare" in command:
            wanted = [cells[place] for place in command["prepare"]]
            for at, campaign in enumerate(campaigns):
                campaign.prepare([spec for of, spec in wanted if of == at], talk)
            talk.say("prepared")
        else:
            at, spec = cells[command["cell"]]
            record = campaigns[at].carry_out_one(spec, command["round"], talk)
            talk.say("done", **{name: record[name] for name in ("status", "reason", "wall_s")})


def _plans(request: Mapping[str, Any]) -> tuple[list[RunPlan], list[str]]:
    """The plans of the scenarios that this version has, and the names of the others."""
    plans, absent = [], []
    for name in request["scenarios"]:
        try:
            find_scenario(name)
        except ScenarioError:
            absent.append(name)
            continue
        plan = plan_runs(
            name, filters=request["filters"], scale=request["scale"], changes=request["changes"]
        )
        if any(spec.batch_size == "auto" for spec in plan.specs):
            raise ConfigurationError(
                f"The scenario '{name}' has batch_size auto, which each version would choose for "
                "itself: give a number in it, or --set batch_size=32."
            )
        plans.append(plan)
    return plans, absent


def tolerance_of(scenario: Scenario) -> dict[str, float]:
    """The change that a scenario lets pass, by the systems' own names."""
    shares = getattr(scenario, "tolerance", {})
    return {system_info(system).name: share for system, share in shares.items()}


def _described(plan: RunPlan, spec: RunSpec, scale: str | None) -> dict[str, Any]:
    return {
        "identity": spec.identity,
        "scenario": plan.scenario.name,
        "scale": scale,
        "label": spec.label,
        "spec": spec.canonical(),
    }


def _claim_standard_output() -> IO[str]:
    """Keep the real standard output for answers; send everybody else's to standard error."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return answers


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
