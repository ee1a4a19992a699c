"""Finding the hierarchies, and cgroup v2's rule that processes live in leaves."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.limits import cgroup_v2
from harness.limits.bandwidth import disk_of
from harness.limits.groups import members, read_field, read_number, remove
from harness.limits.hierarchies import own_group_v1, own_group_v2

V1_MOUNTS = """\
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
36 31 0:33 /docker/ab /sys/fs/cgroup/cpu\\040set rw - cgroup cgroup rw,cpuset,cpu
"""
V2_MOUNTS = "27 23 0:25 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
V1_OWN = "4:memory:/user/x\n3:cpuset,cpu:/docker/ab/c\n0::/user.slice/session-1.scope\n"


def test_hierarchies_of_version_1() -> None:
    memory = own_group_v1("memory", mounts=V1_MOUNTS, own=V1_OWN)
    assert memory == Path("/sys/fs/cgroup/memory/user/x")
    # A container sees its part of the tree only; spaces stand as octal escapes.
    assert own_group_v1("cpu", mounts=V1_MOUNTS, own=V1_OWN) == Path("/sys/fs/cgroup/cpu set/c")
    with pytest.raises(LookupError, match="no cgroup v1 hierarchy with the blkio"):
        own_group_v1("blkio", mounts=V1_MOUNTS, own=V1_OWN)
    with pytest.raises(LookupError, match="not mounted here"):
        own_group_v1("cpu", mounts=V1_MOUNTS, own="3:cpuset,cpu:/elsewhere\n")


def test_the_hierarchy_of_version_2() -> None:
    own = own_group_v2(mounts=V2_MOUNTS, own=V1_OWN)
    assert own == Path("/sys/fs/cgroup/user.slice/session-1.scope")
    with pytest.raises(LookupError, match="not mounted here"):
        own_group_v2(mounts=V1_MOUNTS, own=V1_OWN)
    with pytest.raises(LookupError, match="not mounted here"):  # outside our namespace
        own_group_v2(mounts=V2_MOUNTS, own="0::/../other\n")
    with pytest.raises(LookupError, match="no cgroup v2 hierarchy"):
        own_group_v2(mounts=V2_MOUNTS, own="4:memory:/\n")


def test_reading_counters(tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.peak").write_text("4096\n")
    (tmp_path / "memory.events").write_text("low 0\noom 3\noom_kill 2\noom_group_kill 1\n")
    use = cgroup_v2.memory_use(tmp_path)
    assert (use.limit_bytes, use.peak_bytes, use.oom_kills) == (None, 4096, 2)
    assert read_number(tmp_path, "memory.missing") is None
    assert read_field(tmp_path, "memory.events", "oom_kil") is None
    assert read_field(tmp_path, "memory.missing", "oom_kill") is None


def test_limits_are_written_as_version_2_has_them(tmp_path: Path) -> None:
    for name in ("memory.swap.max", "memory.oom.group"):
        (tmp_path / name).touch()
    cgroup_v2.set_memory_limit(tmp_path, 12345)
    written = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert written == {"memory.max": "12345", "memory.swap.max": "0", "memory.oom.group": "1"}


def test_processes_of_other_namespaces_are_no_ones_to_kill(tmp_path: Path) -> None:
    (tmp_path / "cgroup.procs").write_text("0\n1\n4711\n")
    assert members(tmp_path) == [4711]
    assert members(tmp_path / "missing") == []


def test_a_file_system_without_a_disk() -> None:
    with pytest.raises(LookupError, match="on no disk"):
        disk_of(Path("/proc"))


def _top() -> Path | None:
    """A cgroup v2 folder where groups can be made, with any controller to hand down."""
    try:
        top = own_group_v2()
    except LookupError:
        return None
    usable = os.access(top, os.W_OK) and not (top / "cgroup.type").exists()
    return top if usable and (top / "cgroup.controllers").read_text().strip() else None


TOP = _top()
needs_version_2 = pytest.mark.skipif(TOP is None, reason="no cgroup v2 tree to write to")


@pytest.fixture
def origin() -> Iterator[Path]:
    """A group of cgroup v2 that has a controller, with nobody in it."""
    assert TOP is not None
    controller = (TOP / "cgroup.controllers").read_text().split()[0]
    before = (TOP / "cgroup.subtree_control").read_text().split()
    (TOP / "cgroup.subtree_control").write_text(f"+{controller}")
    group = TOP / f"limits-test-{os.getpid()}"
    group.mkdir()
    yield group
    remove(group)
    if controller not in before:
        (TOP / "cgroup.subtree_control").write_text(f"-{controller}")


IN_GROUP = """
import os, sys
from pathlib import Path
from harness.limits import cgroup_v2
from harness.limits.hierarchies import own_group_v2
Path(sys.argv[1], "cgroup.procs").write_text("0")
controller = Path(sys.argv[1], "cgroup.controllers").read_text().split()[0]
top = cgroup_v2.origin()
try:
    cgroup_v2.hand_down(top, controller)
except LookupError as error:
    sys.exit(str(error))
home, again = own_group_v2(), cgroup_v2.origin()
(top / "alsatian-bench-1-1-1").mkdir()
cgroup_v2.withdraw(top)  # a run goes on: nothing happens
between = own_group_v2()
Path(top / "alsatian-bench-1-1-1").rmdir()
handed = (top / "cgroup.subtree_control").read_text().split() == [controller]
cgroup_v2.withdraw(top)
names = [home.name, between.name, again == top, handed, own_group_v2() == top]
print(names, [path.name for path in top.iterdir() if path.is_dir()])
"""


def in_group(group: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", IN_GROUP, str(group)], capture_output=True, text=True, timeout=30
    )


@needs_version_2
def test_a_lone_process_steps_aside_and_comes_back(origin: Path) -> None:
    done = in_group(origin)
    home = "alsatian-bench-home"
    assert done.stdout.strip() == f"['{home}', '{home}', True, True, True] []", done.stderr


@needs_version_2
def test_a_group_with_other_processes_is_left_alone(origin: Path) -> None:
    with subprocess.Popen(["sleep", "30"]) as sleeper:
        (origin / "cgroup.procs").write_text(str(sleeper.pid))
        done = in_group(origin)
        assert "holds 1 other processes" in done.stderr
        assert "Delegate=yes" in done.stderr
        assert members(origin) == [sleeper.pid]
        sleeper.kill()


@needs_version_2
def test_a_controller_that_is_not_there(origin: Path) -> None:
    with pytest.raises(LookupError, match="has no nonsense controller"):
        cgroup_v2.hand_down(origin, "nonsense")
