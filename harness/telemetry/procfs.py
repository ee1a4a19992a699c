"""Reading the kernel's counters often and cheaply: files stay open, and are read in place."""

from __future__ import annotations

import os
from pathlib import Path

_CHUNK = 65536


class KernelFile:
    """One file of /proc or a control group, open from the first read on.

    ``read`` answers None, now and from then on, when the file is not there, not for us, or
    its process is gone; ``reason`` says which.
    """

    __slots__ = ("_fd", "path", "reason")

    def __init__(self, path: str | Path) -> None:
        self.path = str(path)
        self.reason: str | None = None
        self._fd: int | None = None
        try:
            self._fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            self._give_up(error)

    def read(self) -> bytes | None:
        """The whole content as it is now."""
        if self._fd is None:
            return None
        try:
            data = os.pread(self._fd, _CHUNK, 0)
            # Some of these files come a page at a time, whatever is asked for.
            while more := os.pread(self._fd, _CHUNK, len(data)):
                data += more
        except OSError as error:
            self._give_up(error)
            return None
        return data

    def close(self) -> None:
        """Close the file; later reads answer None."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _give_up(self, error: OSError) -> None:
        self.reason = f"{self.path}: {error.strerror}"
        self.close()


def number(file: KernelFile) -> int | None:
    """The only number of a file such as ``memory.current``; None where it says ``max``."""
    text = file.read()
    return int(text) if text and text.strip().isdigit() else None


def field(text: bytes | None, name: bytes) -> int | None:
    """One value of a long text of :func:`fields`' lines (vmstat, meminfo), found at once."""
    lines = b"\n" + (text or b"")
    start = lines.find(b"\n" + name)
    if start < 0:
        return None
    return int(lines[start + 1 + len(name) :].split(None, 1)[0])


def fields(text: bytes) -> dict[bytes, int]:
    """``name value`` and ``name: value [kB]`` lines (smaps_rollup, status, io) as numbers."""
    values = {}
    for line in text.splitlines():
        parts = line.split()
        if len(parts) >= 2 and parts[1].isdigit():
            values[parts[0].rstrip(b":")] = int(parts[1])
    return values
