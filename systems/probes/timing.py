"""Times of short pieces of work: repeated, in turns, on the clock of their device."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

WARM_UPS = 2
"""Goes that do not count, for kernels are chosen and memory is found in them."""
LEAST_REPEATS, MOST_REPEATS = 5, 100
ENOUGH_S = 1.0
"""Seconds of measuring after which the least number of repeats is enough."""


class Stopwatch:
    """Marks moments in the stream of work of a device: the processor's, or a GPU's own."""

    def __init__(self, device: str) -> None:
        self._device = device if device.startswith("cuda") else None
        self._moments_s: list[float] = []
        self._events: list[torch.cuda.Event] = []

    def mark(self) -> None:
        """Mark this moment; never waits."""
        if self._device is None:
            self._moments_s.append(time.perf_counter())
            return
        event = torch.cuda.Event(enable_timing=True)
        event.record(torch.cuda.current_stream(self._device))
        self._events.append(event)

    def laps_s(self) -> list[float]:
        """Seconds from each mark to the next, all forgotten then; waits for the device."""
        if self._device is None:
            moments_s, self._moments_s = self._moments_s, []
            return list(np.diff(moments_s))
        events, self._events = self._events, []
        events[-1].synchronize()
        return [a.elapsed_time(b) / 1e3 for a, b in itertools.pairwise(events)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Times:
    """How long one piece of work took, each time."""

    samples_s: tuple[float, ...]

    def columns(self, name: str, *, per: float = 1.0) -> dict[str, float | int]:
        """Median and quartiles of seconds / ``per`` under ``name``, and the repeats."""
        samples = np.array(self.samples_s) / per
        low, middle, high = np.quantile(samples, (0.25, 0.5, 0.75)).tolist()
        return {name: middle, f"low_{name}": low, f"high_{name}": high, "repeats": len(samples)}

    def rate_columns(self, name: str, amount: float) -> dict[str, float | int]:
        """``amount`` / median and quartiles of seconds under ``name``, and the repeats."""
        low_s, middle_s, high_s = np.quantile(self.samples_s, (0.25, 0.5, 0.75)).tolist()
        return {
            name: amount / middle_s,
            f"low_{name}": amount / high_s,
            f"high_{name}": amount / low_s,
            "repeats": len(self.samples_s),
        }

    def speed_up_over(self, reference: Times) -> float:
        """time(reference) / time(this): the median over pairs of the same repeat."""
        return float(np.median(np.array(reference.samples_s) / np.array(self.samples_s)))


def repeated(
    laps_s: Callable[[], Sequence[float]], *, enough_s: float | None = None
) -> tuple[Times, ...]:
    """The times of each lap of some work that is gone through again and again.

    Args:
        laps_s: does the work once and gives the seconds of its laps, always as many.
        enough_s: goes on until the laps together took so long, within the bounds on repeats;
            one go that takes so long is enough to get warm. None: ``ENOUGH_S``.
    """
    enough_s = ENOUGH_S if enough_s is None else enough_s
    warm_s = sum(laps_s())
    for _ in range(WARM_UPS - 1):
        warm_s += sum(laps_s()) if warm_s < enough_s else 0.0
    rounds: list[Sequence[float]] = []
    spent_s = 0.0
    while len(rounds) < LEAST_REPEATS or (spent_s < enough_s and len(rounds) < MOST_REPEATS):
        rounds.append(laps_s())
        spent_s += sum(rounds[-1])
    return tuple(
        Times(samples_s=tuple(map(float, samples_s))) for samples_s in zip(*rounds, strict=True)
    )


def in_turns(
    ways: Mapping[str, Callable[[], object]],
    *,
    device: str,
    before: Callable[[str], None] | None = None,
) -> dict[str, Times]:
    """The times of several ways to do the same, one after the other in each repeat.

    Every other repeat goes through them backwards, so that drift does not favour one.
    ``before`` is called ahead of each turn with the name of the way, and not timed.
    """
    watch, names = Stopwatch(device), list(ways)
    goes = 0

    def once() -> list[float]:
        nonlocal goes
        goes += 1
        taken_s: dict[str, float] = {}
        for name in names if goes % 2 else reversed(names):
            if before is not None:
                before(name)
            watch.mark()
            made = ways[name]()
            watch.mark()
            del made  # to give it back is no part of making it
            (taken_s[name],) = watch.laps_s()
        return [taken_s[name] for name in names]

    return dict(zip(names, repeated(once), strict=True))
