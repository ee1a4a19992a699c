"""The state that the machine is in when a run starts: never part of what may be compared.

Two machines of one class (``harness.environment.host_class``) are comparable; whether a
machine was busy, throttled down or short of memory is a fact of the single run.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

_PRESSURE = re.compile(r"(some|full) avg10=([\d.]+)")
_CONTAINER_NAMES = re.compile(r"docker|kubepods|containerd|libpod|lxc|garden|crio")


def host_state(*, root: Path = Path("/")) -> dict[str, Any]:
    """What the machine is doing and how it is set, in plain JSON types; None if unknown.

    ===================  ===================================================================
    load                 processes that run or wait, mean of 1, 5 and 15 minutes
    cpu_pressure         share of the last 10 s in which some process waited for a core, 0–1
    memory_pressure      … in which some process waited for memory
    io_pressure          … in which some process waited for a disk
    available_bytes      memory that can be had without swapping
    swap_used_bytes      what has been swapped out
    governors            of the cores' frequency, each once
    frequency_hz         of the cores now: ``{"min": …, "mean": …, "max": …}``
    is_turbo_on          whether cores may go above their nominal frequency
    transparent_pages    the kernel's setting for huge pages
    clock_source         what the kernel tells the time by
    cpu_quota            cores that the container may keep busy at once
    container            its kind, "none" outside
    is_virtual           whether a hypervisor is below
    uptime_s             since the machine was started
    ===================  ===================================================================

    Args:
        root: where ``proc`` and ``sys`` are (another folder in tests).
    """
    proc, system = root / "proc", root / "sys"
    cores, kernel = system / "devices/system", system / "kernel"
    memory, swap = psutil.virtual_memory(), psutil.swap_memory()
    return {
        "load": list(os.getloadavg()),
        **{f"{name}_pressure": _pressure(proc, name) for name in ("cpu", "memory", "io")},
        "available_bytes": memory.available,
        "swap_used_bytes": swap.used,
        "governors": _governors(system),
        "frequency_hz": _frequencies(system, proc),
        "is_turbo_on": _is_turbo_on(system),
        "transparent_pages": _chosen(_text(kernel / "mm/transparent_hugepage/enabled")),
        "clock_source": _text(cores / "clocksource/clocksource0/current_clocksource"),
        "cpu_quota": cpu_quota(system),
        "container": _container(root, os.environ),
        "is_virtual": _is_virtual(proc),
        "uptime_s": _uptime_s(proc),
    }


def cpu_quota(system: Path = Path("/sys")) -> float | None:
    """The number of cores that a container may keep busy at once; None for no limit."""
    limit = _text(system / "fs/cgroup/cpu.max")
    if limit is None:
        folder = system / "fs/cgroup/cpu"
        quota, period = _text(folder / "cpu.cfs_quota_us"), _text(folder / "cpu.cfs_period_us")
        limit = f"{quota} {period}" if quota and period else None
    if limit is None or limit.startswith(("max", "-1")):
        return None
    quota, period = limit.split()
    return int(quota) / int(period)


def _text(path: Path) -> str | None:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return None


def _pressure(proc: Path, name: str) -> float | None:
    match = _PRESSURE.search(_text(proc / "pressure" / name) or "")
    return float(match[2]) / 100 if match else None


def _governors(system: Path) -> list[str] | None:
    texts = map(_text, system.glob("devices/system/cpu/cpu[0-9]*/cpufreq/scaling_governor"))
    return sorted({text for text in texts if text}) or None


def _frequencies(system: Path, proc: Path) -> dict[str, float] | None:
    texts = map(_text, system.glob("devices/system/cpu/cpu[0-9]*/cpufreq/scaling_cur_freq"))
    hertz = [float(text) * 1e3 for text in texts if text]
    if not hertz:  # virtual machines say it here only
        found = re.findall(r"^cpu MHz\s*:\s*([\d.]+)", _text(proc / "cpuinfo") or "", re.MULTILINE)
        hertz = [float(megahertz) * 1e6 for megahertz in found]
    if not hertz:
        return None
    return {"min": min(hertz), "mean": sum(hertz) / len(hertz), "max": max(hertz)}


def _is_turbo_on(system: Path) -> bool | None:
    folder = system / "devices/system/cpu"
    if (off := _text(folder / "intel_pstate/no_turbo")) is not None:
        return off == "0"
    boost = _text(folder / "cpufreq/boost")
    return None if boost is None else boost == "1"


def _chosen(text: str | None) -> str | None:
    match = re.search(r"\[(\w+)\]", text or "")
    return match[1] if match else None


def _container(root: Path, variables: Mapping[str, str]) -> str:
    if (root / ".dockerenv").exists():
        return "docker"
    if (root / "run/.containerenv").exists():
        return "podman"
    if "KUBERNETES_SERVICE_HOST" in variables:
        return "kubernetes"
    if named := _text(root / "run/systemd/container"):
        return named
    match = _CONTAINER_NAMES.search(_text(root / "proc/1/cgroup") or "")
    return match[0] if match else "none"


def _is_virtual(proc: Path) -> bool | None:
    flags = re.search(r"^flags\s*:.*$", _text(proc / "cpuinfo") or "", re.MULTILINE)
    return None if flags is None else "hypervisor" in flags[0].split()


def _uptime_s(proc: Path) -> float | None:
    text = _text(proc / "uptime")
    return float(text.split()[0]) if text else time.clock_gettime(time.CLOCK_MONOTONIC)
