"""Where the control groups are mounted, and which of them this process is in."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

_MOUNTS = Path("/proc/self/mountinfo")
_OWN = Path("/proc/self/cgroup")


def own_group_v1(controller: str, *, mounts: str | None = None, own: str | None = None) -> Path:
    """The folder of this process's group in the cgroup v1 hierarchy of ``controller``.

    ``mounts`` and ``own`` are the texts of ``/proc/self/mountinfo`` and ``/proc/self/cgroup``,
    read from there if not given.

    Raises:
        LookupError: there is none, with the reason.
    """
    for line in (_OWN.read_text() if own is None else own).splitlines():
        _, controllers, place = line.split(":", 2)
        if controller in controllers.split(","):
            return _folder(place, kind="cgroup", option=controller, mounts=mounts)
    raise LookupError(f"no cgroup v1 hierarchy with the {controller} controller")


def own_group_v2(*, mounts: str | None = None, own: str | None = None) -> Path:
    """The folder of this process's group in the cgroup v2 hierarchy.

    Raises:
        LookupError: there is none, with the reason.
    """
    for line in (_OWN.read_text() if own is None else own).splitlines():
        if line.startswith("0::"):
            return _folder(line[3:], kind="cgroup2", option=None, mounts=mounts)
    raise LookupError("no cgroup v2 hierarchy")


def _folder(place: str, *, kind: str, option: str | None, mounts: str | None) -> Path:
    """The folder of group ``place``, which counts from the root of the (namespace's) tree."""
    for line in (_MOUNTS.read_text() if mounts is None else mounts).splitlines():
        left, _, right = line.partition(" - ")
        filesystem, _, options = right.split(" ", 2)
        if filesystem != kind or (option and option not in options.split(",")):
            continue
        root, mount_point = (_unescaped(field) for field in left.split()[3:5])
        # A container may see only the part of the tree below ``root``.
        if ".." not in PurePosixPath(place).parts and PurePosixPath(place).is_relative_to(root):
            return Path(mount_point) / PurePosixPath(place).relative_to(root)
    raise LookupError(f"the group {place} of this process is not mounted here")


def _unescaped(field: str) -> str:
    """A field of mountinfo, where spaces and the like stand as octal escapes."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), field)
