"""When each phase was on the critical path, and in which stretches long enough to measure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Times = NDArray[np.int64]

BRIDGED_NS = 2_000_000
"""Interruptions of a phase up to this long do not end a stretch."""
LEAST_COVERAGE = 0.95
"""Of a stretch by its phase, and of a phase by its stretches."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PhaseWindows:
    """The time that one phase had for itself."""

    starts_ns: Times
    """[segments], ascending; segments do not overlap."""
    ends_ns: Times
    """[segments]"""

    @property
    def total_s(self) -> float:
        """Exclusive seconds."""
        return float((self.ends_ns - self.starts_ns).sum()) / 1e9

    def stretches(self, least_s: float) -> tuple[Times, Times] | None:
        """Starts and ends of the stretches of at least ``least_s`` seconds.

        A stretch is a run of segments with nothing but short interruptions between them.
        None where such stretches do not cover the phase: then a counter that needs
        ``least_s`` seconds to be read says nothing about this phase.
        """
        breaks = np.flatnonzero(self.starts_ns[1:] - self.ends_ns[:-1] > BRIDGED_NS)
        first = np.concatenate(([0], breaks + 1))
        last = np.concatenate((breaks, [len(self.starts_ns) - 1]))
        starts, ends = self.starts_ns[first], self.ends_ns[last]
        sums = np.concatenate(([0], np.cumsum(self.ends_ns - self.starts_ns)))
        covered = sums[last + 1] - sums[first]
        is_long = (ends - starts >= least_s * 1e9) & (covered >= LEAST_COVERAGE * (ends - starts))
        if covered[is_long].sum() < LEAST_COVERAGE * sums[-1] or not is_long.any():
            return None
        return starts[is_long], ends[is_long]


def phase_windows(spans: Iterable[tuple[str, int, int]]) -> dict[str, PhaseWindows]:
    """Windows of each phase from nested spans ``(phase, start_ns, end_ns)`` of one lane.

    Every moment belongs to the innermost span that is open.
    """
    segments: dict[str, list[tuple[int, int]]] = {}
    opened: list[tuple[str, int]] = []  # phase, end
    mark = 0

    def charge(until: int) -> None:
        nonlocal mark
        if until > mark:
            segments.setdefault(opened[-1][0], []).append((mark, until))
        mark = until

    for phase, start, end in sorted(spans, key=lambda span: (span[1], -span[2])):
        while opened and opened[-1][1] <= start:
            charge(opened[-1][1])
            opened.pop()
        if opened:
            charge(start)
        mark = start
        opened.append((phase, end))
    while opened:
        charge(opened[-1][1])
        opened.pop()
    return {phase: _windows(pairs) for phase, pairs in segments.items()}


def read_phase_windows(path: Path) -> Mapping[str, PhaseWindows]:
    """Windows of each phase from a run's ``spans.parquet``, of one lane alone.

    That of the device, where the run has one: the host only hands out its work, and spends the
    device's time waiting somewhere.
    """
    import pyarrow.parquet as pq

    wanted = ("phase", "start_ns", "end_ns", "lane")
    names = [name for name in wanted if name in pq.read_schema(path).names]
    table = pq.read_table(path, columns=names).to_pydict()
    lanes = table.get("lane") or [None] * len(table["phase"])
    critical = "device" if "device" in lanes else "host"
    rows = zip(table["phase"], table["start_ns"], table["end_ns"], lanes, strict=True)
    return phase_windows(
        (phase, start, end) for phase, start, end, lane in rows if lane in (None, critical)
    )


def _windows(pairs: list[tuple[int, int]]) -> PhaseWindows:
    edges = np.array(pairs, np.int64)
    return PhaseWindows(starts_ns=edges[:, 0], ends_ns=edges[:, 1])
