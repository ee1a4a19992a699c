"""Which batch size is fastest on this machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from systems.errors import ConfigurationError
from systems.execution.probe_model import ProbeModel

BATCH_SIZES = (8, 16, 32, 64, 128, 256)
FAST_ENOUGH = 0.97
"""Share of the best throughput with which a smaller batch is preferred: it takes less memory,
and leaves budgets and schedules more places to cut at."""
LONGEST_PASS_S = 6.0
"""Larger batches than one that takes this long are not tried."""
FEWEST_PASSES, MOST_PASSES, ENOUGH_S = 3, 12, 8.0
"""Passes of each size, interleaved, until they have taken long enough. The fastest counts, for
a disturbance only ever slows one."""
DISTURBED = 1.3
"""Slowest over fastest pass of the chosen size above which the reason says so."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """What was measured for one batch size."""

    items: int
    items_per_s: float
    peak_bytes: int
    """Memory of the process (device: of its tensors) after the batch."""
    spread: float = 1.0
    """Time of the slowest pass over that of the fastest."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchSizeChoice:
    """The batch size that was chosen, and why."""

    batch_size: int
    reason: str
    """A sentence for a person."""
    trials: Sequence[Trial]
    """From small to large."""


def tune_batch_size(
    models: Sequence[ProbeModel], *, peak_bytes: Callable[[], int], limit_bytes: int
) -> BatchSizeChoice:
    """Run batches of 8 to 256 items through all ``models`` and choose the best size.

    Args:
        models: one for each architecture of the search; an item goes through each of them.
        peak_bytes: the most memory taken so far.
        limit_bytes: the most that may be taken. A size is not tried where the memory that
            smaller ones took says that it would not fit.

    Raises:
        ConfigurationError: not even the smallest size fits.
    """
    seconds: dict[int, list[float]] = {}
    peaks: dict[int, int] = {}
    stopped = _first_passes(models, seconds, peaks, peak_bytes=peak_bytes, limit_bytes=limit_bytes)
    spent_s = 0.0
    for number in range(MOST_PASSES):
        if number >= FEWEST_PASSES and spent_s >= ENOUGH_S:
            break
        for items in sorted(seconds, reverse=number % 2 == 1):
            seconds[items].append(_pass_s(models, items))
            spent_s += seconds[items][-1]
    trials = [
        Trial(
            items=items,
            # The first pass of a size touches new memory: it is no measurement.
            items_per_s=items / min(seconds[items][1:]),
            peak_bytes=peaks[items],
            spread=max(seconds[items][1:]) / min(seconds[items][1:]),
        )
        for items in sorted(seconds)
    ]
    return choose_batch_size(trials, stopped=stopped)


def choose_batch_size(trials: Sequence[Trial], *, stopped: str | None = None) -> BatchSizeChoice:
    """The smallest size that is nearly as fast as the fastest.

    ``stopped`` is a sentence on why no larger sizes were tried.
    """
    best = max(trials, key=lambda trial: trial.items_per_s)
    chosen = next(t for t in trials if t.items_per_s >= FAST_ENOUGH * best.items_per_s)
    if chosen.items == best.items:
        reason = f"{chosen.items} was the fastest with {best.items_per_s:,.0f} items/s."
    else:
        reason = (
            f"{chosen.items} gave {chosen.items_per_s:,.0f} items/s, nearly as much as the fastest "
            f"({best.items}: {best.items_per_s:,.0f} items/s), with less memory."
        )
    if chosen.spread > DISTURBED:
        reason += f" (Passes differed by a factor of {chosen.spread:.1f}: the machine was busy.)"
    return BatchSizeChoice(
        batch_size=chosen.items,
        reason=f"{reason} {stopped}" if stopped else reason,
        trials=tuple(trials),
    )


def _first_passes(
    models: Sequence[ProbeModel],
    seconds: dict[int, list[float]],
    peaks: dict[int, int],
    *,
    peak_bytes: Callable[[], int],
    limit_bytes: int,
) -> str | None:
    """One pass of each size, small to large, while they fit; why it ended early, if it did."""
    before_bytes = peak_bytes()
    expected_bytes = before_bytes
    for items in BATCH_SIZES:
        if expected_bytes > limit_bytes:
            rule = f"about {expected_bytes:,} bytes, and {limit_bytes:,} may be taken"
            if not seconds:
                raise ConfigurationError(
                    f"batch_size is auto, but a batch of {items} items would need {rule}: raise "
                    "memory_limit, or give a small batch_size."
                )
            return f"{items} would need {rule}."
        seconds[items] = [_pass_s(models, items)]
        peaks[items] = peak_bytes()
        # The next size is twice as large, and so are its activations.
        expected_bytes = before_bytes + 2 * (peaks[items] - before_bytes)
        if seconds[items][0] > LONGEST_PASS_S:
            return f"A batch of {items} took {seconds[items][0]:.1f} s: larger ones were not tried."
    return None


def _pass_s(models: Sequence[ProbeModel], items: int) -> float:
    return sum(model.pass_s(model.batch(items)) for model in models)


def device_peak_bytes(device: str) -> Callable[[], int]:
    """A function that gives the most memory taken so far on ``device``."""
    if device == "cpu":
        import resource

        return lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return lambda: torch.cuda.max_memory_allocated(device)
