"""Which cores a run is pinned to: the same ones every time, core 0 left to the system."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path

from systems.errors import ConfigurationError

Place = tuple[int, int]
"""Package and physical core of a logical core."""


def choose_cores(
    count: int, *, available: Collection[int], places: Mapping[int, Place]
) -> tuple[int, ...]:
    """``count`` logical cores out of ``available``, ascending.

    One of each physical core before any second hardware thread, in one package if it has
    enough of them, and from the highest number down: low cores serve interrupts.

    Raises:
        ConfigurationError: ``count`` is below 1 or more than there are.
    """
    if not 1 <= count <= len(available):
        raise ConfigurationError(
            f"The run asks for {count} cores, and this process may use {len(available)}; "
            f"set cores to a number from 1 to {len(available)}."
        )
    seen: dict[Place, int] = {}
    order: list[tuple[int, int, int]] = []  # (hardware thread, package, logical core)
    for core in sorted(available, reverse=True):
        place = places.get(core, (0, core))
        thread = seen.get(place, 0)
        seen[place] = thread + 1
        order.append((thread, place[0], core))
    order.sort(key=lambda entry: entry[0])  # stable: highest number first within a thread
    packages = sorted({package for _, package, _ in order}, reverse=True)
    in_one = [[core for thread, at, core in order if at == p and thread == 0] for p in packages]
    for cores in [*in_one, [core for _, _, core in order]]:
        if len(cores) >= count:
            return tuple(sorted(cores[:count]))
    raise AssertionError("the last list holds all available cores")


def pinned_cores(count: int) -> tuple[int, ...]:
    """The cores of this machine for a run that asks for ``count``.

    Raises:
        ConfigurationError: this process may not use so many.
    """
    available = os.sched_getaffinity(0)
    return choose_cores(count, available=available, places={c: _place(c) for c in available})


def _place(core: int) -> Place:
    topology = Path(f"/sys/devices/system/cpu/cpu{core}/topology")
    try:
        package = int((topology / "physical_package_id").read_text())
        return package, int((topology / "core_id").read_text())
    except (OSError, ValueError):
        return 0, core
