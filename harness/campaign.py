"""A campaign: all runs of a scenario, prepared once, interleaved in rounds, resumable."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from harness.environment import code_fingerprint, describe_environment, host_class
from harness.inputs import files_fingerprint, preparation_key
from harness.run_store import RunStore, write_record
from harness.schedule import interleaved
from harness.spec import RunSpec
from harness.supervisor import Outcome, run_worker
from systems.errors import BenchError, ConfigurationError

SCHEMA = 1
"""Version of the record; raised whenever a field changes its meaning or goes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedRun:
    """One cell of the matrix in one round."""

    spec: RunSpec
    round: int
    key: str
    """Name of the run's folder: identity, round, code, host class and files in one hash."""


class Audience(Protocol):
    """Watches a campaign."""

    def preparing(self, event: Mapping[str, Any]) -> None:
        """Data or snapshots are being made."""

    def run_starts(self, run: PlannedRun, *, number: int, of: int) -> None:
        """A run begins."""

    def run_event(self, event: Mapping[str, Any]) -> None:
        """A run is so far."""

    def run_ends(self, run: PlannedRun, outcome: Outcome) -> None:
        """A run is over and on the disk."""


class Campaign:
    """The runs of one scenario with what they need, on this machine, with this code."""

    def __init__(
        self, scenario: str, specs: Sequence[RunSpec], *, rounds: int, runs: Path, cache: Path
    ) -> None:
        self.scenario = scenario
        self.runs = RunStore(runs, scenario)
        self._cache = cache
        self.planned = [
            PlannedRun(spec=spec, round=number, key=_key(spec, number))
            for number, spec in interleaved(specs, rounds=rounds)
        ]

    def pending(self, *, force: bool = False) -> list[PlannedRun]:
        """The planned runs that have not been settled yet; with ``force``, all."""
        return [run for run in self.planned if force or not self.runs.is_settled(run.key)]

    def carry_out(self, pending: Sequence[PlannedRun], audience: Audience) -> list[str]:
        """Prepare and run ``pending``; the statuses, in order.

        Raises:
            ConfigurationError: the data or the specification are not fit; nothing has run.
            BenchError: preparing failed for another reason (a full disk, say).
        """
        self.runs.remove_leftovers()
        prepared = self._prepare([run.spec for run in pending], audience)
        statuses = []
        for number, run in enumerate(pending, 1):
            audience.run_starts(run, number=number, of=len(pending))
            outcome = self._run(run, prepared[preparation_key(run.spec.canonical())], audience)
            audience.run_ends(run, outcome)
            statuses.append(outcome.status)
        return statuses

    def _prepare(
        self, specs: Sequence[RunSpec], audience: Audience
    ) -> dict[tuple[Any, ...], Mapping[str, Any]]:
        needed = {preparation_key(spec.canonical()): spec.canonical() for spec in specs}
        job = {"kind": "prepare", "specs": list(needed.values()), "cache": str(self._cache)}
        with self.runs.working_folder() as folder:
            outcome = run_worker(
                job, folder=folder, threads=None, wall_limit_s=None, on_event=audience.preparing
            )
            if outcome.status != "ok":
                _raise_unprepared(outcome, (folder / "worker.log").read_text(errors="replace"))
        return dict(zip(needed, outcome.result["prepared"], strict=True))

    def _run(self, run: PlannedRun, prepared: Mapping[str, Any], audience: Audience) -> Outcome:
        spec = run.spec
        job = {
            "kind": "search",
            "spec": spec.canonical(),
            "prepared": {"model_ids": prepared["model_ids"]},
            "cache": str(self._cache),
        }
        started_at = datetime.now(UTC)
        environment = describe_environment()
        with self.runs.new_run(run.key) as folder:
            outcome = run_worker(
                job,
                folder=folder,
                threads=spec.threads,
                wall_limit_s=spec.wall_limit_s,
                on_event=audience.run_event,
            )
            record = {
                "schema": SCHEMA,
                "scenario": self.scenario,
                "key": run.key,
                "identity": spec.identity,
                "round": run.round,
                "spec": spec.canonical(),
                "label": spec.label,
                **_measured(outcome),
                "ingest": prepared["ingest"],
                "environment": environment,
                "host_class": host_class(),
                "code": code_fingerprint(),
                "started_at": started_at.isoformat(timespec="seconds"),
            }
            write_record(folder, record)
            for leftover in ("job.json", "result.json"):
                (folder / leftover).unlink(missing_ok=True)
        return outcome


_MEASURED = (
    "wall_s", "phases_s", "unattributed_s", "excluded_s", "answer", "counts",
    "operation_ratio", "time_bound_s", "time_bound_parts_s", "efficiency", "dataset",
)  # fmt: skip


def _measured(outcome: Outcome) -> dict[str, Any]:
    """The worker's part of a record: null, never 0, for what is not known."""
    return {
        "status": outcome.status,
        "reason": outcome.reason,
        "process_s": outcome.process_s,
        **{name: outcome.result.get(name) for name in _MEASURED},
    }


def _raise_unprepared(outcome: Outcome, log: str) -> None:
    if outcome.result.get("is_configuration"):
        raise ConfigurationError(outcome.reason)
    detail = "" if outcome.result.get("is_configuration") is not None else f"\n{log[-2000:]}"
    raise BenchError(f"The data and snapshots could not be prepared. {outcome.reason}{detail}")


def _key(spec: RunSpec, number: int) -> str:
    files = files_fingerprint(spec.canonical())
    text = "\0".join((spec.identity, str(number), code_fingerprint(), host_class(), files))
    digest = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
    return f"{re.sub(r'[^a-z0-9]+', '-', spec.system.lower())}-{digest}"
