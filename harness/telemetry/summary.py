"""What a record says of a run's telemetry: levels, totals, peaks, phases, doubts.

Everything is taken over the timed unit. Unknown is null, with the reason under ``missing``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from harness.telemetry.doubts import doubts
from harness.telemetry.phase_windows import PhaseWindows
from harness.telemetry.series import Group, Series, Track
from harness.telemetry.window import Window, growth, mean

UPDATES = 5
"""A stretch of a phase must hold so many updates of a counter to be told from its neighbours."""
UPDATE_S = {"energy_j": 0.1, "power_w": 0.1, "utilisation": 1 / 6, "cpu_s": 0.1}
"""How long a counter can take from one update to the next."""
PER_PHASE = ("power_w", "utilisation", "energy_j")

GAP = 3.0
"""Samples farther apart than so many intervals leave a gap."""


def summarise(
    series: Series, *, window: Window, phases: Mapping[str, PhaseWindows] | None = None
) -> dict[str, Any]:
    """The record's ``telemetry``: ``series`` over ``window``, joined to ``phases``."""
    tracks = {track.name: track for track in series.tracks()}
    return {
        "is_complete": series.end is not None,
        "reason": None if series.end else "The sampler did not come to its end.",
        "window_s": window.seconds,
        "counters": {
            name: _described(track, window)
            for name, track in tracks.items()
            if not name.startswith("cpu")  # one of each core: in the series
        },
        "peaks": _peaks(series, tracks, window),
        "phases": {
            phase: {"seconds": windows.total_s, **_of_phase(tracks, windows)}
            for phase, windows in (phases or {}).items()
        },
        "sampling": {
            name: _regularity(group, window) for name, group in series.groups.items()
        },
        "sampler": _own_cost(series),
        "gpus": dict(series.header["gpus"]),
        "missing": _missing(series),
        "lost": {
            event["name"]: event["reason"] for event in series.events if event["event"] == "lost"
        },
        "doubts": doubts(series, tracks, window),
    }  # fmt: skip


def timed_window(phases: Mapping[str, PhaseWindows]) -> Window:
    """From the first span's start to the last one's end."""
    return Window(
        start_ns=int(min(windows.starts_ns[0] for windows in phases.values())),
        end_ns=int(max(windows.ends_ns[-1] for windows in phases.values())),
    )


def whole_window(series: Series) -> Window:
    """From the first sample to the last; the header's moment if there is none."""
    times = [group.times_ns for group in series.groups.values() if len(group.times_ns)]
    begun = series.header["t_ns"]
    return Window(
        start_ns=int(min((each[0] for each in times), default=begun)),
        end_ns=int(max((each[-1] for each in times), default=begun)),
    )


def _described(track: Track, window: Window) -> dict[str, Any]:
    described = track.counter
    if described.kind == "cumulative":
        return {"unit": described.unit, "total": growth(track, window)}
    values = window.of(track)
    if described.kind == "flags":
        seen = int(np.bitwise_or.reduce(values.astype(np.int64))) if len(values) else None
        return {"unit": described.unit, "seen": seen}
    return {
        "unit": described.unit,
        "min": float(values.min()) if len(values) else None,
        "mean": mean(track, window),
        "max": float(values.max()) if len(values) else None,
    }


def _peaks(series: Series, tracks: Mapping[str, Track], window: Window) -> dict[str, Any]:
    peaks: dict[str, Any] = {
        name.replace(".", "_"): _highest(tracks.get(name), window)
        for name in (
            "tree.rss_bytes", "tree.pss_bytes", "tree.peak_rss_bytes",
            "cgroup.memory_bytes", "cgroup.memory_peak_bytes",
        )
    }  # fmt: skip
    for place, facts in series.header["gpus"].items():
        highest = _highest(tracks.get(f"{place}.memory_used_bytes"), window)
        is_known = highest is not None and facts["idle_bytes"] is not None
        peaks[f"{place}_memory_above_idle_bytes"] = (
            max(0, highest - facts["idle_bytes"]) if is_known and highest is not None else None
        )
    return peaks


def _highest(track: Track | None, window: Window) -> int | None:
    values = window.of(track) if track is not None else ()
    return int(max(values)) if len(values) else None


def _of_phase(tracks: Mapping[str, Track], windows: PhaseWindows) -> dict[str, float | None]:
    """Mean power and utilisation, energy, processor load; null for phases too short."""
    values: dict[str, float | None] = {}
    for name, track in tracks.items():
        own = name.rpartition(".")[2]
        if name == "tree.cpu_s" or own in PER_PHASE:
            label = "tree.cpu_load" if name == "tree.cpu_s" else name
            values[label] = _in_phase(track, own, windows)
    return values


def _in_phase(track: Track, own: str, windows: PhaseWindows) -> float | None:
    stretches = windows.stretches(UPDATES * UPDATE_S[own])
    if stretches is None:
        return None
    amounts, seconds = [], 0.0
    for start_ns, end_ns in zip(*stretches, strict=True):
        stretch = Window(start_ns=int(start_ns), end_ns=int(end_ns))
        if track.counter.kind == "cumulative":
            amount = growth(track, stretch)
        else:
            level = mean(track, stretch)
            amount = None if level is None else level * stretch.seconds
        if amount is None:
            return None
        amounts.append(amount)
        seconds += stretch.seconds
    # Bridged interruptions in, leftovers too short to be a stretch out: at most 5% each.
    return sum(amounts) / seconds * (windows.total_s if own == "energy_j" else 1.0)


def _regularity(group: Group, window: Window) -> dict[str, Any]:
    times_ns = group.times_ns
    inside = times_ns[(times_ns >= window.start_ns) & (times_ns <= window.end_ns)]
    # What lies between the last sample before the window and its start belongs to it too.
    edges = np.concatenate(([window.start_ns], inside, [window.end_ns]))
    steps_s = np.diff(edges) / 1e9
    return {
        "interval_s": group.interval_s,
        "samples": len(inside),
        "median_interval_s": float(np.median(np.diff(inside))) / 1e9 if len(inside) > 1 else None,
        "longest_gap_s": float(steps_s.max()),
        "gaps": int((steps_s > GAP * group.interval_s).sum()),
    }


def _own_cost(series: Series) -> dict[str, Any]:
    end = series.end or {}
    cpu_s, wall_s = end.get("cpu_s"), end.get("wall_s")
    return {
        "startup_cpu_s": series.header["startup_cpu_s"],
        "cpu_s": cpu_s,
        "cpu_share": cpu_s / wall_s if cpu_s is not None and wall_s else None,
        "budget": series.header["budget"],
        "longest_stretch": end.get("longest_stretch"),
        "errors": end.get("errors", {}),
    }


def _missing(series: Series) -> dict[str, str]:
    missing = dict(series.header["missing"])
    if series.header["no_gpus"]:
        missing["gpu"] = series.header["no_gpus"]
    for event in series.events:
        if event["event"] == "missing":
            missing[event["name"]] = event["reason"]
    return missing
