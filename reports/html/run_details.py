"""What the page can say about one run, as data for its script."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from reports import labels
from reports.errors import ReportError
from reports.hardware import read_tracks
from reports.html.task_tree import TaskTree, tree_of
from reports.records import Record
from reports.timeline import lanes_of, read_spans

MOST_PLACES = 10
"""Of a ranking."""

Fact = tuple[str, str]
_NOT_SHARED = ("system", "options")


Section = tuple[str, tuple[str, ...]]


@dataclass(kw_only=True, slots=True)
class Shared:
    """What many runs have in common, each kept once: the page stays small."""

    heads: dict[Section, int] = field(default_factory=dict)
    """Title and names of a list of facts, and its place among them."""
    sections: dict[tuple[int, tuple[str, ...]], int] = field(default_factory=dict)
    """Place of the head, values, and the section's own place."""

    def listed(self, title: str, found: Sequence[Fact]) -> tuple[int, tuple[str, ...]]:
        """Facts as the place of their head, and their values."""
        head = (title, tuple(name for name, _ in found))
        return self.heads.setdefault(head, len(self.heads)), tuple(value for _, value in found)

    def place(self, title: str, found: Sequence[Fact]) -> int:
        """The place of facts that other runs have too, as likely as not."""
        return self.sections.setdefault(self.listed(title, found), len(self.sections))

    def as_json(self) -> dict[str, Any]:
        """Both lists, in the order of their places."""
        return {"heads": list(self.heads), "sections": list(self.sections)}


@dataclass(frozen=True, kw_only=True, slots=True)
class RunDetails:
    """One run for the page's script, and what could not be read of it."""

    data: Mapping[str, Any]
    problems: tuple[str, ...]
    tree: TaskTree | None
    """Of its search; None where it was not asked for, or the run does not tell it."""


def run_details(
    record: Record, shared: Shared, *, command: str | None, wants_tree: bool
) -> RunDetails:
    """Collect what there is; a damaged file beside the record costs its part only."""
    problems: list[str] = []
    spans = None
    tracks: Sequence[Any] = ()
    folder = record.path.parent
    try:
        spans = read_spans(folder, with_blocks=wants_tree)
    except ReportError as error:
        problems.append(str(error))
    try:
        tracks = read_tracks(folder, window_ns=(spans.begin_ns, spans.end_ns) if spans else None)
    except ReportError as error:
        problems.append(str(error))
    data = {
        "name": f"{record.label}, round {record.round + 1}",
        "status": labels.STATUS_LABELS.get(record.status, record.status),
        "reason": record.reason,
        "problems": problems,
        "flags": [
            [flag.sentence, flag.invalidates]
            for flag in record.flags or ()
            if flag.sentence != record.reason
        ],
        "facts": shared.listed("", _run_facts(record)),
        "phases": _phases(record),
        "length_s": float(f"{spans.length_s:.6g}") if spans else None,
        "lanes": [[lane.title, lane.code] for lane in lanes_of(spans)] if spans else [],
        "tracks": [
            [track.title, track.unit, track.from_s, track.to_s, track.values] for track in tracks
        ],
        "plans": [_decision(decision, shared) for decision in record.decisions],
        "ranking": _ranking(record),
        "command": command,
        "folder": str(folder),
        "trace": shlex.join(["alsatian-bench", "trace", str(folder)]) if spans else None,
        "sections": [shared.listed(*section) for section in _own_sections(record) if section[1]],
        "shared": [shared.place(*section) for section in _sections(record) if section[1]],
    }
    kept = {name: value for name, value in data.items() if value not in (None, [])}
    tree = tree_of(spans) if spans and wants_tree else None
    return RunDetails(data=kept, problems=tuple(problems), tree=tree)


def _decision(decision: Mapping[str, object], shared: Shared) -> tuple[int, tuple[str, ...]]:
    rest = {name: value for name, value in decision.items() if name != "what"}
    return shared.listed(f"Decided: {decision.get('what', labels.UNKNOWN)}", facts(rest))


