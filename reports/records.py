"""The record of one run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

Status = Literal[
    "ok", "failed", "timeout", "out_of_memory", "crashed", "invalid", "skipped", "interrupted"
]
STATUSES: tuple[str, ...] = get_args(Status)


@dataclass(frozen=True, kw_only=True, slots=True)
class Segment:
    """The features that one model gave for one fixed part of the items."""

    items: int | None
    digest: str | None
    """Hash of the feature bytes; equal digests are equal features."""
    sketch: tuple[float, ...]
    """Seeded random projection of the features (32 numbers); empty if unknown."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelAnswer:
    """What a search found out about one model."""

    score: float | None
    """Accuracy on the test items, from 0 to 1, in the last round that scored the model."""
    round: int | None
    """That round, counted from 1."""
    train_items: int | None
    """Number of train items behind the score."""
    segments: Mapping[str, Segment]
    """By name: ``test`` and the halving chunks ``chunk_1``, ``chunk_2``, …"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """The result of one search."""

    winner: str | None
    tied: frozenset[str]
    """The models that share the winner's place, the winner among them."""
    ranking: tuple[str, ...]
    """Model ids, the best first; empty if unknown."""
    models: Mapping[str, ModelAnswer]


@dataclass(frozen=True, kw_only=True, slots=True)
class DatasetFacts:
    """What the run found the data to be."""

    name: str
    classes: int | None
    items: int | None
    test_items: int | None
    timing_only: bool
    """Made-up data: times mean something, scores do not."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Flag:
    """Something about a run that a reader of its numbers must know."""

    name: str
    """Short and stable, such as ``gpu_throttled``."""
    sentence: str
    invalidates: bool
    """Whether it makes the run ``invalid``; else it is only said."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """One run of one system on one search: schema 5 of ``record.json``.

    None is "unknown" everywhere; unknown numbers are absent from the mappings.
    """

    path: Path
    scenario: str
    scale: str | None
    """The scale of the scenario; None where it was run as it stands."""
    stands_for: Mapping[str, object]
    """By parameter: the value at the paper's scale that this run's value stands for."""
    key: str
    identity: str
    round: int
    spec: Mapping[str, object]
    """The resolved parameters; ``options`` holds those of this system only."""
    label: str
    """The system as shown to people, such as "Base + decode_once"."""
    status: Status
    reason: str | None
    wall_s: float | None
    """Measured time of the search; known exactly if the status is ``ok``."""
    phases_s: Mapping[str, float]
    """Exclusive seconds per phase on the critical path."""
    excluded_s: float | None
    process_s: float | None
    answer: Answer | None
    counts: Mapping[str, float]
    operation_ratio: float | None
    time_bound_s: float | None
    time_bound_parts_s: Mapping[str, float]
    efficiency: float | None
    dataset: DatasetFacts | None
    limits: Mapping[str, object]
    """What the run was allowed, by which mechanism, and what it took."""
    cache_proof: Mapping[str, object]
    """The state of the page cache at the start, and how it was proved."""
    gpu_uuid: str | None
    """Of the device that it ran on; None on a processor."""
    telemetry: Mapping[str, object]
    """The summary of what was sampled beside the run."""
    flags: tuple[Flag, ...] | None
    """None: never judged (a record of schema 1); empty: judged, and nothing found."""
    environment: Mapping[str, object]
    """The kind of machine, its libraries and its settings."""
    host_state: Mapping[str, object]
    """What the machine was doing when the run started."""
    git: Mapping[str, object]
    """The commit of the checkout, and whether it had been changed."""
    host_class: str
    code: str
    """Fingerprint of the code that can influence the run; for each package of plug-ins that it
    uses, ``+package:fingerprint`` follows."""
    files: str | None
    """Fingerprint of the files that steered the run besides our code: the user's data and
    models, and what was measured of the machine; None where it was not written down."""
    started_at: str
    """ISO 8601 in UTC, so that text order is time order."""

    decisions: tuple[Mapping[str, object], ...]
    """What the system or the harness chose by itself; empty where that is not known."""
    readings: tuple[Mapping[str, object], ...]
    """What a probe found, row by row; empty for a search."""

    @property
    def ok(self) -> bool:
        """Whether the run was measured."""
        return self.status == "ok"

    @property
    def commit(self) -> str:
        """The commit of the code for a person, and whether it had been changed."""
        commit = self.git.get("commit")
        if not isinstance(commit, str):
            return "unknown"
        return commit[:10] + (" with changes" if self.git.get("is_dirty") else "")

    @property
    def system(self) -> str:
        """The system's name in scenario files."""
        return str(self.spec["system"])

    @property
    def is_base(self) -> bool:
        """Whether this is the published Base, the reference of all speed-ups."""
        return self.system == "baseline" and self.label == "Base"

    @property
    def is_full_search(self) -> bool:
        """Whether every model saw every item: Base, Joint, or a system that chose to."""
        return self.system in ("baseline", "joint") or any(
            decision.get("what") == "search" and decision.get("halves") is False
            for decision in self.decisions
        )

    @property
    def is_strong_base(self) -> bool:
        """Whether this is Base with what any system could do: decode once, load ahead."""
        options = self.spec.get("options")
        return (
            self.system == "baseline"
            and isinstance(options, Mapping)
            and options.get("decode_once") is True
            and options.get("prefetch") is True
        )

    @property
    def variant(self) -> str:
        """System and options as canonical JSON: what the rows of a comparison are."""
        return _canonical([self.system, self.spec.get("options") or {}])

    @property
    def search(self) -> str:
        """Everything but the system, as canonical JSON: what may be compared.

        Scenario, scale and host class belong to it; the device is part of the specification.
        """
        request = {k: v for k, v in self.spec.items() if k not in ("system", "options")}
        return _canonical([self.scenario, self.scale, self.host_class, request])


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
