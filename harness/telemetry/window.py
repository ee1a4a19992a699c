"""A counter within a window of time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.telemetry.series import Track

LEAST_COVERAGE = 0.9
"""Share of a window that samples must span for the window to have a total or a mean."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """A stretch of the monotonic clock."""

    start_ns: int
    end_ns: int

    @property
    def seconds(self) -> float:
        """Its length."""
        return (self.end_ns - self.start_ns) / 1e9

    def of(self, track: Track) -> NDArray[np.float64]:
        """The values sampled within; if there are none, the last one before."""
        first, last = np.searchsorted(track.times_ns, (self.start_ns, self.end_ns))
        last += last < len(track.times_ns) and track.times_ns[last] == self.end_ns
        return track.values[first:last] if last > first else track.values[max(0, first - 1) : first]

    def is_covered_by(self, track: Track) -> bool:
        """Whether the samples span enough of it, from before its start to after its end."""
        if len(track.times_ns) < 2 or self.seconds <= 0:
            return False
        shared_ns = min(self.end_ns, track.times_ns[-1]) - max(self.start_ns, track.times_ns[0])
        return bool(shared_ns >= LEAST_COVERAGE * (self.end_ns - self.start_ns))


def growth(track: Track, window: Window) -> float | None:
    """How much a cumulative counter grew, evenly between samples; None if uncovered."""
    if not window.is_covered_by(track):
        return None
    start, end = np.interp((window.start_ns, window.end_ns), track.times_ns, track.values)
    return float(end - start)


def mean(track: Track, window: Window) -> float | None:
    """Mean of a level over time (trapezoids between samples); None if uncovered."""
    if not window.is_covered_by(track):
        return None
    low = max(window.start_ns, int(track.times_ns[0]))
    high = min(window.end_ns, int(track.times_ns[-1]))
    inside = (track.times_ns > low) & (track.times_ns < high)
    # Times relative to the window: nanoseconds since boot leave a float few digits.
    times_s = np.concatenate(([0], track.times_ns[inside] - low, [high - low])) / 1e9
    edges = np.interp((low, high), track.times_ns, track.values)
    values = np.concatenate((edges[:1], track.values[inside], edges[1:]))
    return float(np.trapezoid(values, times_s) / times_s[-1])
