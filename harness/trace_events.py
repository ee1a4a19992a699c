"""The files of one run, read as events of a Chrome trace.

Format: "Trace Event Format" (Google, 2016), JSON object form. Times are microseconds from
the first thing recorded (Perfetto drops what is before 0); ``otherData`` says where that is
on the monotonic clock, and when the search began.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from harness.lanes import laid_out, outermost_first
from harness.profile import PROFILE, ProfileClock, read_profile_clock, read_profile_events
from harness.span_table import SPANS, TimedUnit, read_spans, read_timed_unit
from harness.telemetry.recording import SERIES
from harness.trace import Lane, Span
from systems.errors import BenchError, ConfigurationError

if TYPE_CHECKING:
    from harness.telemetry.series import Track

Event = dict[str, Any]
Source = Literal["name", "spans", "series", "profile"]

_SEARCH = 1
_FIRST_COUNTERS = 100
_FIRST_PROFILED = 1000
_TRACKS_PER_LANE = 1000

_CORE = re.compile(r"cpu\d+")
_HASH = re.compile(r"[0-9a-f]{24,}")
_HASH_CHARACTERS = 12


class RecordedRun:
    """The files of one run on one clock, as far as they are there."""

    @classmethod
    def open(cls, folder: Path) -> RecordedRun:
        """Read spans and series; the profiler's events are read when they are asked for.

        Raises:
            ConfigurationError: the folder holds nothing to show.
            BenchError: a file in it is damaged.
        """
        import pyarrow

        if not folder.is_dir():
            raise ConfigurationError(
                f"There is no run folder {folder}. Runs are kept as RUNS/SCENARIO/KEY."
            )
        record = _record(folder)
        if not (folder / SPANS).exists() and not (folder / SERIES).exists():
            status = record.get("status")
            why = f"its status is {status}" if status else "it holds no record"
            raise ConfigurationError(
                f"{folder} has neither {SPANS} nor {SERIES} ({why}): there is nothing to show. "
                "Only a finished search writes its spans."
            )
        try:
            return cls(folder, record)
        except pyarrow.ArrowException as error:
            raise BenchError(f"{folder} holds a damaged table: {error}. Repeat the run.") from error

    def __init__(self, folder: Path, record: Mapping[str, Any]) -> None:
        self._folder = folder
        self._record = record
        self._spans, timed = _spans(folder / SPANS)
        self._tracks = _tracks(folder / SERIES)
        self._profile_clock = (
            read_profile_clock(folder / PROFILE) if (folder / PROFILE).exists() else None
        )
        starts_ns = [span.start_ns for span in self._spans]
        starts_ns += [int(track.times_ns[0]) for track in self._tracks]
        if self._profile_clock is not None:
            starts_ns.append(self._profile_clock.origin_ns)
        self._origin_ns = min(starts_ns, default=0)
        self._search_us = self._us(timed.started_ns) if timed else None

    def header(self) -> dict[str, Any]:
        """Everything of the trace but its events."""
        names = ("scenario", "key", "label", "round", "status", "started_at")
        return {
            "displayTimeUnit": "ms",
            "otherData": {
                **{name: self._record[name] for name in names if name in self._record},
                "origin_monotonic_ns": self._origin_ns,
                "search_started_us": self._search_us,
            },
        }

    def events(self) -> Iterator[tuple[Source, Event]]:
        """Events and where each comes from; names before what they name."""
        yield from self._slices()
        yield from self._counters()
        if self._profile_clock is not None:
            yield from self._profile(self._profile_clock)

    def _slices(self) -> Iterator[tuple[Source, Event]]:
        label = self._record.get("label") or self._folder.name
        yield from _named(_SEARCH, f"search: {label}", order=0)
        for number, lane in enumerate(get_args(Lane)):
            spans = outermost_first(span for span in self._spans if span.lane == lane)
            named = 0
            for span, track in laid_out(spans, is_parallel=lane == "prefetch"):
                thread = 1 + number * _TRACKS_PER_LANE + track
                if track == named:
                    named += 1
                    title = f"{lane} {track + 1}" if track else lane
                    yield from _named(_SEARCH, title, order=thread, thread=thread)
                yield "spans", self._slice(span, thread)

    def _slice(self, span: Span, thread: int) -> Event:
        block = span.attributes.get("block")
        return {
            "ph": "X",
            "name": span.phase if block is None else f"{span.phase}/{_short(block)}",
            "cat": span.phase,
            "pid": _SEARCH,
            "tid": thread,
            "ts": self._us(span.start_ns),
            "dur": (span.end_ns - span.start_ns) / 1e3,
            "args": {name: _finite(value) for name, value in span.attributes.items()},
        }

    def _counters(self) -> Iterator[tuple[Source, Event]]:
        processes: dict[str, int] = {}
        for track in self._tracks:
            place, title, times_ns, values = _shown(track)
            if place not in processes:
                processes[place] = _FIRST_COUNTERS + len(processes)
                yield from _named(processes[place], place, order=processes[place])
            before = None
            for time_ns, value in zip(times_ns, values, strict=True):
                if value != before:  # a counter keeps its value until the next is told
                    yield (
                        "series",
                        {
                            "ph": "C",
                            "name": title,
                            "pid": processes[place],
                            "ts": self._us(time_ns),
                            "args": {"value": value},
                        },
                    )
                before = value

    def _profile(self, clock: ProfileClock) -> Iterator[tuple[Source, Event]]:
        processes: dict[Any, int] = {}
        for event in read_profile_events(self._folder / PROFILE):
            own = event.get("pid")
            process = processes.setdefault(own, _FIRST_PROFILED + len(processes))
            moved = {**event, "pid": process}
            if event["ph"] == "M":
                if event["name"] == "process_name":
                    moved["args"] = {"name": f"profiler: {event['args']['name']}"}
                elif event["name"] == "process_sort_index":
                    moved["args"] = {"sort_index": process}
                moved.pop("ts", None)
                yield "name", moved
                continue
            # The profiler's own frame begins before our first anchor.
            moved["ts"] = max(0.0, self._us(clock.monotonic_ns(event["ts"])))
            if "dur" in event:
                moved["dur"] = event["dur"] * clock.ns_per_us / 1e3
            yield "profile", moved

    def _us(self, time_ns: float) -> float:
        return round(time_ns - self._origin_ns) / 1e3


def _record(folder: Path) -> Mapping[str, Any]:
    try:
        return json.loads((folder / "record.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _spans(path: Path) -> tuple[list[Span], TimedUnit | None]:
    """The spans of a run, the search itself as the outermost."""
    if not path.exists():
        return [], None
    spans = list(read_spans(path))
    timed = read_timed_unit(path)
    if timed is not None:
        # Last, as if recorded when all others had ended.
        spans.append(Span("search", timed.started_ns, timed.ended_ns, {}))
    return spans, timed


def _tracks(path: Path) -> list[Track]:
    """The counters of a run that can be drawn: of a growing one, at least two samples."""
    if not path.exists():
        return []
    from harness.telemetry.series import read_series

    return [
        track
        for track in read_series(path)
        if track.counter.kind != "cumulative" or len(track.values) > 1
    ]


def _shown(track: Track) -> tuple[str, str, list[int], list[float]]:
    """Where a counter is shown, under which title, its times and values.

    What only grows is shown as its rate, from the sample at which a step begins.
    """
    place, _, title = track.name.rpartition(".")
    if _CORE.fullmatch(place):
        place, title = "cores", f"{place} {title}"
    rate = track.rate() if track.counter.kind == "cumulative" else None
    if rate is None:
        return place, title, track.times_ns.tolist(), track.values.tolist()
    return place, f"{title} per s", track.times_ns[:-1].tolist(), rate.values.tolist()


def _named(
    process: int, name: str, *, order: int, thread: int | None = None
) -> Iterator[tuple[Source, Event]]:
    kind = "process" if thread is None else "thread"
    place = {"ph": "M", "pid": process, "tid": thread or 0}
    yield "name", {**place, "name": f"{kind}_name", "args": {"name": name}}
    yield "name", {**place, "name": f"{kind}_sort_index", "args": {"sort_index": order}}


def _short(block: object) -> str:
    """Architecture ids as they are; hashes cut to what tells them apart by eye."""
    text = str(block)
    return text[:_HASH_CHARACTERS] if _HASH.fullmatch(text) else text


def _finite(value: Any) -> Any:
    """JSON has no NaN and no infinity."""
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
