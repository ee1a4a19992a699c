"""Spans of one search: where its wall time went, phase by phase."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal

from harness.device_spans import DeviceTimeline
from systems.tracing import PHASES, Phase

EXCLUDED = "excluded"
UNATTRIBUTED = "unattributed"

Lane = Literal["host", "device", "prefetch"]
"""Where work is shown: the searching thread, the device's stream, any other thread."""


@dataclass(frozen=True, slots=True)
class Span:
    """One piece of work on the host's monotonic clock."""

    phase: str
    start_ns: int
    end_ns: int
    attributes: dict[str, Any]
    lane: Lane = "host"


class SpanTracer:
    """Records spans and counters of the timed unit (a ``systems.tracing.Tracer``).

    At every moment exactly one phase is charged, the innermost open span's; what no span
    covers is charged to ``unattributed``. With a ``device`` timeline the same is done on
    the device's stream once the timed unit is over, and that is the critical path: the
    host only hands out work, so that its own times say where it waited, not what took
    long. Nothing here waits for a device between ``start`` and ``stop``.

    Spans of other threads than the one that called ``start`` are background work: kept in
    ``background``, shown on the lane ``prefetch``, charged to nobody.
    """

    def __init__(
        self,
        *,
        on_progress: Callable[[int, int, str], None] | None = None,
        clock: Callable[[], int] = time.monotonic_ns,
        device: DeviceTimeline | None = None,
    ) -> None:
        self.spans: list[Span] = []
        """Of the searching thread, in the order in which they ended."""
        self.background: list[Span] = []
        self.device_spans: list[Span] = []
        """Known after ``stop``; empty without a device timeline."""
        self.counts: dict[str, int] = {}
        self.decisions: list[dict[str, Any]] = []
        """What the system chose by itself, in order."""
        self.host_phases_ns = _nothing_charged()
        self.phases_ns = self.host_phases_ns
        """Exclusive time by phase on the critical path."""
        self._open = [UNATTRIBUTED]
        self._marked: list[tuple[str, int, int, dict[str, Any]]] = []
        self._on_progress = on_progress
        self._clock = clock
        self._device = device
        self._thread = threading.get_ident()
        self._counting = threading.Lock()
        self._mark_ns = self.started_ns = self.ended_ns = clock()

    def start(self) -> None:
        """Begin the timed unit: forget what was recorded so far."""
        for recorded in (self.spans, self.background, self.device_spans, self._marked):
            recorded.clear()
        self.decisions.clear()
        self.counts.clear()
        self._thread = threading.get_ident()
        self.phases_ns = self.host_phases_ns = _nothing_charged()
        if self._device is not None:
            self._device.start()
        self._mark_ns = self.started_ns = self._clock()

    def stop(self) -> None:
        """End the timed unit; with a device, once the device has come to it."""
        self.ended_ns = self._charge()
        if self._device is not None:
            self._device.mark(self._open[-1])
            self._device.stop()
            self.phases_ns = _nothing_charged() | self._device.charged_ns()
            self.ended_ns = max(self.ended_ns, self._device.time_ns(-1))
            self.device_spans = [
                Span(
                    phase,
                    self._device.time_ns(first),
                    self._device.time_ns(last),
                    attributes,
                    "device",
                )
                for phase, first, last, attributes in self._marked
            ]

    @property
    def wall_s(self) -> float:
        """Length of the timed unit, without what was excluded from it."""
        return (self.ended_ns - self.started_ns - self.phases_ns[EXCLUDED]) / 1e9

    @property
    def critical_spans(self) -> list[Span]:
        """The spans whose lengths say what work took: the device's where there is one."""
        return self.spans if self._device is None else self.device_spans

    @property
    def all_spans(self) -> list[Span]:
        """The spans of all lanes, for the record."""
        return [*self.spans, *self.device_spans, *self.background]

    def phases_s(self) -> dict[str, float]:
        """Exclusive seconds of each phase."""
        return {phase: self.phases_ns[phase] / 1e9 for phase in PHASES}

    def span(self, phase: Phase, **attributes: object) -> AbstractContextManager[None]:
        """Charge the enclosed work to ``phase``."""
        if threading.get_ident() != self._thread:
            return _BackgroundSpan(self, phase, attributes)
        return _OpenSpan(self, phase, attributes)

    def excluded(self) -> AbstractContextManager[None]:
        """Charge the enclosed work to nobody."""
        return _OpenSpan(self, EXCLUDED, {})

    def count(self, name: str, amount: int) -> None:
        """Add ``amount`` to the counter ``name``."""
        with self._counting:
            self.counts[name] = self.counts.get(name, 0) + amount

    def peak(self, name: str, value: int) -> None:
        """Keep the largest ``value`` under ``name``."""
        with self._counting:
            self.counts[name] = max(self.counts.get(name, value), value)

    def decide(self, what: str, **facts: object) -> None:
        """Keep the decision for the record."""
        self.decisions.append({"what": what, **facts})

    def progress(self, *, step: int, steps: int, what: str) -> None:
        """Pass the news on."""
        if self._on_progress is not None:
            self._on_progress(step, steps, what)

    def _charge(self) -> int:
        now_ns = self._clock()
        self.host_phases_ns[self._open[-1]] += now_ns - self._mark_ns
        self._mark_ns = now_ns
        return now_ns


def _nothing_charged() -> dict[str, int]:
    return dict.fromkeys((*PHASES, UNATTRIBUTED, EXCLUDED), 0)


class _OpenSpan:
    __slots__ = ("_attributes", "_first_mark", "_phase", "_start_ns", "_tracer")

    def __init__(self, tracer: SpanTracer, phase: str, attributes: dict[str, object]) -> None:
        self._tracer = tracer
        self._phase = phase
        self._attributes = attributes

    def __enter__(self) -> None:
        tracer = self._tracer
        self._start_ns = tracer._charge()
        if tracer._device is not None:
            self._first_mark = tracer._device.mark(tracer._open[-1])
        tracer._open.append(self._phase)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        tracer = self._tracer
        if tracer._device is not None:
            last_mark = tracer._device.mark(self._phase)
            tracer._marked.append((self._phase, self._first_mark, last_mark, self._attributes))
        end_ns = tracer._charge()
        tracer._open.pop()
        tracer.spans.append(Span(self._phase, self._start_ns, end_ns, self._attributes))


class _BackgroundSpan:
    __slots__ = ("_attributes", "_phase", "_start_ns", "_tracer")

    def __init__(self, tracer: SpanTracer, phase: str, attributes: dict[str, object]) -> None:
        self._tracer = tracer
        self._phase = phase
        self._attributes = attributes

    def __enter__(self) -> None:
        self._start_ns = self._tracer._clock()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        tracer = self._tracer
        span = Span(self._phase, self._start_ns, tracer._clock(), self._attributes, "prefetch")
        tracer.background.append(span)
