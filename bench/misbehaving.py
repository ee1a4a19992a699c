"""Systems that go wrong on purpose inside a worker, in the ways that real ones do.

``bench.faults`` installs a copy of this file as the plug-in that any package can be: found by
an entry point, run by the harness like every other system.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import resource
import signal
import sys
import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from systems.registry import SystemInfo

if TYPE_CHECKING:
    from systems.api import SearchRequest, SearchResult
    from systems.substrate import Substrate

HEARTBEATS = "orphan-*"
"""Files in the command's folder: the name ends in the orphan's process id, its time of change
says when the orphan was last alive."""


class Misbehaving(ABC):
    """Alsatian's search, and before it something that goes wrong."""

    info: ClassVar[SystemInfo]

    def __init_subclass__(cls) -> None:
        cls.info = SystemInfo(
            name=f"fault-{cls.__name__.lower()}",
            label=cls.__name__,
            summary=cls.__doc__ or "",
            factory=f"{cls.__module__}:{cls.__name__}",
        )

    def search(self, request: SearchRequest, substrate: Substrate) -> SearchResult:
        from systems.alsatian import Alsatian  # with torch, which the command itself never loads

        self.go_wrong(substrate)
        return Alsatian().search(request, substrate)

    @abstractmethod
    def go_wrong(self, substrate: Substrate) -> None: ...


class Segfault(Misbehaving):
    """Reads memory that is not there."""

    def go_wrong(self, substrate: Substrate) -> None:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would be gigabytes
        ctypes.string_at(0)


class Raiser(Misbehaving):
    """Raises an exception of its own."""

    def go_wrong(self, substrate: Substrate) -> None:
        raise LookupError("a deliberate fault")


class Hang(Misbehaving):
    """Never comes back, and does not listen to SIGTERM."""

    def go_wrong(self, substrate: Substrate) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            time.sleep(60)


class Glutton(Misbehaving):
    """Takes twice the memory that it may."""

    LIMIT_BYTES = 2**30

    def go_wrong(self, substrate: Substrate) -> None:
        taken = [b"\1" * 2**24 for _ in range(2 * self.LIMIT_BYTES // 2**24)]
        del taken


class Quitter(Misbehaving):
    """Ends the process behind Python's back."""

    def go_wrong(self, substrate: Substrate) -> None:
        os._exit(7)


class Orphan(Misbehaving):
    """Leaves a process behind that has its own session and does not listen to SIGTERM."""

    LONGEST_S = 900

    def go_wrong(self, substrate: Substrate) -> None:
        # Spawned, not forked: to copy the pages of a process with PyTorch in it takes tens of
        # milliseconds, and a search of a third of a second would have time that no phase has.
        arguments = [sys.executable, "-c", _ORPHAN, HEARTBEATS, str(self.LONGEST_S)]
        os.posix_spawn(sys.executable, arguments, os.environ, setsid=True)


_ORPHAN = """
import os, pathlib, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
heartbeat = pathlib.Path(sys.argv[1].replace("*", str(os.getpid())))
end = time.monotonic() + float(sys.argv[2])
while time.monotonic() < end:
    heartbeat.touch()
    time.sleep(0.01)
"""


class Vandal(Misbehaving):
    """Damages an image that was sound when the run was prepared."""

    def search(self, request: SearchRequest, substrate: Substrate) -> SearchResult:
        file = substrate.dataset.files[0]
        sound = file.read_bytes()
        file.write_bytes(sound[: len(sound) // 2])
        try:
            return super().search(request, substrate)
        finally:
            file.write_bytes(sound)  # the command's other runs need it

    def go_wrong(self, substrate: Substrate) -> None:
        """All is done: the search reads the image itself."""


class Clock(Misbehaving):
    """Steps the wall clock: each reading is an hour further than the one before."""

    def go_wrong(self, substrate: Substrate) -> None:
        read_s, hours = time.time, itertools.count(1)

        def stepping_s() -> float:
            return read_s() + 3600 * next(hours)

        time.time = stepping_s
        time.time_ns = lambda: int(stepping_s() * 1e9)
