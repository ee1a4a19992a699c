"""The record of one run, and all records below a folder."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from reports.errors import ReportError

SCHEMA = 1
"""The only record schema that this program reads."""

RECORD_FILE = "record.json"

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
class Record:
    """One run of one system on one search: schema 1 of ``record.json``.

    None is "unknown" everywhere; unknown numbers are absent from the mappings.
    """

    path: Path
    scenario: str
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
    environment: Mapping[str, object]
    host_class: str
    code: str
    """Fingerprint of the code that can influence the run."""
    started_at: str
    """ISO 8601 in UTC, so that text order is time order."""

    @property
    def ok(self) -> bool:
        """Whether the run was measured."""
        return self.status == "ok"

    @property
    def system(self) -> str:
        """The system's name in scenario files."""
        return str(self.spec["system"])

    @property
    def is_base(self) -> bool:
        """Whether this is the published Base, the reference of all speed-ups."""
        return self.system == "baseline" and self.label == "Base"

    @property
    def variant(self) -> str:
        """System and options as canonical JSON: what the rows of a comparison are."""
        return _canonical([self.system, self.spec.get("options") or {}])

    @property
    def search(self) -> str:
        """Everything but the system, as canonical JSON: what may be compared.

        Scenario and host class belong to it; the device is part of the specification.
        """
        request = {k: v for k, v in self.spec.items() if k not in ("system", "options")}
        return _canonical([self.scenario, self.host_class, request])


@dataclass(frozen=True, kw_only=True, slots=True)
class Records:
    """All readable records, and a sentence for each one that is not."""

    records: tuple[Record, ...]
    problems: tuple[str, ...] = ()


def load_records(folders: Path | Iterable[Path]) -> Records:
    """Read every ``record.json`` below one folder or several (or the named files).

    A damaged record, one of another schema, or a missing folder becomes a problem and stops
    nothing. Of
    runs that were repeated after the code had changed, only those of the newest code are
    kept; how many were left out is a problem too.

    Raises:
        ReportError: there is no readable record at all.
    """
    from reports.parsing import MalformedRecordError, parse_record

    roots = [folders] if isinstance(folders, Path) else list(folders)
    paths: dict[Path, Path] = {}  # by resolved path: overlapping folders count once
    records: list[Record] = []
    problems: list[str] = []
    for root in roots:
        if root.exists():
            paths.update((path.resolve(), path) for path in _record_files(root))
        else:
            problems.append(f"There is no folder '{root}'.")
    for path in paths.values():
        try:
            records.append(parse_record(json.loads(path.read_bytes()), path=path))
        except MalformedRecordError as error:
            problems.append(str(error))
        except (OSError, ValueError, RecursionError) as error:
            problems.append(
                f"{path}: not a readable record ({_first_line(error)}). It is left out; remove "
                f"'{path.parent}' and run its scenario again to replace it."
            )
    if not records:
        where = ", ".join(f"'{root}'" for root in roots)
        cause = f" {problems[0]}" if problems else ""
        raise ReportError(
            f"No readable run in {where}.{cause} Make one with 'alsatian-bench run quick'."
        )
    kept = newest_code(records)
    if len(kept) < len(records):
        problems.append(
            f"{len(records) - len(kept)} of {len(records)} records are of older code than a "
            "later run of the same specification; they are left out."
        )
    return Records(records=kept, problems=tuple(problems))


def newest_code(records: Iterable[Record]) -> tuple[Record, ...]:
    """Per identity and host class, the records of the code that was started last.

    Rounds of two versions of the code are two measurements and are never averaged.
    """
    records = sorted(records, key=lambda record: (record.started_at, record.key))
    code = {(record.identity, record.host_class): record.code for record in records}
    kept = [r for r in records if code[r.identity, r.host_class] == r.code]
    return tuple(sorted(kept, key=lambda r: (r.scenario, r.search, r.variant, r.round)))


def _record_files(root: Path) -> list[Path]:
    if root.is_file():
        return [root]
    found = root.rglob(RECORD_FILE)
    # Hidden folders belong to runs that are still being written.
    return sorted(
        path
        for path in found
        if not any(part.startswith(".") for part in path.relative_to(root).parts)
    )


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
