"""Reads of block files into memory, at the rate of a disk of limited bandwidth if asked.

A mapped file cannot be slowed down evenly: the kernel fetches its pages behind the
program's back. A store of limited bandwidth therefore copies files in small pieces, and
waits after each until a disk of that bandwidth would have delivered it.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from systems.store.stored import ReadRate

if TYPE_CHECKING:
    import torch

PIECE_BYTES = 256 * 1024
"""Copied at once: 1.3 ms at 200 MB/s, longer than a sleep is inaccurate."""

CATCH_UP_S = 0.1
"""Delay that later pieces may make up for, as a disk that reads ahead would: it works on
while the program waits for a processor."""


class BufferedReader:
    """Copies files into memory and measures the rate; several threads share the bandwidth.

    ``bandwidth_bytes_per_s`` is the rate that the reads are held to, in the long run; None
    holds them to nothing (where the system itself limits the disk). With ``drop_behind`` what
    was copied does not stay in the page cache: memory that nobody reads again costs a reader
    time where it must first be found, in a virtual machine with its host.
    """

    def __init__(
        self,
        bandwidth_bytes_per_s: int | None,
        *,
        drop_behind: bool = False,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._bandwidth_bytes_per_s = bandwidth_bytes_per_s
        self._drops_behind = drop_behind
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._readers = 0
        self._busy_since_s = 0.0
        self._busy_s = 0.0
        self._bytes = 0
        # When the imagined disk has delivered all that it was asked for.
        self._delivered_at_s = 0.0
        self._late_s = 0.0

    def read(self, path: Path, size_bytes: int) -> torch.Tensor:
        """The first ``size_bytes`` of the file: uint8 [size_bytes], aligned as torch does.

        Raises ``OSError`` when the file cannot be read or ends too early, ``MemoryError``
        when there is no room for it.
        """
        data = _empty(size_bytes)
        rest = data.numpy().data
        with path.open("rb", buffering=0) as file, self._reading():
            # The real disk works ahead of the imagined one.
            os.posix_fadvise(file.fileno(), 0, size_bytes, os.POSIX_FADV_WILLNEED)
            while rest:
                copied_bytes = file.readinto(rest[:PIECE_BYTES])
                if not copied_bytes:
                    raise OSError(f"it ends {len(rest)} bytes too early")
                self._wait_for(copied_bytes)
                rest = rest[copied_bytes:]
            if self._drops_behind:
                os.posix_fadvise(file.fileno(), 0, size_bytes, os.POSIX_FADV_DONTNEED)
        return data

    def rate(self) -> ReadRate | None:
        """What was read so far and how fast; None before the first read has ended."""
        with self._lock:
            if self._busy_s == 0:
                return None
            return ReadRate(bytes=self._bytes, seconds=self._busy_s)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Time during which at least one thread reads is busy time, the rest is idle."""
        with self._lock:
            if self._readers == 0:
                self._busy_since_s = self._clock()
                # An idle disk gains no credit: only what it was late is owed.
                self._delivered_at_s = self._busy_since_s - self._late_s
            self._readers += 1
        try:
            yield
        finally:
            with self._lock:
                self._readers -= 1
                if self._readers == 0:
                    now_s = self._clock()
                    self._busy_s += now_s - self._busy_since_s
                    self._late_s = min(max(0.0, now_s - self._delivered_at_s), CATCH_UP_S)

    def _wait_for(self, size_bytes: int) -> None:
        """Count bytes, and wait until the imagined disk has delivered them, too."""
        with self._lock:
            self._bytes += size_bytes
            if self._bandwidth_bytes_per_s is None:
                return
            now_s = self._clock()
            self._delivered_at_s = (
                max(self._delivered_at_s, now_s - CATCH_UP_S)
                + size_bytes / self._bandwidth_bytes_per_s
            )
            wait_s = self._delivered_at_s - now_s
        if wait_s > 0:
            self._sleep(wait_s)


def _empty(size_bytes: int) -> torch.Tensor:
    import torch

    try:
        return torch.empty(size_bytes, dtype=torch.uint8)
    except RuntimeError as error:
        # Not a fault of the file, which is what its caller takes other errors for.
        raise MemoryError(f"there is no room for a block of {size_bytes} bytes") from error
