"""The host's counters: processors, memory, pressure, disks, network, the worker's tree.

Three groups: ``host`` at the asked interval, ``slow`` once a second, and ``pss``, which
costs the worker itself something (the kernel walks its page tables), seldom.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from harness.telemetry.process_tree import TICKS_PER_S, ProcessTree
from harness.telemetry.procfs import KernelFile, field, number

Row = list[float | int | None]

SECTOR_BYTES = 512
"""The unit of /proc/diskstats on every device."""

_PRESSURES = ("cpu", "memory", "io")
_GONE = "The worker is gone."


class Host:
    """Reads the host's counters.

    ``cgroups`` are folders of the run's control group (one for version 2, one for each
    controller in version 1): the one that accounts for memory is used, and the first
    that lists processes completes the tree.
    """

    def __init__(self, pid: int, cgroups: list[Path]) -> None:
        listing = next((path for path in cgroups if (path / "cgroup.procs").exists()), None)
        self.tree = ProcessTree(pid, listing)
        self.missing: dict[str, str] = {}
        self._stat = KernelFile("/proc/stat")
        self._vmstat = KernelFile("/proc/vmstat")
        self._meminfo = KernelFile("/proc/meminfo")
        self._diskstats = KernelFile("/proc/diskstats")
        self._net = KernelFile("/proc/net/dev")
        self._pressures = {kind: KernelFile(f"/proc/pressure/{kind}") for kind in _PRESSURES}
        self._disks = _physical_disks()
        self._cgroup = _memory_files(cgroups)
        self._cores = _cores(self._stat.read() or b"")
        self.tree.refresh()
        self._find_missing()

    @property
    def columns(self) -> list[str]:
        """What :meth:`sample` returns."""
        return [
            "machine.cpu_busy_s", "machine.cpu_steal_s", "machine.cpu_iowait_s",
            "tree.cpu_s", "tree.rss_bytes", "tree.processes",
            "tree.read_bytes", "tree.written_bytes",
            "cgroup.memory_bytes", "cgroup.memory_peak_bytes", "sampler.cpu_s",
            *(f"cpu{core}.busy_s" for core in self._cores),
        ]  # fmt: skip

    slow_columns = (
        "machine.available_bytes", "machine.swap_in_bytes", "machine.swap_out_bytes",
        "machine.disk_read_bytes", "machine.disk_written_bytes",
        "machine.net_received_bytes", "machine.net_sent_bytes",
        "machine.cpu_pressure_s", "machine.memory_pressure_s",
        "machine.memory_full_pressure_s", "machine.io_pressure_s",
        "machine.io_full_pressure_s",
        "tree.peak_rss_bytes",
    )  # fmt: skip
    """What :meth:`slow_sample` returns."""

    def sample(self) -> Row:
        """One row of ``host``."""
        busy: dict[int, float] = {}
        whole: Row = [None, None, None]
        for line in (self._stat.read() or b"").split(b"\n"):
            if not line.startswith(b"cpu"):
                break
            name, *ticks = line.split()
            # user, nice, system, idle, iowait, irq, softirq, steal (guests are in user)
            used = sum(map(int, (*ticks[:3], *ticks[5:7]))) / TICKS_PER_S
            if name == b"cpu":
                whole = [used, int(ticks[7]) / TICKS_PER_S, int(ticks[4]) / TICKS_PER_S]
            else:
                busy[int(name[3:])] = used
        return [
            *whole,
            *(self.tree.sample() or (None, None, None)),
            *(self.tree.disk_bytes() or (None, None)),
            *(number(file) for file in self._cgroup),
            time.process_time(),
            *(busy.get(core) for core in self._cores),
        ]

    def slow_sample(self) -> Row:
        """One row of ``slow``; looks for new children too."""
        self.tree.refresh()
        available = field(self._meminfo.read(), b"MemAvailable:")
        paging = self._vmstat.read()
        return [
            None if available is None else available * 1024,
            *(_pages(field(paging, name)) for name in (b"pswpin ", b"pswpout ")),
            *self._disk_bytes(),
            *self._net_bytes(),
            *self._pressure_s(),
            self.tree.peak_rss_bytes(),
        ]

    def pss_sample(self) -> Row:
        """One row of ``pss``: ``tree.pss_bytes``."""
        return [self.tree.pss_bytes()]

    def _disk_bytes(self) -> tuple[int | None, int | None]:
        text = self._diskstats.read()
        if text is None:
            return None, None
        read = written = 0
        for line in text.splitlines():
            values = line.split()
            if values[2] in self._disks:
                read += int(values[5])
                written += int(values[9])
        return read * SECTOR_BYTES, written * SECTOR_BYTES

    def _net_bytes(self) -> tuple[int | None, int | None]:
        text = self._net.read()
        if text is None:
            return None, None
        received = sent = 0
        for line in text.splitlines()[2:]:
            name, _, values = line.partition(b":")
            if name.strip() != b"lo":
                numbers = values.split()
                received += int(numbers[0])
                sent += int(numbers[8])
        return received, sent

    def _pressure_s(self) -> list[float | None]:
        cpu, memory, io = (_stalled_s(self._pressures[kind].read()) for kind in _PRESSURES)
        return [cpu.get("some"), memory.get("some"), memory.get("full"),
                io.get("some"), io.get("full")]  # fmt: skip

    def _find_missing(self) -> None:
        pairs = [
            *zip(self.columns, self.sample(), strict=True),
            *zip(self.slow_columns, self.slow_sample(), strict=True),
        ]
        reasons = {
            "tree": _GONE,
            "cgroup": "The run is in no control group that accounts for memory.",
            "machine": "The kernel does not say.",
        }
        for name, value in pairs:
            if value is None:
                place, _, own = name.partition(".")
                kind = own.partition("_")[0]
                file = self._pressures.get(kind) if "pressure" in own else None
                self.missing[name] = (file and file.reason) or reasons.get(
                    place, reasons["machine"]
                )


def _cores(stat: bytes) -> list[int]:
    names = (line.split(b" ", 1)[0] for line in stat.splitlines() if line.startswith(b"cpu"))
    return [int(name[3:]) for name in names if name != b"cpu"]


def _pages(pages: int | None) -> int | None:
    return None if pages is None else pages * os.sysconf("SC_PAGE_SIZE")


def _stalled_s(text: bytes | None) -> dict[str, float]:
    """``some avg10=… total=<µs>`` lines of a pressure file as seconds."""
    stalled = {}
    for line in (text or b"").decode().splitlines():
        stalled[line.partition(" ")[0]] = int(line.rpartition("total=")[2]) / 1e6
    return stalled


def _physical_disks() -> frozenset[bytes]:
    """Whole disks that are no layer over others: each byte counts once."""
    try:
        devices = list(Path("/sys/block").iterdir())
    except OSError:
        return frozenset()
    return frozenset(
        device.name.encode()
        for device in devices
        if not device.name.startswith(("loop", "ram", "zram")) and not _has_layers(device)
    )


def _has_layers(device: Path) -> bool:
    try:
        return any((device / "slaves").iterdir())
    except OSError:
        return False


def _memory_files(cgroups: list[Path]) -> tuple[KernelFile, KernelFile]:
    """Usage and peak, as version 2 or version 1 of the control groups names them."""
    names = (
        ("memory.current", "memory.peak"),
        ("memory.usage_in_bytes", "memory.max_usage_in_bytes"),
    )
    for folder in cgroups:
        for usage, peak in names:
            if (folder / usage).exists():
                return KernelFile(folder / usage), KernelFile(folder / peak)
    absent = cgroups[0] if cgroups else Path("/nonexistent")
    return KernelFile(absent / names[0][0]), KernelFile(absent / names[0][1])
