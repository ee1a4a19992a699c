"""Facts that may make a run doubtful; what invalidates it is ruled elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from harness.telemetry.series import Series, Track
from harness.telemetry.throttling import reasons_in
from harness.telemetry.window import Window, growth


def doubts(series: Series, tracks: Mapping[str, Track], window: Window) -> dict[str, Any]:
    """Throttling, foreign processes, swapping, the load of others, holes in the sampling.

    - ``throttled``: per device, the share of samples with each reason (names as in
      ``throttling.THROTTLE_REASONS``, "idle" left out); null where the device does not say.
    - ``foreign_gpu_processes``: the most seen at once on a device of the run; null where
      nobody can tell.
    - ``swap_in_bytes``, ``swap_out_bytes``: by anybody on the machine.
    - ``others_cpu_share``: of all cores' time, what went to neither the run nor the sampler;
      ``others_own_cores_share``: the same on the cores that the worker may use.
    - ``steal_share``: what the hypervisor kept.
    - ``*_pressure_share``: time in which some task waited (PSI).
    """
    return {
        "throttled": {place: _throttled(tracks, place, window) for place in _devices(series)},
        "foreign_gpu_processes": _foreign(tracks, window),
        "swap_in_bytes": _total(tracks, "machine.swap_in_bytes", window),
        "swap_out_bytes": _total(tracks, "machine.swap_out_bytes", window),
        **_others(series, tracks, window),
        **{
            f"{kind}_pressure_share": _share(
                _total(tracks, f"machine.{kind}_pressure_s", window), window.seconds
            )
            for kind in ("cpu", "memory", "memory_full", "io", "io_full")
        },
    }


def _devices(series: Series) -> list[str]:
    """Whole devices: an instance of one is throttled with it."""
    return [place for place in series.header["gpus"] if "." not in place]


def _throttled(tracks: Mapping[str, Track], place: str, window: Window) -> dict[str, float] | None:
    track = tracks.get(f"{place}.throttle_reasons")
    masks = () if track is None else window.of(track).astype(np.int64)
    if not len(masks):
        return None
    seen = reasons_in(int(np.bitwise_or.reduce(masks)))
    shares = {
        reason: sum(reason in reasons_in(int(mask)) for mask in masks) / len(masks)
        for reason in seen
    }
    shares.pop("idle", None)
    return shares


def _foreign(tracks: Mapping[str, Track], window: Window) -> int | None:
    most: dict[str, int] = {}
    own: set[str] = set()
    for name, track in tracks.items():
        place, _, kind = name.rpartition(".")
        values = window.of(track) if kind == "foreign_processes" else ()
        if len(values):
            most[place] = int(max(values))
            everybody = tracks[f"{place}.processes"]
            if (np.interp(track.times_ns, everybody.times_ns, everybody.values)
                    > track.values).any():  # fmt: skip
                own.add(place)
    # Where the run was seen on some devices, the others do not matter to it.
    counted = [count for place, count in most.items() if place in own or not own]
    return max(counted) if counted else None


def _others(series: Series, tracks: Mapping[str, Track], window: Window) -> dict[str, float | None]:
    """Shares of processor time that others had, on the whole machine and where it matters."""
    core_tracks = {
        int(name[3:].partition(".")[0]): track
        for name, track in tracks.items()
        if name.startswith("cpu")
    }
    placed = [event for event in series.events if event["event"] == "cores"]
    own = [core for core in (placed[-1]["cores"] if placed else ()) if core in core_tracks]
    tree_s = _total(tracks, "tree.cpu_s", window)
    sampler_s = _total(tracks, "sampler.cpu_s", window) or 0.0
    busy_s = _total(tracks, "machine.cpu_busy_s", window)
    own_busy = [growth(core_tracks[core], window) for core in own]
    own_busy_s = sum(busy for busy in own_busy if busy is not None) if own else None
    is_beside = bool(placed) and placed[-1]["is_shared"]
    return {
        "others_cpu_share": _left_over(
            busy_s, tree_s, sampler_s, len(core_tracks) * window.seconds
        ),
        "others_own_cores_share": _left_over(
            own_busy_s, tree_s, sampler_s if is_beside else 0.0, len(own) * window.seconds
        ),
        "own_cores": len(own) or None,
        "steal_share": _share(
            _total(tracks, "machine.cpu_steal_s", window), len(core_tracks) * window.seconds
        ),
    }


def _left_over(
    busy_s: float | None, tree_s: float | None, sampler_s: float, whole_s: float
) -> float | None:
    if busy_s is None or tree_s is None or whole_s <= 0:
        return None
    return max(0.0, busy_s - tree_s - sampler_s) / whole_s


def _total(tracks: Mapping[str, Track], name: str, window: Window) -> float | None:
    return growth(tracks[name], window) if name in tracks else None


def _share(part: float | None, whole: float) -> float | None:
    return None if part is None or whole <= 0 else part / whole
