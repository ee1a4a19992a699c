"""Cold and warm caches, brought about and proved.

A search starts *cold* when no page of the files that it will read is in the page cache, and
*warm* when all are. Asking the kernel is not enough: pages that are dirty, mapped by a
living process, or of a file system in memory stay where they are. So residency is counted
afterwards (``mincore``), and for a cold run the bytes that the process really had fetched
from the disk are compared with what it needed. What cannot be counted is None, with the
reason; a state that is not proved makes a run invalid (``harness.validity``).

Cold need not be slow: a disk may be fast, and a virtual one is cached by its host.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from systems.store.files import evict_file

COLD_RESIDENT_SHARE = 0.01
"""A cold start has at most this share of the files' pages in memory."""
WARM_RESIDENT_SHARE = 0.99
"""A warm start has at least this share of them in memory."""
COLD_READ_SHARE = 0.95
"""A cold run has at least this share of the bytes that it needed really read from the disk."""

_PIECE_BYTES = 4 * 2**20
_DROP_CACHES = Path("/proc/sys/vm/drop_caches")
_ATTEMPTS = 3
_PAUSE_S = 0.05

_LIBC = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class Residency:
    """How much of some files is in the page cache."""

    files: int
    total_bytes: int
    """Sizes of the files."""
    resident_bytes: int | None
    """None where the kernel does not say."""
    reason: str | None = None
    """Why it is None, as a sentence."""

    @property
    def share(self) -> float | None:
        """From 0 (all on the disk) to 1 (all in memory); None if unknown or nothing to count."""
        if self.resident_bytes is None or self.total_bytes == 0:
            return None
        return self.resident_bytes / self.total_bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Eviction:
    """How files were put out of the page cache."""

    method: str
    after: Residency
    """What is left in memory."""


def residency(paths: Iterable[Path]) -> Residency:
    """Count the pages of ``paths`` that are in memory, without touching them.

    The kernel answers "all" for files that the user neither owns nor may write to, so none
    is asked about those. Raises ``OSError`` for a file that cannot be opened.
    """
    files = list(paths)
    total_bytes = resident_bytes = 0
    reason = None
    for path in files:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            status = os.fstat(descriptor)
            total_bytes += status.st_size
            reason = reason or _why_unknown(path, status)
            if reason is None:
                try:
                    resident_bytes += _resident_bytes(descriptor, status.st_size)
                except OSError as error:
                    reason = f"This system does not count resident pages ({error.strerror})."
        finally:
            os.close(descriptor)
    return Residency(
        files=len(files),
        total_bytes=total_bytes,
        resident_bytes=resident_bytes if reason is None else None,
        reason=reason,
    )


def evict(paths: Iterable[Path], *, drop_caches: Path = _DROP_CACHES) -> Eviction:
    """Put the pages of ``paths`` out of memory, file by file, as any user may.

    Pages that were written lately are brought to the disk first. Only if some stay (another
    process has them mapped) is the page cache of the whole machine dropped, where that is
    allowed. Files of a system in memory (tmpfs) always stay.
    """
    files = list(paths)
    for attempt in range(_ATTEMPTS):
        if attempt:
            # Pages that are just being read ahead are locked for a moment.
            time.sleep(_PAUSE_S)
        for path in files:
            evict_file(path)
        after = residency(files)
        if after.share is None or after.share <= COLD_RESIDENT_SHARE:
            return Eviction(method="fadvise", after=after)
    try:
        os.sync()
        drop_caches.write_text("1\n")
    except OSError:
        return Eviction(method="fadvise", after=after)
    return Eviction(method="fadvise+drop_caches", after=residency(files))


def warm(paths: Iterable[Path]) -> None:
    """Read all of ``paths``, so that their pages are in memory."""
    buffer = bytearray(_PIECE_BYTES)
    for path in paths:
        with path.open("rb", buffering=0) as file:
            while file.readinto(buffer):
                pass


def prepare_cache_state(state: Literal["cold", "warm"], paths: Iterable[Path]) -> dict[str, Any]:
    """Bring the files that a run will read into ``state``, and say what was achieved.

    To be called in the process that will run, after everything that opens these files and
    as the last thing before the timed unit: a file that this process has mapped cannot be
    evicted, and pages belong to the memory limit of whoever reads them first.

    Returns:
        The record's ``cache_proof``: ``state``; ``files`` and ``bytes``; the shares
        ``resident_before`` and ``resident_after``, None if unknown; ``method``;
        ``is_proved``, and where it is not, the ``reason`` as a sentence; ``seconds`` that
        it took.
    """
    started_s = time.monotonic()
    files = list(dict.fromkeys(paths))
    before = residency(files)
    if state == "cold":
        eviction = evict(files)
        method, after = eviction.method, eviction.after
    else:
        method = "read"
        for _ in range(_ATTEMPTS):  # a kernel may reclaim pages while others are read
            warm(files)
            after = residency(files)
            if _why_not(state, after) is None:
                break
    reason = _why_not(state, after)
    return {
        "state": state,
        "files": after.files,
        "bytes": after.total_bytes,
        "resident_before": before.share,
        "resident_after": after.share,
        "method": method,
        "is_proved": reason is None,
        "reason": reason,
        "seconds": time.monotonic() - started_s,
    }


