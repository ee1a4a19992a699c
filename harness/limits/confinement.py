"""One run's walls: memory, cores, bandwidth, and an end that leaves nothing behind."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

from harness.interrupts import interrupts_held
from harness.limits import launcher
from harness.limits.bandwidth import DiskThrottle
from harness.limits.cgroup_v1 import CgroupV1
from harness.limits.cgroup_v2 import CgroupV2
from harness.limits.cores import pinned_cores
from harness.limits.groups import end_processes, marked, members, remove
from harness.limits.guard import Guard
from harness.limits.memory import MemoryUse
from harness.limits.names import is_leftover, new_name
from harness.limits.systemd_scope import SystemdScope
from harness.limits.unfenced import Unfenced

Fence = CgroupV2 | CgroupV1 | SystemdScope | Unfenced
"""What holds the processes of a run together, strongest first."""

_UNLIMITED: tuple[Callable[..., Fence], ...] = (CgroupV2, CgroupV1)
_LIMITED: tuple[Callable[..., Fence], ...] = (CgroupV2, CgroupV1, SystemdScope)


def confine(
    *, memory_bytes: int | None, cores: int | None, store_bandwidth: int | None,
    store_path: Path, throttle_disk: bool = False,
) -> Confinement:  # fmt: skip
    """The walls of one run; nothing is touched before they are entered with ``with``.

    Args:
        memory_bytes: the most memory of all the run's processes together, page cache
            included and swap off; None for no limit. Where only a weaker limit can be had
            it is used, and labelled so in the facts.
        cores: how many CPU cores the run is pinned to; None leaves all.
        store_bandwidth: the most bytes per second that the run reads of the store.
        store_path: the store's folder, to know its disk by.
        throttle_disk: have the kernel limit all reads from that disk where it can, which
            holds for cold files only and over long reads. Otherwise the store is to pace
            its reads itself; :attr:`Confinement.bandwidth_mechanism` says which.

    Raises:
        ConfigurationError: there are not so many cores.
    """
    return Confinement(
        memory_bytes=memory_bytes,
        cores=None if cores is None else pinned_cores(cores),
        store_bandwidth=store_bandwidth,
        throttled=store_path if throttle_disk else None,
    )


class Confinement:
    """The walls of one run, up inside ``with``.

    The run is started as ``wrap(argv)``. However the block is left, no process and no group
    of it remain; a guard process sees to that if this process is killed.
    """

    def __init__(
        self, *, memory_bytes: int | None, cores: tuple[int, ...] | None,
        store_bandwidth: int | None, throttled: Path | None,
    ) -> None:  # fmt: skip
        self.name = new_name()
        self._memory_bytes = memory_bytes
        self._cores = cores
        self._store_bandwidth = store_bandwidth
        self._throttled = throttled
        self._throttle: DiskThrottle | None = None
        self._reasons: list[str] = []
        self._fence: Fence = Unfenced(self.name, memory_bytes=memory_bytes)
        self._use: MemoryUse | None = None

    def __enter__(self) -> Confinement:
        fences, throttle = self._candidates()
        groups = [path for fence in fences for path in fence.groups]
        groups += [throttle.group] if throttle else []
        for parent in {group.parent for group in groups}:
            _remove_leftovers(parent)
        with ExitStack() as undo:
            with interrupts_held():
                self._guard = Guard(self.name, groups)
                undo.callback(self._take_down)
            self._fence = self._opened(fences)
            self._throttle = self._opened_throttle(throttle)
            undo.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        try:
            self.end()
        finally:
            self._take_down()

    @property
    def bandwidth_mechanism(self) -> str | None:
        """``cgroup`` if the kernel throttles, ``paced`` if the store is to, None if nobody."""
        if self._store_bandwidth is None:
            return None
        return "cgroup" if self._throttle else "paced"

    @property
    def groups(self) -> list[Path]:
        """The folders of the run's control groups: one for version 2, several for version 1."""
        return list(self._fence.groups)

    def wrap(self, argv: Sequence[str]) -> list[str]:
        """The command line that runs ``argv`` behind the walls, with the same process id.

        It is to be started by this very process and thread, whose end it does not outlive.
        When the walls cannot be entered it ends with ``LAUNCH_FAILED`` and says why on
        standard error; ``argv`` does not run without them.
        """
        plan = {
            "name": self.name,
            "parent": os.getpid(),
            "join": sorted({str(path) for path in self._joined()}),
            "cores": self._cores,
            "data_limit_bytes": getattr(self._fence, "data_limit_bytes", None),
            "keeper": isinstance(self._fence, SystemdScope),
        }
        prefix = self._fence.prefix() if isinstance(self._fence, SystemdScope) else []
        path = str(Path(launcher.__file__).resolve())
        return [*prefix, sys.executable, "-I", "-S", path, json.dumps(plan), *argv]

    def processes(self) -> list[int]:
        """The processes of the run, detached ones included, in no order."""
        return self._fence.processes()

    def end(self) -> None:
        """Kill every process of the run, see that none is left, and read the counters.

        Raises:
            WallsError: some hang in the kernel.
        """
        end_processes(self.processes)
        self._use = self._fence.memory_use()

    def ran_out_of_memory(self, returncode: int) -> bool:
        """Whether a run that ended with ``returncode`` failed because memory ran out.

        By the kernel's count of killed processes alone: a child that was killed counts too,
        whatever the worker made of that; a run that ended well did not fail. Under the weaker
        limit nobody counts: there the worker sees a MemoryError and reports it itself.
        """
        return returncode != 0 and bool(self._memory_use().oom_kills)

    def facts(self) -> dict[str, Any]:
        """What the record says of the walls; complete after :meth:`end`."""
        use = self._memory_use()
        return {
            "memory": {
                "mechanism": self._fence.mechanism,
                "is_weaker": self._fence.is_weaker,
                "limit_bytes": use.limit_bytes,
                "peak_bytes": use.peak_bytes,
                "oom_kills": use.oom_kills,
                "swap_off": use.swap_off,
                "reason": "; ".join(self._reasons) or None,
            },
            "cores": {"pinned": None if self._cores is None else list(self._cores)},
            "bandwidth": {
                "mechanism": self.bandwidth_mechanism,
                "limit_bytes_per_s": self._store_bandwidth,
            },
        }

    def _memory_use(self) -> MemoryUse:
        return self._use or self._fence.memory_use()

    def _joined(self) -> list[Path]:
        return [*self._fence.joined, *(self._throttle.joined if self._throttle else ())]

    def _candidates(self) -> tuple[list[Fence], DiskThrottle | None]:
        """What could hold this run here, strongest first, with the reasons of what cannot."""
        fences: list[Fence] = []
        for kind in _UNLIMITED if self._memory_bytes is None else _LIMITED:
            try:
                fences.append(kind(self.name, memory_bytes=self._memory_bytes))
            except LookupError as error:
                self._reasons.append(str(error))
        throttle = None
        if self._throttled is not None and self._store_bandwidth is not None:
            try:
                throttle = DiskThrottle(
                    self.name, path=self._throttled, bytes_per_s=self._store_bandwidth
                )
            except LookupError as error:
                self._reasons.append(str(error))
        return fences, throttle

    def _opened(self, fences: Sequence[Fence]) -> Fence:
        for fence in fences:
            try:
                fence.open()
            except (LookupError, OSError) as error:
                self._reasons.append(str(error))
            else:
                self._reasons = []  # why the stronger kinds are missing matters to doctor only
                return fence
        return self._fence

    def _opened_throttle(self, throttle: DiskThrottle | None) -> DiskThrottle | None:
        if throttle is not None:
            try:
                throttle.open()
            except (LookupError, OSError) as error:
                self._reasons.append(str(error))
            else:
                return throttle
        return None

    def _take_down(self) -> None:
        groups = [*self._fence.groups, *([self._throttle.group] if self._throttle else [])]
        try:
            for group in groups:
                remove(group)
            self._fence.close()
            if self._throttle is not None:
                self._throttle.close()
        finally:
            self._guard.dismiss()  # which does what could not be done here


def _remove_leftovers(parent: Path) -> None:
    """End and remove the groups that dead supervisors have left below ``parent``."""
    for group in parent.glob("alsatian-bench-*"):
        if is_leftover(group.name):
            end_processes(lambda group=group: members(group) + marked(group.name))  # type: ignore[misc]
            remove(group)
