"""Host counters against a process tree whose work is known."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.telemetry.host import Host
from harness.telemetry.process_tree import ProcessTree
from harness.telemetry.procfs import KernelFile, field, fields, number

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="counters of Linux")

Start = Callable[[str], subprocess.Popen[str]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a Python child that says a line when it is ready; it ends with the test."""
    children: list[subprocess.Popen[str]] = []

    def started(code: str) -> subprocess.Popen[str]:
        child = subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        children.append(child)
        assert child.stdout is not None
        assert child.stdout.readline()
        return child

    yield started
    for child in children:
        child.kill()
        child.communicate()


def test_memory_and_processor_time_of_a_tree_of_three(start: Start) -> None:
    child = start(
        "import subprocess, sys, time\n"
        "grandchild = 'import time; x = bytearray(60_000_000); end = time.time() + 0.3\\n'"
        "'while time.time() < end: pass\\nprint(1, flush=True); time.sleep(60)'\n"
        "both = [subprocess.Popen([sys.executable, '-c', grandchild], stdout=-1) for _ in '12']\n"
        "[each.stdout.readline() for each in both]\n"
        "print('ready', flush=True); sys.stdin.read(); [each.kill() for each in both]\n"
    )
    tree = ProcessTree(child.pid)
    tree.refresh()
    cpu_s, rss_bytes, processes = tree.sample() or (0.0, 0, 0)
    assert processes == 3
    assert 120e6 < rss_bytes < 250e6
    pss_bytes = tree.pss_bytes()
    assert pss_bytes is not None
    assert 120e6 < pss_bytes < rss_bytes
    assert 0.2 < cpu_s < 3
    assert tree.cores() == sorted(os.sched_getaffinity(0))


def test_time_of_children_that_have_ended_stays(start: Start) -> None:
    child = start(
        "import subprocess, sys\n"
        "busy = 'import time; end = time.process_time() + 0.3\\n'"
        "'while time.process_time() < end: pass'\n"
        "subprocess.run([sys.executable, '-c', busy])\n"
        "print('ready', flush=True); sys.stdin.read()\n"
    )
    cpu_s, _, processes = ProcessTree(child.pid).sample() or (0.0, 0, 0)
    assert processes == 1
    assert cpu_s >= 0.25


def test_an_orphan_stays_a_member(start: Start) -> None:
    child = start(
        "import os, subprocess, sys\n"
        "orphan = 'import time; print(1, flush=True); time.sleep(60)'\n"
        "middle = f'import subprocess, sys; subprocess.Popen([sys.executable, \"-c\", {orphan!r}])'"
        "'; sys.stdin.read()'\n"
        "one = subprocess.Popen([sys.executable, '-c', middle], stdin=-1, stdout=-1)\n"
        "one.stdout.readline(); print('ready', flush=True)\n"
        "sys.stdin.readline(); one.stdin.close(); one.wait(); print('alone', flush=True)\n"
        "sys.stdin.read()\n"
    )
    tree = ProcessTree(child.pid)
    tree.refresh()
    assert len(tree.pids) == 3
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write("\n")
    child.stdin.flush()
    child.stdout.readline()
    tree.refresh()
    _, _, processes = tree.sample() or (0, 0, 0)
    (orphan,) = [pid for pid in tree.pids if pid != child.pid]
    os.kill(orphan, 9)
    assert processes == 2


def test_a_tree_that_is_gone(start: Start) -> None:
    child = start("print('ready', flush=True); input()")
    tree = ProcessTree(child.pid)
    assert tree.sample() is not None
    child.kill()
    child.wait()
    tree.refresh()
    assert tree.sample() is None
    assert tree.disk_bytes() is None
    assert tree.pss_bytes() is None
    assert tree.peak_rss_bytes() is None
    assert tree.cores() is None


def test_bytes_from_storage_are_counted(start: Start, tmp_path: Path) -> None:
    child = start(
        "import os, sys\n"
        f"file = open({str(tmp_path / 'file')!r}, 'wb')\n"
        "file.write(bytes(3_000_000)); file.flush(); os.fsync(file.fileno())\n"
        "print('ready', flush=True); sys.stdin.read()\n"
    )
    disk_bytes = ProcessTree(child.pid).disk_bytes()
    if disk_bytes is None or not disk_bytes[1]:
        pytest.skip("the temporary folder is not on a disk whose bytes are counted")
    assert disk_bytes[1] >= 3_000_000


def test_every_column_has_a_value_or_a_reason(start: Start) -> None:
    child = start("print('ready', flush=True); input()")
    host = Host(child.pid, [])
    first = dict(zip(host.columns, host.sample(), strict=True))
    slow = dict(zip(host.slow_columns, host.slow_sample(), strict=True))
    unknown = {name for name, value in {**first, **slow}.items() if value is None}
    assert unknown == host.missing.keys()
    assert {"cgroup.memory_bytes", "cgroup.memory_peak_bytes"} <= unknown
    assert "control group" in host.missing["cgroup.memory_bytes"]
    end = time.monotonic() + 0.3
    while time.monotonic() < end:
        pass
    later = dict(zip(host.columns, host.sample(), strict=True))
    assert (later["machine.cpu_busy_s"] or 0) > (first["machine.cpu_busy_s"] or 0)
    cores = [value for name, value in later.items() if name.startswith("cpu")]
    assert len(cores) == os.cpu_count()


@pytest.mark.parametrize(
    ("usage", "peak"),
    [
        ("memory.current", "memory.peak"),
        ("memory.usage_in_bytes", "memory.max_usage_in_bytes"),
    ],
)
def test_memory_of_a_control_group_of_either_version(tmp_path: Path, usage: str, peak: str) -> None:
    (tmp_path / usage).write_text("4096\n")
    (tmp_path / peak).write_text("8192\n")
    (tmp_path / "cgroup.procs").write_text(f"{os.getpid()}\n")
    host = Host(os.getpid(), [tmp_path])
    values = dict(zip(host.columns, host.sample(), strict=True))
    assert values["cgroup.memory_bytes"] == 4096
    assert values["cgroup.memory_peak_bytes"] == 8192


def test_the_control_group_completes_the_tree(start: Start, tmp_path: Path) -> None:
    one = start("print('ready', flush=True); input()")
    other = start("print('ready', flush=True); input()")
    (tmp_path / "cgroup.procs").write_text(f"{one.pid}\n{other.pid}\n")
    tree = ProcessTree(one.pid, tmp_path)
    tree.refresh()
    assert tree.pids == {one.pid, other.pid}


def test_kernel_files(tmp_path: Path) -> None:
    absent = KernelFile(tmp_path / "absent")
    assert absent.read() is None
    assert "No such file" in (absent.reason or "")
    (tmp_path / "peak").write_text("max\n")
    assert number(KernelFile(tmp_path / "peak")) is None
    text = b"MemTotal: 9 kB\nMemAvailable:    12 kB\npswpin 3\npswpout 4\n"
    assert field(text, b"MemAvailable:") == 12
    assert field(text, b"pswpout ") == 4
    assert field(text, b"MemTotal:") == 9
    assert field(text, b"Total:") is None
    assert field(None, b"MemTotal:") is None
    assert fields(b"Pss:  12 kB\nname\npswpin 3\n") == {b"Pss": 12, b"pswpin": 3}