def cold_proof(
    facts: Mapping[str, Any], *, read_bytes: int | None, needed_bytes: int
) -> dict[str, Any]:
    """Join what ``prepare_cache_state`` found with what the run then read from the disk.

    Args:
        facts: of ``prepare_cache_state``; those of a warm start stay as proved as they are.
        read_bytes: fetched from the disk during the run (``DiskReads``), None if unknown.
        needed_bytes: sizes of the distinct files that the run has read.
    """
    reason = facts["reason"]
    if facts["state"] == "cold" and reason is None:
        if read_bytes is None:
            reason = "The system does not say how many bytes the run has read from the disk."
        elif read_bytes < COLD_READ_SHARE * needed_bytes:
            reason = (
                f"The run needed {needed_bytes} bytes of its files, but only {read_bytes} came "
                "from the disk: another process has read the files, or they do not lie on a "
                "local disk."
            )
    return {
        **facts,
        "read_bytes": read_bytes,
        "needed_bytes": needed_bytes,
        "is_proved": reason is None,
        "reason": reason,
    }


class DiskReads:
    """Counts the bytes that the enclosed work of this process has had fetched from disks.

    All threads are counted, read-ahead too; the page cache, file systems in memory and most
    network file systems are not. One look costs some microseconds.
    """

    def __init__(self, source: Path = Path("/proc/self/io")) -> None:
        self._source = source
        self.read_bytes: int | None = None
        """After ``stop``: the count; None where the system has none."""

    def __enter__(self) -> DiskReads:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Begin to count."""
        self._before = self._look()

    def stop(self) -> None:
        """End counting."""
        after = self._look()
        if self._before is not None and after is not None:
            self.read_bytes = after - self._before

    def _look(self) -> int | None:
        try:
            text = self._source.read_text()
        except OSError:
            return None
        counters = dict(line.split(": ") for line in text.splitlines())
        return int(counters["read_bytes"]) if "read_bytes" in counters else None


def _why_not(state: str, after: Residency) -> str | None:
    """Why files are not in ``state``, as a sentence; None if they are, or are no files."""
    if after.total_bytes == 0:
        return None
    share = after.share
    if share is None:
        return after.reason
    if state == "cold" and share > COLD_RESIDENT_SHARE:
        return (
            f"{share:.1%} of the files' pages stayed in memory: a process has them mapped, "
            "or their file system is in memory or does not evict."
        )
    if state == "warm" and share < WARM_RESIDENT_SHARE:
        return (
            f"Only {share:.1%} of the files' pages stayed in memory: there is too little memory "
            "for all, or it is limited."
        )
    return None


def _why_unknown(path: Path, status: os.stat_result) -> str | None:
    if status.st_uid == os.geteuid() or os.geteuid() == 0:
        return None
    if os.access(path, os.W_OK, effective_ids=True):
        return None
    return (
        f"The kernel tells residency only to those who own a file or may write to it, unlike this "
        f"user to {path}: copy the files, or run as their owner."
    )


def _resident_bytes(descriptor: int, size_bytes: int) -> int:
    if size_bytes == 0:
        return 0
    pages = np.zeros(-(-size_bytes // mmap.PAGESIZE), dtype=np.uint8)
    with mmap.mmap(descriptor, size_bytes, access=mmap.ACCESS_READ) as mapped:
        view = np.frombuffer(mapped, dtype=np.uint8)
        address = view.ctypes.data
        # The map cannot be closed while a view of it is alive.
        del view
        if _LIBC.mincore(
            ctypes.c_void_p(address),
            ctypes.c_size_t(size_bytes),
            ctypes.c_void_p(pages.ctypes.data),
        ):
            error = ctypes.get_errno()
            raise OSError(error, os.strerror(error))
    resident = pages & 1
    missing_bytes = len(pages) * mmap.PAGESIZE - size_bytes
    return int(resident.sum()) * mmap.PAGESIZE - int(resident[-1]) * missing_bytes
