"""The counters of a series: names, units, meanings.

A name is a counter's own name behind the place it belongs to: ``tree.rss_bytes`` (the
worker and all its descendants), ``cpu3.busy_s`` (one core), ``gpu0.power_w`` (one device),
``gpu0.mig1.memory_used_bytes`` (one MIG instance of a device).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["level", "cumulative", "flags"]
"""A level is what it is at a moment; a cumulative counter only grows, from 0 at the first
sample; flags are a mask of bits."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Counter:
    """One counter."""

    unit: str
    """SI: ``B``, ``s``, ``W``, ``J``, ``Hz``, ``°C``; ``1`` for fractions and numbers."""
    kind: Kind
    meaning: str
    is_whole: bool = False
    """Values are whole numbers (kept as 64-bit integers)."""


def _level(unit: str, meaning: str, *, is_whole: bool = False) -> Counter:
    return Counter(unit=unit, kind="level", meaning=meaning, is_whole=is_whole)


def _bytes(meaning: str) -> Counter:
    return _level("B", meaning, is_whole=True)


def _total(unit: str, meaning: str) -> Counter:
    return Counter(unit=unit, kind="cumulative", meaning=meaning, is_whole=unit == "B")


_PLACES: dict[str, dict[str, Counter]] = {
    "machine": {
        "cpu_busy_s": _total("s", "Processor time of all cores and processes."),
        "cpu_steal_s": _total("s", "Processor time that the hypervisor gave to others."),
        "cpu_iowait_s": _total("s", "Idle processor time while input or output was awaited."),
        "available_bytes": _bytes("Memory that can be had without swapping."),
        "swap_in_bytes": _total("B", "Read back from swap, by anybody."),
        "swap_out_bytes": _total("B", "Written to swap, by anybody."),
        "disk_read_bytes": _total("B", "Read from all physical disks, by anybody."),
        "disk_written_bytes": _total("B", "Written to all physical disks, by anybody."),
        "net_received_bytes": _total("B", "Received by all interfaces but loopback."),
        "net_sent_bytes": _total("B", "Sent by all interfaces but loopback."),
        "cpu_pressure_s": _total("s", "Time in which some task waited for a processor."),
        "memory_pressure_s": _total("s", "Time in which some task waited for memory."),
        "memory_full_pressure_s": _total("s", "Time in which all tasks waited for memory."),
        "io_pressure_s": _total("s", "Time in which some task waited for storage."),
        "io_full_pressure_s": _total("s", "Time in which all tasks waited for storage."),
    },
    "cpu": {"busy_s": _total("s", "Processor time of one core.")},
    "tree": {
        "cpu_s": _total("s", "Processor time of the worker and its descendants."),
        "rss_bytes": _bytes("Resident memory, summed over processes (shared pages repeat)."),
        "pss_bytes": _bytes("Resident memory, shared pages divided by their users."),
        "peak_rss_bytes": _bytes("The kernel's own peak of the worker's resident memory."),
        "processes": _level("1", "Processes of the tree.", is_whole=True),
        "read_bytes": _total("B", "Fetched from storage for the tree (page cache misses)."),
        "written_bytes": _total("B", "Sent to storage by the tree."),
    },
    "cgroup": {
        "memory_bytes": _bytes("Charged to the run's control group, page cache included."),
        "memory_peak_bytes": _bytes("The kernel's own peak of that."),
    },
    "sampler": {"cpu_s": _total("s", "Processor time of the sampler itself.")},
    "gpu": {
        "memory_used_bytes": _bytes("Memory in use on the device, by anybody."),
        "utilisation": _level("1", "Share of the last 1/6 to 1 s in which a kernel ran."),
        "memory_utilisation": _level("1", "Share of that time in which memory was accessed."),
        "power_w": _level("W", "Power drawn."),
        "energy_j": _total("J", "Energy drawn; updated every 20 to 100 ms."),
        "sm_clock_hz": _level("Hz", "Clock of the multiprocessors.", is_whole=True),
        "memory_clock_hz": _level("Hz", "Clock of the memory.", is_whole=True),
        "temperature_c": _level("°C", "Temperature of the chip."),
        "throttle_reasons": Counter(
            unit="1", kind="flags", meaning="Why clocks are held down (NVML bits).", is_whole=True
        ),
        "pcie_sent_bytes_per_s": _bytes("Sent over PCIe, mean of 20 ms."),
        "pcie_received_bytes_per_s": _bytes("Received over PCIe, mean of 20 ms."),
        "processes": _level("1", "Processes that compute on the device.", is_whole=True),
        "foreign_processes": _level("1", "Those of them that are not the run's.", is_whole=True),
    },
}

_PLACE = re.compile(r"(?P<place>[a-z]+)(?P<number>\d*)(\.mig\d+)?")


def counter(name: str) -> Counter:
    """The counter behind a series' column ``name``; KeyError for what nobody samples."""
    place, _, own = name.rpartition(".")
    match = _PLACE.fullmatch(place)
    if match is None:
        raise KeyError(name)
    return _PLACES[match["place"]][own]


def documented() -> dict[str, Counter]:
    """Every counter, ``cpu*`` and ``gpu*`` standing for each core and device."""
    return {
        f"{place}{'*' if place in ('cpu', 'gpu') else ''}.{own}": entry
        for place, counters in _PLACES.items()
        for own, entry in counters.items()
    }
