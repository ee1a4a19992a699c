"""Which limits this machine lets this user set, for ``doctor``."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.limits import bandwidth, cgroup_v1, cgroup_v2, systemd_scope
from harness.limits.hierarchies import own_group_v1


def available_limits(store_path: Path) -> dict[str, Any]:
    """What :func:`harness.limits.confine` would use here, and why not something stronger.

    Changes nothing; asks systemd for a short-lived scope where there is a systemd.

    Returns:
        ``{"memory": {"mechanism", "is_weaker", "obstacles": {kind: reason}, "advice"},
        "cores": {"usable": n}, "bandwidth": {"paced": True, "disk_throttle": bool,
        "reason": sentence or None}}``; mechanism names as in a run's facts.
    """
    obstacles: dict[str, str] = {}
    mechanism = "rlimit"
    for kind, obstacle in _MEMORY.items():
        reason = obstacle()
        if reason is None:
            mechanism = kind
            break
        obstacles[kind] = reason
    reason = bandwidth.obstacle(store_path)
    return {
        "memory": {
            "mechanism": mechanism,
            "is_weaker": mechanism == "rlimit",
            "obstacles": obstacles,
            "advice": _ADVICE if mechanism == "rlimit" else None,
        },
        "cores": {"usable": len(os.sched_getaffinity(0))},
        "bandwidth": {"paced": True, "disk_throttle": reason is None, "reason": reason},
    }


_ADVICE = (
    "Only a limit per process without page cache (RLIMIT_DATA) is possible. For a real one: "
    "log in through a systemd session; or start the command by systemd-run --user --scope "
    "-p Delegate=yes; or give the container its own cgroup tree to write to "
    "(docker run --privileged --cgroupns=private)."
)


def _v2_obstacle() -> str | None:
    try:
        return cgroup_v2.obstacle(cgroup_v2.origin(), "memory")
    except LookupError as error:
        return str(error)


def _v1_obstacle() -> str | None:
    try:
        return cgroup_v1.obstacle(own_group_v1("memory"))
    except LookupError as error:
        return str(error)


def _scope_obstacle() -> str | None:
    return systemd_scope.obstacle("--system" if os.geteuid() == 0 else "--user")


_MEMORY: dict[str, Callable[[], str | None]] = {
    "cgroup-v2": _v2_obstacle,
    "cgroup-v1": _v1_obstacle,
    "systemd-scope": _scope_obstacle,
}
