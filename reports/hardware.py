"""What the hardware did during one run, small enough for a page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from reports.errors import ReportError

if TYPE_CHECKING:
    from numpy.typing import NDArray

SERIES = "series.parquet"
STEPS = 90
"""Most values of a counter that a page shows; each is the mean of its stretch of time."""

_HOST = {
    "tree.cpu_s": "processors busy with the search",
    "machine.cpu_busy_s": "processors busy, all processes",
    "tree.rss_bytes": "memory of the search",
    "cgroup.memory_bytes": "memory of its control group, page cache included",
    "tree.read_bytes": "read from storage by the search",
    "machine.disk_read_bytes": "read from all disks, by anybody",
}
_GPU = {
    "memory_used_bytes": "memory used",
    "utilisation": "utilisation",
    "power_w": "power",
    "sm_clock_hz": "clock",
    "temperature_c": "temperature",
    "pcie_received_bytes_per_s": "received over PCIe",
}
_UNITS = {"B": ("MB", 1e6), "Hz": ("MHz", 1e6), "s per s": ("cores", 1.0), "1": ("", 1.0)}
_GPU_PLACE = re.compile(r"gpu\d+(\.mig\d+)?")


@dataclass(frozen=True, kw_only=True, slots=True)
class Track:
    """One counter over a run."""

    title: str
    unit: str
    from_s: float
    """The moment of the first value, from the begin of the search (or of the series)."""
    to_s: float
    values: tuple[float | None, ...]
    """At equal distances from the first moment to the last, each the mean of what was sampled
    around it; None where nothing was."""


def read_tracks(run: Path, *, window_ns: tuple[int, int] | None) -> tuple[Track, ...]:
    """The counters worth looking at of the run in the folder ``run``; none without a file.

    Args:
        run: the run's folder.
        window_ns: begin and end of the search, which cut the series; None: all of it.

    Raises:
        ReportError: the file cannot be read, or is no table of counters.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = run / SERIES
    if not path.exists():
        return ()
    try:
        with pq.ParquetFile(path) as file:
            shown = {name: t for name in file.schema_arrow.names if (t := _title(name))}
            table = file.read(columns=["t_ns", *shown], use_threads=False)
        return tuple(_tracks(table, shown, window_ns))
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ReportError(
            f"{path}: not a readable series ({first}). The run is shown without it; repeat it "
            "with --force to have one."
        ) from error


def _title(name: str) -> str | None:
    if name in _HOST:
        return _HOST[name]
    place, _, own = name.rpartition(".")
    return f"{place} {_GPU[own]}" if own in _GPU and _GPU_PLACE.fullmatch(place) else None


def _tracks(
    table: Any, shown: dict[str, str], window_ns: tuple[int, int] | None
) -> Iterator[Track]:
    times_ns = table["t_ns"].to_numpy()
    if not len(times_ns):
        return
    begin_ns, end_ns = window_ns or (int(times_ns.min()), int(times_ns.max()))
    for name, title in shown.items():
        column = table[name]
        times_s = (times_ns[column.is_valid().to_numpy()] - begin_ns) / 1e9
        values = column.drop_null().to_numpy().astype(np.float64)
        described = table.schema.field(name).metadata or {}
        unit = described.get(b"unit", b"1").decode()
        if described.get(b"kind") == b"cumulative":
            if len(values) < 2:
                continue
            rates = np.diff(values) / np.maximum(np.diff(times_s), 1e-9)
            # A rate belongs to the stretch between two samples.
            times_s, values = (times_s[1:] + times_s[:-1]) / 2, rates
            unit = f"{unit} per s"
        is_inside = (times_s >= 0) & (times_s <= (end_ns - begin_ns) / 1e9)
        times_s, values = times_s[is_inside], values[is_inside]
        if len(values) < 2 or not np.any(values) or not np.all(np.isfinite(values)):
            continue
        yield _track(title, unit, times_s, values)


def _track(
    title: str, unit: str, times_s: NDArray[np.float64], values: NDArray[np.float64]
) -> Track:
    base, _, per = unit.partition(" per ")
    shown, factor = _UNITS.get(unit) or _UNITS.get(base, (base, 1.0))
    steps = min(STEPS, len(values))
    from_s, to_s = float(times_s[0]), float(times_s[-1])
    width = (to_s - from_s) / (steps - 1) or 1.0
    at = np.rint((times_s - from_s) / width).astype(np.int64)
    counts = np.bincount(at, minlength=steps)
    sums = np.bincount(at, weights=values / factor, minlength=steps)
    return Track(
        title=title,
        unit=f"{shown}/{per}" if per and shown != "cores" else shown,
        from_s=float(f"{from_s:.6g}"),
        to_s=float(f"{to_s:.6g}"),
        values=tuple(
            _short(total / count) if count else None
            for total, count in zip(sums.tolist(), counts.tolist(), strict=True)
        ),
    )


def _short(value: float) -> float:
    """Three digits; a whole number where it is one: it is shorter."""
    rounded = float(f"{value:.3g}")
    return int(rounded) if rounded.is_integer() else rounded