def facts(values: Mapping[str, object], prefix: str = "") -> list[Fact]:
    """A mapping as names and texts; what lies deeper gets the names of the way to it."""
    found: list[Fact] = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            found += facts(value, f"{prefix}{name}.")
        else:
            found.append((f"{prefix}{name}", text(name, value)))
    return found


def text(name: str, value: object) -> str:
    """A value for a person, by the unit that its name ends with."""
    if value is None:
        return labels.UNKNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)):
        if name.endswith("_per_s") and "bytes" in name:
            return f"{labels.size(value)}/s"
        if name.endswith("_bytes") or name == "bytes":
            return labels.size(value)
        if name.endswith("_s"):
            return labels.seconds(value)
        return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"
    if isinstance(value, (list, tuple)):
        return ", ".join(text(name, each) for each in value) or labels.UNKNOWN
    return str(value)


def _run_facts(record: Record) -> list[Fact]:
    dataset = record.dataset
    scale = f" at scale {record.scale}" if record.scale else ""
    found = [
        ("scenario", f"{record.scenario}{scale}"),
        ("search", labels.search_title(record.spec)),
        ("time", labels.seconds(record.wall_s)),
        # What was measured in a run that does not count has no meaning to compare with.
        ("time bound", labels.seconds(record.time_bound_s if record.ok else None)),
        ("efficiency", labels.percent(record.efficiency if record.ok else None)),
        ("operation ratio", labels.ratio(record.operation_ratio if record.ok else None)),
        ("not counted", labels.seconds(record.excluded_s)),
        ("whole process", labels.seconds(record.process_s)),
        ("started", record.started_at),
        ("machine", record.host_class),
        ("identity", record.identity),
    ]
    if dataset is not None:
        items = f"{dataset.items} items, {dataset.test_items} of them for tests"
        note = f" ({labels.TIMING_ONLY})" if dataset.timing_only else ""
        found.append(("data", f"{dataset.name}: {dataset.classes} classes, {items}{note}"))
    return [(name, value) for name, value in found if value != labels.UNKNOWN]


def _phases(record: Record) -> list[tuple[str, float]]:
    """Phase by its name in the specification, and its seconds."""
    known = {name: value for name, value in record.phases_s.items() if 0 < value < math.inf}
    if record.wall_s is not None:
        known["other"] = max(0.0, record.wall_s - sum(known.values()))
    return [(name, float(f"{value:.4g}")) for name, value in known.items() if value > 0]


def _ranking(record: Record) -> list[tuple[str, str, int | None]]:
    """The best models: id, score, round in which they were scored last."""
    answer = record.answer
    if answer is None or (record.dataset is not None and record.dataset.timing_only):
        return []
    found = []
    for model in answer.ranking[:MOST_PLACES]:
        about = answer.models.get(model)
        score = about.score if about else None
        shown = labels.UNKNOWN if score is None else f"{score:.3f}"
        found.append((model, shown, about.round if about else None))
    return found


def _own_sections(record: Record) -> Iterator[tuple[str, list[Fact]]]:
    yield "Limits", facts(record.limits)
    yield "Cache proof", facts(record.cache_proof)
    yield "Counted", facts(record.counts)
    yield "Peaks of memory", facts(_part(record.telemetry, "peaks"))
    yield "Disturbances", facts(_part(record.telemetry, "doubts"))
    yield "The machine at the start", facts(record.host_state)


def _sections(record: Record) -> Iterator[tuple[str, list[Fact]]]:
    """What many runs have in common."""
    options = record.spec.get("options")
    yield "Parameters", facts({k: v for k, v in record.spec.items() if k not in _NOT_SHARED})
    yield "Options of the system", facts(options) if isinstance(options, Mapping) else []
    yield "Environment", facts(record.environment)
    yield "Code", [*facts(record.git), ("fingerprint", record.code)]


def _part(values: Mapping[str, object], name: str) -> Mapping[str, object]:
    part = values.get(name)
    return part if isinstance(part, Mapping) else {}
