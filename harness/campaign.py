"""A campaign: all runs of a scenario, prepared once, interleaved in rounds, resumable."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from harness.environment import describe_environment, git_state, host_class
from harness.hardware_profiles import calibrated_path
from harness.host_state import host_state
from harness.inputs import files_fingerprint, preparation_key
from harness.limits import Confinement, confine
from harness.monotone import skipped_after_out_of_memory
from harness.particulars import IN_TITLE, particulars
from harness.plug_in_code import fingerprint_for
from harness.run_facts import run_facts
from harness.run_store import RECORD_SCHEMA, RunStore, write_record
from harness.schedule import interleaved
from harness.spec import RunSpec
from harness.supervisor import Conditions, Outcome, run_worker
from harness.validity import judge
from systems.errors import ConfigurationError


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedRun:
    """One cell of the matrix in one round."""

    spec: RunSpec
    round: int
    key: str
    """Name of the run's folder: identity, round, code, host class and files in one hash."""
    files: str
    """Fingerprint of the files that steer it: the user's, and the machine's profile."""
    particulars: str = ""
    """What tells its search from the campaign's others, besides what its title says."""


class Audience(Protocol):
    """Watches a campaign."""

    def preparing(self, event: Mapping[str, Any]) -> None:
        """Data or snapshots are being made."""

    def run_starts(self, run: PlannedRun, *, number: int, of: int) -> None:
        """A run begins."""

    def run_event(self, event: Mapping[str, Any]) -> None:
        """A run is so far."""

    def run_ends(self, run: PlannedRun, record: Mapping[str, Any]) -> None:
        """A run is over and its record on the disk."""


class Campaign:
    """The runs of one scenario with what they need, on this machine, with this code."""

    def __init__(
        self, scenario: str, specs: Sequence[RunSpec], *, rounds: int, runs: Path, cache: Path,
        monotone: Sequence[str] = (),
        stands_for: Mapping[str, Mapping[Any, Any]] | None = None,
        order: Callable[..., Iterator[tuple[int, RunSpec]]] = interleaved,
    ) -> None:  # fmt: skip
        """``scenario`` names the folder of the runs (``Scenario.runs_name``); ``order`` is one of
        ``harness.schedule``."""
        self.scenario, _, self.scale = scenario.partition("@")
        self.runs = RunStore(runs, scenario)
        self._cache = cache
        self._monotone = monotone
        self._stands_for = stands_for or {}
        words = particulars(specs, said=IN_TITLE)
        particular = {spec.identity: text for spec, text in zip(specs, words, strict=True)}
        files = {spec.identity: self._files_read(spec) for spec in specs}
        self.planned = [
            PlannedRun(
                spec=spec,
                round=number,
                key=_key(spec, number, files[spec.identity]),
                files=files[spec.identity],
                particulars=particular[spec.identity],
            )
            for number, spec in order(specs, rounds=rounds)
        ]

    def pending(self, *, force: bool = False) -> list[PlannedRun]:
        """The planned runs that have not been settled yet; with ``force``, all."""
        return [run for run in self.planned if force or not self.runs.is_settled(run.key)]

    def carry_out(
        self, pending: Sequence[PlannedRun], audience: Audience, *, force: bool = False
    ) -> list[str]:
        """Prepare and run ``pending``; the statuses, in order.

        The caller sees to it that nothing else measures on this machine
        (``harness.host_lock``).

        Raises:
            ConfigurationError: the data or the specification are not fit; nothing has run.
            BenchError: the runs cannot be kept (a full disk, say).
        """
        self.runs.remove_leftovers()
        if not force:
            pending = [run for run in pending if not self.runs.is_settled(run.key)]
        prepared = self._prepare([run.spec for run in pending], audience)
        done: dict[RunSpec, str] = {}
        again = {run.key for run in pending}
        for run in (run for run in self.planned if run.key not in again):
            note_status(done, run.spec, self.runs.status(run.key))
        statuses = []
        for number, run in enumerate(pending, 1):
            audience.run_starts(run, number=number, of=len(pending))
            with self.runs.claim(run.key) or nullcontext() as claim:
                # While this command waited, another one may have done the run, or be doing it
                # now on another machine that shares the folder.
                if claim is None or (not force and self.runs.is_settled(run.key)):
                    statuses.append("skipped")
                    continue
                record = self._record(run, prepared, done=done, audience=audience)
            audience.run_ends(run, record)
            note_status(done, run.spec, record["status"])
            statuses.append(record["status"])
        return statuses

    def _prepare(
        self, specs: Sequence[RunSpec], audience: Audience
    ) -> dict[tuple[Any, ...], Outcome]:
        """How preparing ended, by preparation key; each in a process of its own."""
        outcomes = {}
        for key, spec in {preparation_key(s.canonical()): s for s in specs}.items():
            job = {"kind": "prepare", "spec": spec.canonical(), "cache": str(self._cache)}
            with self.runs.working_folder() as folder, self._walls() as walls:
                outcome = run_worker(
                    job,
                    folder=folder,
                    conditions=Conditions(walls=walls),
                    on_event=audience.preparing,
                )
            if outcome.result.get("is_configuration"):
                raise ConfigurationError(f"{outcome.reason} (In the run: {spec.summary}.)")
            outcomes[key] = outcome
        return outcomes

    def _record(
        self, run: PlannedRun, prepared: Mapping[tuple[Any, ...], Outcome], *,
        done: Mapping[RunSpec, str], audience: Audience,
    ) -> dict[str, Any]:  # fmt: skip
        """Do the run, unless there is a reason not to, and put its record on the disk."""
        state, started_at = host_state(), datetime.now(UTC)
        preparation = prepared[preparation_key(run.spec.canonical())]
        skipped = skipped_after_out_of_memory(done, run.spec, self._monotone)
        with self.runs.new_run(run.key) as folder:
            if skipped:
                outcome = Outcome(status="skipped", reason=skipped)
            elif preparation.status != "ok":
                reason = f"Its data and snapshots could not be prepared. {preparation.reason}"
                outcome = Outcome(status=preparation.status, reason=reason)
            else:
                outcome = self._search(run.spec, preparation.result["prepared"], folder, audience)
            spec = run.spec.canonical()
            record = {
                "schema": RECORD_SCHEMA,
                "scenario": self.scenario,
                "scale": self.scale or None,
                "stands_for": {
                    name: values[spec[name]]
                    for name, values in self._stands_for.items()
                    if spec[name] in values
                },
                "key": run.key,
                "identity": run.spec.identity,
                "round": run.round,
                "spec": spec,
                "label": run.spec.label,
                **_measured(outcome, spec),
                "ingest": (preparation.result.get("prepared") or {}).get("ingest"),
                "environment": describe_environment(),
                "host_class": host_class(),
                "host_state": state,
                "git": git_state(),
                "code": fingerprint_for(run.spec),
                "files": run.files,
                "started_at": started_at.isoformat(timespec="seconds"),
            }
            write_record(folder, record)
            for leftover in ("job.json", "result.json"):
                (folder / leftover).unlink(missing_ok=True)
        return record

    def _search(
        self, spec: RunSpec, prepared: Mapping[str, Any], folder: Path, audience: Audience
    ) -> Outcome:
        with self._walls(spec) as walls:
            job = {
                "kind": "search",
                "spec": spec.canonical(),
                "prepared": {"model_ids": prepared["model_ids"]},
                "chosen": dict(spec.chosen),
                "cache": str(self._cache),
                "hardware_profile": self._profile(spec),
                "paced": walls.bandwidth_mechanism == "paced",
            }
            conditions = Conditions(
                walls=walls,
                threads=spec.threads,
                wall_limit_s=spec.wall_limit_s,
                telemetry=spec.telemetry,
            )
            return run_worker(
                job, folder=folder, conditions=conditions, on_event=audience.run_event
            )

    def _profile(self, spec: RunSpec) -> str | None:
        """The file of this machine's measured profile, by which searches are planned."""
        path = calibrated_path(self._cache, spec.device)
        return str(path) if path.is_file() else None

    def _files_read(self, spec: RunSpec) -> str:
        profile = self._profile(spec)
        digest = hashlib.blake2b(Path(profile).read_bytes(), digest_size=8) if profile else None
        return files_fingerprint(spec.canonical()) + (f"+{digest.hexdigest()}" if digest else "")

    def _walls(self, spec: RunSpec | None = None) -> Confinement:
        return confine(
            memory_bytes=spec.memory_limit if spec else None,
            cores=spec.cores if spec else None,
            store_bandwidth=spec.store_bandwidth if spec else None,
            store_path=self._cache / "store",
        )


