"""Spans of one search: where its wall time went, phase by phase."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from systems.tracing import PHASES, Phase

EXCLUDED = "excluded"
UNATTRIBUTED = "unattributed"


@dataclass(frozen=True, slots=True)
class Span:
    """One piece of work on the host's monotonic clock."""

    phase: str
    start_ns: int
    end_ns: int
    attributes: dict[str, Any]


class SpanTracer:
    """Records spans and counters of the timed unit (a ``systems.tracing.Tracer``).

    At every moment exactly one phase is charged, the innermost open span's; what no span
    covers is charged to ``unattributed``. Nothing here waits for a device.
    """

    def __init__(
        self,
        *,
        on_progress: Callable[[int, int, str], None] | None = None,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.spans: list[Span] = []
        self.counts: dict[str, int] = {}
        self.phases_ns = dict.fromkeys((*PHASES, UNATTRIBUTED, EXCLUDED), 0)
        self._open = [UNATTRIBUTED]
        self._on_progress = on_progress
        self._clock = clock
        self._mark_ns = self.started_ns = clock()

    def start(self) -> None:
        """Begin the timed unit: forget what was recorded so far."""
        self.spans.clear()
        self.counts.clear()
        self.phases_ns = dict.fromkeys(self.phases_ns, 0)
        self._mark_ns = self.started_ns = self._clock()

    def stop(self) -> None:
        """End the timed unit."""
        self._charge()

    @property
    def wall_s(self) -> float:
        """Length of the timed unit, without what was excluded from it."""
        return sum(ns for phase, ns in self.phases_ns.items() if phase != EXCLUDED) / 1e9

    def phases_s(self) -> dict[str, float]:
        """Exclusive seconds of each phase."""
        return {phase: self.phases_ns[phase] / 1e9 for phase in PHASES}

    def span(self, phase: Phase, **attributes: object) -> _OpenSpan:
        """Charge the enclosed work to ``phase``."""
        return _OpenSpan(self, phase, attributes)

    def excluded(self) -> _OpenSpan:
        """Charge the enclosed work to nobody."""
        return _OpenSpan(self, EXCLUDED, {})

    def count(self, name: str, amount: int) -> None:
        """Add ``amount`` to the counter ``name``."""
        self.counts[name] = self.counts.get(name, 0) + amount

    def peak(self, name: str, value: int) -> None:
        """Keep the largest ``value`` under ``name``."""
        self.counts[name] = max(self.counts.get(name, value), value)

    def progress(self, *, step: int, steps: int, what: str) -> None:
        """Pass the news on."""
        if self._on_progress is not None:
            self._on_progress(step, steps, what)

    def _charge(self) -> int:
        now_ns = self._clock()
        self.phases_ns[self._open[-1]] += now_ns - self._mark_ns
        self._mark_ns = now_ns
        return now_ns


class _OpenSpan:
    __slots__ = ("_attributes", "_phase", "_start_ns", "_tracer")

    def __init__(self, tracer: SpanTracer, phase: str, attributes: dict[str, object]) -> None:
        self._tracer = tracer
        self._phase = phase
        self._attributes = attributes

    def __enter__(self) -> None:
        tracer = self._tracer
        self._start_ns = tracer._charge()
        tracer._open.append(self._phase)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        tracer = self._tracer
        end_ns = tracer._charge()
        tracer._open.pop()
        tracer.spans.append(Span(self._phase, self._start_ns, end_ns, self._attributes))
