"""Batch sizes that a scenario leaves to a measurement: ``batch_size: auto``; torch-free.

Measured once per kind of machine and kind of work, kept in the cache folder, and put into
the specification of every run that asks for it: the same for all systems, and part of the
identity of their runs.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from harness.environment import host_class, library_versions
from harness.limits import confine
from harness.spec import RunPlan, RunSpec
from harness.supervisor import Conditions, Outcome, run_worker
from scenarios.parameter import AUTO
from systems.errors import BenchError, ConfigurationError

TUNED_BY = (
    "architecture", "resolution", "sequence_length", "device", "threads", "cores",
    "memory_format", "fold_batch_norm", "precision", "compile", "memory_limit",
    "gpu_allocator_cap",
)  # fmt: skip
"""Runs that agree in all of these have the same batch size."""

Listener = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Tuning:
    """A batch size that was measured to be best, and why."""

    batch_size: int
    reason: str
    """A sentence for a person."""
    trials: tuple[Mapping[str, Any], ...]
    """By size: ``items``, ``items_per_s``, ``peak_bytes``."""


class TuningFolder:
    """The tunings of this kind of machine, a JSON file for each kind of work."""

    def __init__(self, cache: Path) -> None:
        self._folder = cache / "tuning"

    def find(self, spec: RunSpec) -> Tuning | None:
        """What was measured for runs like ``spec``; None if nothing was, or it is damaged."""
        try:
            kept = json.loads(self._path(spec).read_text(encoding="utf-8"))
            tuning = Tuning(
                batch_size=kept["batch_size"],
                reason=str(kept["reason"]),
                trials=tuple(kept["trials"]),
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None
        is_size = isinstance(tuning.batch_size, int) and tuning.batch_size >= 1
        return tuning if is_size and kept.get("kind") == _kind(spec) else None

    def keep(self, spec: RunSpec, tuning: Tuning) -> None:
        """Keep what was measured for runs like ``spec``."""
        self._folder.mkdir(parents=True, exist_ok=True)
        descriptor, working = tempfile.mkstemp(prefix=".", dir=self._folder)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump({**asdict(tuning), "kind": _kind(spec)}, file, indent=1)
            Path(working).replace(self._path(spec))
        except BaseException:
            Path(working).unlink(missing_ok=True)
            raise

    def _path(self, spec: RunSpec) -> Path:
        text = json.dumps(_kind(spec), sort_keys=True)
        return self._folder / f"{hashlib.blake2b(text.encode(), digest_size=8).hexdigest()}.json"


def with_known_batch_sizes(plan: RunPlan, *, cache: Path) -> RunPlan:
    """``plan`` with each ``auto`` that was measured before; the others stay."""
    folder = TuningFolder(cache)
    return _replaced(plan, {_key(spec): folder.find(spec) for spec in _left_open(plan)})


def with_batch_sizes(plan: RunPlan, *, cache: Path, on_event: Listener) -> RunPlan:
    """``plan`` without ``auto``: what is not known yet is measured, each in its own process.

    The caller sees to it that nothing else measures on this machine.

    Raises:
        ConfigurationError: no batch size fits.
        BenchError: the measurement failed.
    """
    plan = with_known_batch_sizes(plan, cache=cache)
    folder = TuningFolder(cache)
    for spec in _left_open(plan):
        if folder.find(spec) is None:
            folder.keep(spec, _measured(spec, cache=cache, on_event=on_event))
    return with_known_batch_sizes(plan, cache=cache)


def is_left_open(plan: RunPlan) -> bool:
    """Whether a batch size of the plan has still to be measured."""
    return any(spec.batch_size == AUTO for spec in plan.specs)


def tuning_notes(plan: RunPlan) -> list[str]:
    """A line for each batch size that was or will be chosen, for a person."""
    lines = {
        f"batch_size: auto for {_work(spec)}: {facts['reason']}"
        for spec in plan.specs
        if (facts := spec.chosen.get("batch_size"))
    }
    lines |= {
        f"batch_size: auto for {_work(spec)}: chosen before the first run, the fastest of 8 to "
        "256 items on this machine; then kept in the cache folder."
        for spec in _left_open(plan)
    }
    return sorted(lines)


def _left_open(plan: RunPlan) -> list[RunSpec]:
    """One run of each kind of work whose batch size is not known."""
    return list({_key(spec): spec for spec in plan.specs if spec.batch_size == AUTO}.values())


def _replaced(plan: RunPlan, found: Mapping[str, Tuning | None]) -> RunPlan:
    """The plan with known batch sizes; runs that then are the same become one."""
    specs: dict[str, RunSpec] = {}
    for spec in plan.specs:
        tuning = found.get(_key(spec)) if spec.batch_size == AUTO else None
        if tuning is not None:
            spec = replace(
                spec, batch_size=tuning.batch_size, chosen={"batch_size": asdict(tuning)}
            )
        specs.setdefault(spec.identity, spec)
    return replace(
        plan, specs=tuple(specs.values()), merged=plan.merged + len(plan.specs) - len(specs)
    )


def _measured(spec: RunSpec, *, cache: Path, on_event: Listener) -> Tuning:
    job = {"kind": "tune", "spec": spec.canonical(), "cache": str(cache)}
    walls = confine(
        memory_bytes=spec.memory_limit,
        cores=spec.cores,
        store_bandwidth=None,
        store_path=cache / "store",
    )
    with tempfile.TemporaryDirectory(prefix="alsatian-bench-") as folder, walls:
        conditions = Conditions(walls=walls, threads=spec.threads, wall_limit_s=spec.wall_limit_s)
        outcome = run_worker(
            job,
            folder=Path(folder),
            conditions=conditions,
            on_event=lambda event: on_event(event) if event["event"] == "preparing" else None,
        )
    if outcome.status != "ok":
        raise _failure(outcome, spec)
    found = outcome.result["tuning"]
    return Tuning(
        batch_size=found["batch_size"], reason=found["reason"], trials=tuple(found["trials"])
    )


def _failure(outcome: Outcome, spec: RunSpec) -> BenchError:
    kind = ConfigurationError if outcome.result.get("is_configuration") else BenchError
    return kind(
        f"batch_size is auto, but it could not be measured for {_work(spec)} "
        f"({outcome.status}): {outcome.reason} Give a number instead."
    )


def _kind(spec: RunSpec) -> dict[str, Any]:
    """What a tuning depends on, in plain JSON types."""
    canonical = spec.canonical()
    return {
        "host_class": host_class(),
        "torch": library_versions()["torch"],
        **{name: canonical[name] for name in TUNED_BY},
    }


def _key(spec: RunSpec) -> str:
    return json.dumps(_kind(spec), sort_keys=True)


def _work(spec: RunSpec) -> str:
    shape = f" at {spec.resolution} px" if spec.resolution else ""
    shape += f" with {spec.sequence_length} tokens" if spec.sequence_length else ""
    return f"{spec.architecture}{shape} on {spec.device}"