_MEASURED = (
    "wall_s", "phases_s", "unattributed_s", "excluded_s", "answer", "counts", "operation_ratio",
    "time_bound_s", "time_bound_parts_s", "efficiency", "dataset", "cache_proof", "gpu_uuid",
    "decisions", "readings",
)  # fmt: skip


def _measured(outcome: Outcome, spec: Mapping[str, Any]) -> dict[str, Any]:
    """The worker's part of a record, judged: null, never 0, for what is not known."""
    limits = dict(outcome.limits or {})
    if limits:
        achieved = outcome.result.get("store_bytes_per_s")
        limits["bandwidth"] = {**limits["bandwidth"], "achieved_bytes_per_s": achieved}
    measured: dict[str, Any] = {
        "status": outcome.status,
        "reason": outcome.reason,
        "process_s": outcome.process_s,
        **{name: outcome.result.get(name) for name in _MEASURED},
        "limits": limits or None,
        "telemetry": outcome.telemetry,
        "flags": [],
    }
    if outcome.status == "ok":
        judgement = judge(run_facts({**measured, "spec": spec}))
        measured |= {
            "status": judgement.status,
            "reason": judgement.reason,
            "flags": judgement.as_record(),
        }
    return measured


def note_status(done: dict[RunSpec, str], spec: RunSpec, status: str | None) -> None:
    """Of several rounds, the one that ran out of memory counts."""
    if status is not None and done.get(spec) != "out_of_memory":
        done[spec] = status


def _key(spec: RunSpec, number: int, files: str) -> str:
    text = "\0".join((spec.identity, str(number), fingerprint_for(spec), host_class(), files))
    digest = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
    return f"{re.sub(r'[^a-z0-9]+', '-', spec.system.lower())}-{digest}"
