"""Sleeping between samples, and waking up for what ends the sampling."""

from __future__ import annotations

import os
import select
import signal
import time
from pathlib import Path

APPEARS_WITHIN_S = 10.0


class Waiting:
    """Sleeps until a time is over, the worker has ended, or a signal has come."""

    def __init__(self) -> None:
        self._asked = False
        self._pid = 0
        self._worker_fd: int | None = None
        # An interrupt of the terminal is the supervisor's to handle.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, self._stop)
        read_fd, write_fd = os.pipe()
        for fd in (read_fd, write_fd):
            os.set_blocking(fd, False)
        signal.set_wakeup_fd(write_fd)
        self._poll = select.poll()
        self._poll.register(read_fd, select.POLLIN)

    def watch(self, pid: int) -> None:
        """Wake up when the process ``pid`` ends."""
        self._pid = pid
        try:
            self._worker_fd = os.pidfd_open(pid)
        except OSError:  # an old kernel, or a sandbox: the process is asked for each time
            return
        self._poll.register(self._worker_fd, select.POLLIN)

    def __call__(self, seconds: float) -> str | None:
        """Sleep; None when the time is over, or why it is time to stop."""
        ready = [] if self._asked else self._poll.poll(seconds * 1e3)
        if self._asked:
            return "asked"
        if self._worker_fd is None:
            is_over = not _exists(self._pid)
        else:
            is_over = any(fd == self._worker_fd for fd, _ in ready)
        return "worker ended" if is_over else None

    def _stop(self, *_: object) -> None:
        self._asked = True


def appears(pid: int) -> bool:
    """Whether the process ``pid`` exists, or comes to exist soon."""
    end = time.monotonic() + APPEARS_WITHIN_S
    while not _exists(pid):
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def _exists(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()
