"""A device's own timeline: events in its stream, placed on the host's monotonic clock."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

REFERENCE_MS = 2000.0
"""Events are dated by their distance from a reference event at most about this far back.

The device tells distances as float32 milliseconds: at two seconds that resolves 0.12 µs, at
ten minutes only 61 µs.
"""

ANCHOR_TRIES = 5
"""An anchor is tried as often; the one that the host can place most exactly is kept."""


class DeviceEvent(Protocol):
    """The part of a recorded ``torch.cuda.Event`` (with timing) that is needed here."""

    def synchronize(self) -> None:
        """Wait until it is passed."""
        ...

    def elapsed_time(self, end_event: Any) -> float:
        """Milliseconds from this event to ``end_event``, both passed."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Anchor:
    """An event whose time is known on both clocks."""

    event: DeviceEvent
    host_ns: int
    uncertainty_ns: int
    """The event was passed at most this long before or after ``host_ns``."""


class DeviceTimeline:
    """Marks in a device's stream, dated after the timed unit is over.

    An event is passed as soon as the host has handed it out *and* the stream has come to
    it. The time between two neighbouring marks is therefore what the work between them
    adds to the critical path, whoever did it: nothing for planning done while the device
    still computes, the full time for planning that lets it idle. Charged to the phase that
    was open, the parts add up to the whole from the first mark to the last.

    Marks cost an event each and never wait. ``start`` and ``stop`` wait for the device and
    belong outside the timed unit: they tie the device's clock to the host's at both ends,
    and everything between is placed on the straight line through the two.

    One stream is watched. Work on others counts as far as that stream waits for it.
    """

    def __init__(
        self,
        record_event: Callable[[], DeviceEvent],
        *,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """``record_event`` hands the stream an event, passed when all before it is done."""
        self._record_event = record_event
        self._clock = clock
        self._events: list[DeviceEvent] = []
        self._charges: list[str] = []
        self._times_ns: list[int] = []
        self._first: Anchor | None = None
        self._facts: dict[str, Any] = {}

    @classmethod
    def for_device(cls, device: str) -> DeviceTimeline | None:
        """The timeline of a CUDA device's current stream; None where the host's clock says all.

        Creates the CUDA context if there is none yet.
        """
        if not device.startswith("cuda"):
            return None
        import torch

        stream = torch.cuda.current_stream(torch.device(device))
        return cls(lambda: stream.record_event(torch.cuda.Event(enable_timing=True)))

    def start(self) -> None:
        """Forget everything, anchor the clocks and set the first mark."""
        self._charges.clear()
        self._times_ns.clear()
        self._facts = {}
        self._first = self._anchor()
        self._events = [self._record_event()]

    def mark(self, phase: str) -> int:
        """Set a mark; the time since the mark before it is charged to ``phase``.

        Returns:
            The mark's number, for ``time_ns``.
        """
        self._events.append(self._record_event())
        self._charges.append(phase)
        return len(self._charges)

    def stop(self) -> None:
        """Wait for the last mark, anchor again and date all marks."""
        assert self._first is not None, "start() first"
        self._events[-1].synchronize()
        last = self._anchor()
        placed = _distances_ms([self._first.event, *self._events, last.event])
        whole_ms, whole_ns = placed[-1], last.host_ns - self._first.host_ns
        self._times_ns = [
            self._first.host_ns + round(ms / whole_ms * whole_ns) for ms in placed[1:-1]
        ]
        self._facts = {
            "marks": len(self._events),
            "anchor_uncertainty_ns": max(self._first.uncertainty_ns, last.uncertainty_ns),
            "drift_ppm": (whole_ns / (whole_ms * 1e6) - 1) * 1e6,
        }
        self._events = []

    def time_ns(self, mark: int) -> int:
        """When a mark was passed, on the host's monotonic clock."""
        return self._times_ns[mark]

    def charged_ns(self) -> dict[str, int]:
        """Time on the critical path by phase; the sum is last mark less first."""
        charged: dict[str, int] = {}
        for phase, (start, end) in zip(
            self._charges, itertools.pairwise(self._times_ns), strict=True
        ):
            charged[phase] = charged.get(phase, 0) + end - start
        return charged

    def facts(self) -> dict[str, Any]:
        """How exactly the two clocks are tied: for the record, after ``stop``."""
        return dict(self._facts)

    def _anchor(self) -> Anchor:
        """An event on an idle device, between two readings of the host's clock."""
        tries = []
        for _ in range(ANCHOR_TRIES):
            self._record_event().synchronize()
            before_ns = self._clock()
            event = self._record_event()
            event.synchronize()
            after_ns = self._clock()
            half_ns = (after_ns - before_ns) // 2
            tries.append(Anchor(event=event, host_ns=before_ns + half_ns, uncertainty_ns=half_ns))
        return min(tries, key=lambda anchor: anchor.uncertainty_ns)


def _distances_ms(events: list[DeviceEvent]) -> list[float]:
    """Milliseconds from the first event to each, never falling.

    The reference moves on before its distances get too coarse; what is between two events
    far apart from each other is told coarsely, once, and not carried further.
    """
    reference, base_ms = events[0], 0.0
    distances = [0.0]
    for event in events[1:]:
        away_ms = reference.elapsed_time(event)
        distances.append(max(distances[-1], base_ms + away_ms))
        if away_ms > REFERENCE_MS:
            reference, base_ms = event, distances[-1]
    return distances
