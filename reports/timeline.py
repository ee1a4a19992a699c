"""The timeline of one run, small enough for a page: which phase took each moment."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from reports import labels
from reports.errors import ReportError

if TYPE_CHECKING:
    from numpy.typing import NDArray

SPANS = "spans.parquet"
STEPS = 600
"""Moments of a timeline; each is shown in the colour of the phase that took most of it."""

IDLE = "idle"
NOT_COUNTED = "excluded"
SHOWN = (*labels.PHASES, NOT_COUNTED, IDLE)
"""What a moment can be; a timeline names it by its letter, ``a`` for the first."""

LANES = {"host": "search", "device": "device", "prefetch": "in the background"}
_METADATA = b"alsatian_bench"


@dataclass(frozen=True, kw_only=True, slots=True)
class Lane:
    """What one lane did."""

    title: str
    code: str
    """A letter for the phase and the number of steps it lasts, again and again: ``a12c3``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Spans:
    """The spans of a run, by column."""

    lanes: Sequence[str]
    phases: Sequence[str]
    starts_ns: NDArray[np.int64]
    ends_ns: NDArray[np.int64]
    blocks: Sequence[str | None]
    vertices: Sequence[int | None]
    begin_ns: int
    """Of the timed unit, on the clock of the spans."""
    end_ns: int

    @property
    def length_s(self) -> float:
        """Length of the timed unit, with what was not counted."""
        return (self.end_ns - self.begin_ns) / 1e9


def read_spans(run: Path, *, with_blocks: bool = False) -> Spans | None:
    """The spans of the run in the folder ``run``; None where it wrote none.

    Args:
        run: the run's folder.
        with_blocks: read too which blocks were executed; else these are unknown.

    Raises:
        ReportError: the file cannot be read, or is no table of spans.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = run / SPANS
    if not path.exists():
        return None
    try:
        with pq.ParquetFile(path) as file:
            metadata = file.schema_arrow.metadata or {}
            wanted = {"phase", "lane", "start_ns", "end_ns"}
            wanted |= {"block", "vertex"} if with_blocks else set()
            columns = [name for name in file.schema_arrow.names if name in wanted]
            table = file.read(columns=columns, use_threads=False)  # small: threads cost more
        starts_ns = table["start_ns"].to_numpy()
        ends_ns = table["end_ns"].to_numpy()
        timed = json.loads(metadata[_METADATA]) if _METADATA in metadata else {}
        empty = [None] * table.num_rows
        names = table.column_names
        return Spans(
            lanes=table["lane"].to_pylist() if "lane" in names else ["host"] * table.num_rows,
            phases=table["phase"].to_pylist(),
            starts_ns=starts_ns,
            ends_ns=ends_ns,
            blocks=table["block"].to_pylist() if "block" in names else empty,
            vertices=table["vertex"].to_pylist() if "vertex" in names else empty,
            begin_ns=int(timed.get("started_ns", starts_ns.min(initial=0))),
            end_ns=int(timed.get("ended_ns", ends_ns.max(initial=0))),
        )
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ReportError(
            f"{path}: not a readable table of spans ({first}). The run is shown without its "
            "timeline; repeat it with --force to have one."
        ) from error


def lanes_of(spans: Spans) -> tuple[Lane, ...]:
    """What each lane of a run did, step by step; empty where the search has no length."""
    if spans.end_ns <= spans.begin_ns:
        return ()
    edges = np.linspace(spans.begin_ns, spans.end_ns, STEPS + 1)
    lanes = np.array(spans.lanes, dtype=object)
    found = []
    for lane, title in LANES.items():
        at = np.flatnonzero(lanes == lane)
        if len(at):
            found.append(
                Lane(title=title, code=_code(spans, at, edges, is_nested=lane != "prefetch"))
            )
    return tuple(found)


def stretches(lane: Lane, length_s: float) -> Iterator[tuple[str, float, float]]:
    """What a lane did (of ``SHOWN``), from when to when in seconds, over a run of ``length_s``."""
    at = 0
    for letter, count in re.findall(r"([a-z])(\d+)", lane.code):
        until = at + int(count)
        yield SHOWN[ord(letter) - ord("a")], at * length_s / STEPS, until * length_s / STEPS
        at = until


def _code(
    spans: Spans, at: NDArray[np.int64], edges: NDArray[np.float64], *, is_nested: bool
) -> str:
    phases = np.array([spans.phases[row] for row in at], dtype=object)
    starts, ends = spans.starts_ns[at], spans.ends_ns[at]
    parents = _parents(phases, starts, ends) if is_nested else np.full(len(at), None, dtype=object)
    taken = np.zeros((len(SHOWN), STEPS))  # [phases, steps], nanoseconds
    for name in sorted(set(phases)):
        is_own, is_inner = phases == name, parents == name
        own = _overlap(starts[is_own], ends[is_own], edges)
        taken[_number(name)] += own - _overlap(starts[is_inner], ends[is_inner], edges)
    taken[-1] = np.maximum(np.diff(edges) - taken[:-1].sum(axis=0), 0.0)
    letters = (chr(ord("a") + int(phase)) for phase in taken.argmax(axis=0))
    return "".join(f"{letter}{len(list(run))}" for letter, run in itertools.groupby(letters))


def _number(phase: str) -> int:
    return SHOWN.index(phase) if phase in SHOWN else SHOWN.index("other")


def _overlap(
    starts: NDArray[Any], ends: NDArray[Any], edges: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Nanoseconds that intervals, taken together, have in each step [len(edges) - 1].

    The time after all starts, less that after all ends, up to each edge.
    """

    def after(moments: NDArray[Any]) -> NDArray[np.float64]:
        ordered = np.sort(moments)
        count = np.searchsorted(ordered, edges, side="right")
        # From the first edge: whole nanoseconds of a long uptime are beyond a float's digits.
        total = np.concatenate([[0.0], np.cumsum((ordered - edges[0]).astype(np.float64))])
        return count * (edges - edges[0]) - total[count]

    return np.diff(after(starts) - after(ends))


def _parents(
    phases: NDArray[Any], starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> NDArray[Any]:
    """The phase of the span directly around each span; None for the outermost."""
    # Spans are written as they end: of two with the same begin and end the later is the outer.
    order = np.lexsort((-np.arange(len(starts)), -ends, starts))
    parents = np.full(len(starts), None, dtype=object)
    open_: list[tuple[int, str]] = []
    listed = zip(order.tolist(), starts[order].tolist(), ends[order].tolist(), strict=True)
    for row, start, end in listed:
        while open_ and open_[-1][0] <= start:
            open_.pop()
        if open_:
            parents[row] = open_[-1][1]
        open_.append((end, phases[row]))
    return parents
