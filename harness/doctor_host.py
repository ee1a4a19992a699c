"""What the doctor looks at on the host: limits, caches, folders, counters, steadiness."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import psutil

from harness.claims import Claim
from harness.environment import host_class
from harness.finding import Finding
from harness.host_state import host_state
from harness.limits import available_limits
from harness.noise import NoiseFolder
from harness.page_cache import COLD_READ_SHARE, DiskReads, prepare_cache_state, warm
from systems.errors import BenchError

_PROBE_BYTES = 8 * 2**20
_FREE_BYTES = 5 * 10**9
_BUSY_LOAD_SHARE = 0.2
_PRESSURE = 0.05


def machine() -> Sequence[Finding]:
    """What it is."""
    state = host_state()
    place = "a virtual machine" if state["is_virtual"] else "hardware"
    if state["container"] != "none":
        place = f"a container ({state['container']}) on {place}"
    return [
        Finding(subject="host class", verdict="note", detail=host_class()),
        Finding(subject="runs on", verdict="note", detail=place),
        Finding(subject="system", verdict="note", detail=platform.platform()),
    ]


def limits(cache: Path) -> Sequence[Finding]:
    """Memory, cores and bandwidth."""
    available = available_limits(_existing(cache))
    memory, bandwidth = available["memory"], available["bandwidth"]
    obstacles = "; ".join(f"{name}: {reason}" for name, reason in memory["obstacles"].items())
    return [
        Finding(
            subject="memory limit",
            verdict="weaker" if memory["is_weaker"] else "yes",
            detail=f"by {memory['mechanism']}"
            + (f" (not by {obstacles})" if memory["is_weaker"] else ""),
            remedy=memory["advice"],
        ),
        Finding(
            subject="cores",
            verdict="yes",
            detail=f"runs can be pinned to any of {available['cores']['usable']}",
        ),
        Finding(
            subject="read bandwidth",
            verdict="yes",
            detail="by the kernel's throttle of the disk"
            if bandwidth["disk_throttle"]
            else f"by paced reads in the store (no throttle of the disk: {bandwidth['reason']})",
        ),
    ]


def caches(cache: Path) -> Sequence[Finding]:
    """Whether a cold and a warm cache can be brought about and proved, by doing it."""
    with tempfile.TemporaryDirectory(prefix=".doctor-", dir=_existing(cache)) as folder:
        path = Path(folder, "probe")
        path.write_bytes(os.urandom(_PROBE_BYTES))
        cold = prepare_cache_state("cold", [path])
        with DiskReads() as reads:
            warm([path])
        warmed = prepare_cache_state("warm", [path])
    read_bytes = reads.read_bytes
    counted = read_bytes is not None and read_bytes >= COLD_READ_SHARE * _PROBE_BYTES
    disk = "Keep the store on a local disk: --cache DIR."
    return [
        Finding(
            subject="cold caches",
            verdict="yes" if cold["is_proved"] else "no",
            detail=f"evicted by {cold['method']}, verified by mincore"
            if cold["is_proved"]
            else str(cold["reason"]),
            remedy=None if cold["is_proved"] else disk,
        ),
        Finding(
            subject="reads from disk",
            verdict="yes" if counted else "no",
            detail=f"{read_bytes} of {_PROBE_BYTES} evicted bytes were counted when read again"
            if read_bytes is not None
            else "the kernel does not count them (/proc/self/io)",
            remedy=None if counted else f"Without it, no run counts as cold. {disk}",
        ),
        Finding(
            subject="warm caches",
            verdict="yes" if warmed["is_proved"] else "no",
            detail="read, verified by mincore" if warmed["is_proved"] else str(warmed["reason"]),
        ),
    ]


def folders(*, cache: Path, runs: Path) -> Sequence[Finding]:
    """Room and locks."""
    free_bytes = shutil.disk_usage(_existing(cache)).free
    findings = [
        Finding(
            subject="room for snapshots",
            verdict="yes" if free_bytes >= _FREE_BYTES else "no",
            detail=f"{free_bytes / 1e9:.1f} GB free for {cache}",
            remedy=None if free_bytes >= _FREE_BYTES else "Free some, or choose --cache DIR.",
        )
    ]
    try:
        with tempfile.TemporaryDirectory(prefix=".doctor-", dir=_existing(runs)) as folder:
            claim = Claim.take(Path(folder, "claims", "probe"))
            assert claim is not None  # nobody else knows the folder
            claim.release()
    except (BenchError, OSError) as error:
        return [*findings, Finding(subject="claims on runs", verdict="no", detail=str(error))]
    detail = f"two commands may work in {runs} at once"
    return [*findings, Finding(subject="claims on runs", verdict="yes", detail=detail)]


def counters() -> Sequence[Finding]:
    """What the kernel tells of itself."""
    state = host_state()
    unknown = [name for name in ("cpu", "memory", "io") if state[f"{name}_pressure"] is None]
    return [
        Finding(
            subject="pressure stall",
            verdict="no" if unknown else "yes",
            detail=f"not told: {', '.join(unknown)}" if unknown else "cpu, memory and io",
            remedy="Start the kernel with psi=1 (Linux 4.20 or later)." if unknown else None,
        ),
        _readable("memory of processes", Path("/proc/self/smaps_rollup"), "resident, and shared"),
        _readable("disks", Path("/proc/diskstats"), "bytes of each disk"),
        _readable("network", Path("/proc/net/dev"), "bytes of each interface"),
    ]


def steadiness(cache: Path) -> Sequence[Finding]:
    """What makes times scatter."""
    state = host_state()
    cores = len(os.sched_getaffinity(0))
    load = state["load"][0]
    is_quiet = load < max(1.0, _BUSY_LOAD_SHARE * cores) and (
        (state["cpu_pressure"] or 0) < _PRESSURE
    )
    pressure = state["cpu_pressure"]
    told = "unknown" if pressure is None else f"{pressure:.0%} of the last 10 s"
    return [
        Finding(
            subject="quiet now",
            verdict="yes" if is_quiet else "no",
            detail=f"load {load:.2f} on {cores} cores, waiting for a core: {told}",
            remedy=None if is_quiet else "Stop what else is running; runs beside it are flagged.",
        ),
        _governor(state["governors"]),
        _turbo(state["is_turbo_on"]),
        _swap(),
        _noise(cache),
    ]


def _governor(governors: list[str] | None) -> Finding:
    if governors is None:
        detail = "the frequency of the cores is not told"
        return Finding(subject="governor", verdict="note", detail=detail)
    is_fixed = governors == ["performance"]
    return Finding(
        subject="governor",
        verdict="yes" if is_fixed else "weaker",
        detail=", ".join(governors),
        remedy=None if is_fixed else "sudo cpupower frequency-set --governor performance",
    )


def _turbo(is_on: bool | None) -> Finding:
    told = {None: "not told", True: "on: times follow the temperature", False: "off"}
    return Finding(subject="turbo", verdict="note", detail=told[is_on])


def _swap() -> Finding:
    total_bytes = psutil.swap_memory().total
    return Finding(
        subject="no swap",
        verdict="weaker" if total_bytes else "yes",
        detail=f"{total_bytes / 1e9:.1f} GB of swap are on" if total_bytes else "none is on",
        remedy="sudo swapoff --all (a run during which the machine swaps is flagged)"
        if total_bytes
        else None,
    )


def _noise(cache: Path) -> Finding:
    floors = NoiseFolder(cache, host_class()).floors()
    return Finding(
        subject="noise floor",
        verdict="yes" if floors else "no",
        detail=f"known for {len(floors)} specifications"
        if floors
        else "never measured on this class of machines",
        remedy=None if floors else "alsatian-bench noise quick --rounds 8",
    )


def _readable(subject: str, path: Path, detail: str) -> Finding:
    try:
        path.read_text()
    except OSError as error:
        return Finding(subject=subject, verdict="no", detail=f"{path}: {error.strerror}")
    return Finding(subject=subject, verdict="yes", detail=detail)


def _existing(path: Path) -> Path:
    """The nearest folder that exists: where ``path`` would be made."""
    path = path.absolute()
    return next(folder for folder in (path, *path.parents) if folder.is_dir())
