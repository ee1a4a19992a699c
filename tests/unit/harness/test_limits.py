"""Walls around real processes, by whatever this machine offers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from harness.limits import LAUNCH_FAILED, Confinement, available_limits, confine, confinement
from harness.limits.groups import marked
from harness.limits.names import is_leftover
from systems.errors import ConfigurationError

MIB = 2**20
HERE = Path(__file__).parent
OFFERED = available_limits(HERE)
needs_a_group = pytest.mark.skipif(
    OFFERED["memory"]["is_weaker"], reason=f"no control group: {OFFERED['memory']['obstacles']}"
)

TOUCH = "import sys; b = bytearray(int(sys.argv[1])); b[::4096] = b'x' * len(b[::4096])"
DAEMON = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork():
        os._exit(0)
    time.sleep(60)
os.wait()
print(flush=True)
time.sleep(60)
"""


@pytest.fixture(params=["group", "mark"])
def any_fence(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run a test with what this machine offers, and with no group at all."""
    if request.param == "mark":
        monkeypatch.setattr(confinement, "_LIMITED", ())
        monkeypatch.setattr(confinement, "_UNLIMITED", ())
    return str(request.param)


def walls(
    *, memory: int | None = None, cores: int | None = None, bandwidth: int | None = None
) -> Confinement:
    return confine(
        memory_bytes=memory, cores=cores, store_bandwidth=bandwidth, store_path=HERE,
        throttle_disk=bandwidth is not None,
    )  # fmt: skip


def start(inside: Confinement, code: str, *arguments: object) -> subprocess.Popen[str]:
    command = inside.wrap([sys.executable, "-I", "-S", "-c", code, *map(str, arguments)])
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def ended(inside: Confinement, code: str, *arguments: object) -> int:
    process = start(inside, code, *arguments)
    _, errors = process.communicate(timeout=30)
    assert "walls" not in errors
    return process.returncode


def groups_of(name: str) -> list[Path]:
    return [Path(folder) for folder, _, _ in os.walk("/sys/fs/cgroup") if folder.endswith(name)]


def is_gone(pid: int) -> bool:
    """Whether nothing but an entry that init has yet to collect remains of a process."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def wait_until_true(condition, limit_s: float = 10.0) -> bool:  # type: ignore[no-untyped-def]
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False


@needs_a_group
def test_a_run_that_takes_more_memory_than_it_may() -> None:
    with walls(memory=64 * MIB) as inside:
        returncode = ended(inside, TOUCH, 200 * MIB)
        assert returncode == -signal.SIGKILL
        assert inside.ran_out_of_memory(returncode)
        inside.end()
    memory = inside.facts()["memory"]  # still known when the group is gone
    assert memory["mechanism"] == OFFERED["memory"]["mechanism"]
    assert memory["oom_kills"] >= 1
    assert memory["limit_bytes"] == 64 * MIB
    assert 60 * MIB <= memory["peak_bytes"] <= 65 * MIB
    assert memory["swap_off"]
    assert not memory["is_weaker"]
    assert inside.ran_out_of_memory(returncode)
    assert not groups_of(inside.name)


@needs_a_group
def test_a_run_that_stays_below_its_limit() -> None:
    with walls(memory=256 * MIB) as inside:
        returncode = ended(inside, TOUCH, 100 * MIB)
    assert returncode == 0
    assert not inside.ran_out_of_memory(returncode)
    assert inside.facts()["memory"]["oom_kills"] == 0
    assert 100 * MIB <= inside.facts()["memory"]["peak_bytes"] <= 140 * MIB


@needs_a_group
def test_a_kill_from_outside_is_not_a_lack_of_memory() -> None:
    with walls(memory=64 * MIB) as inside:
        process = start(inside, "print(flush=True); import time; time.sleep(60)")
        assert process.stdout is not None
        process.stdout.readline()
        process.kill()
        assert process.wait() == -signal.SIGKILL
    assert not inside.ran_out_of_memory(-signal.SIGKILL)


@needs_a_group
def test_memory_of_children_counts_and_a_killed_child_is_told() -> None:
    code = (
        "import subprocess, sys; c = subprocess.run([sys.executable, '-I', '-S', '-c', "
        "sys.argv[2], sys.argv[1]]); sys.exit(1 if c.returncode else 0)"
    )
    with walls(memory=64 * MIB) as inside:
        returncode = ended(inside, code, 200 * MIB, TOUCH)
    assert returncode != 0
    assert inside.ran_out_of_memory(returncode)


@needs_a_group
def test_page_cache_is_charged_and_reclaimed_without_a_kill(tmp_path: Path) -> None:
    file = tmp_path / "big"
    file.write_bytes(os.urandom(MIB) * 96)
    code = (
        "import os, sys; f = os.open(sys.argv[1], os.O_RDWR); os.fsync(f); "
        "os.posix_fadvise(f, 0, 0, os.POSIX_FADV_DONTNEED)\nwhile os.read(f, 1 << 20): pass"
    )
    with walls(memory=48 * MIB) as inside:
        returncode = ended(inside, code, file)
    assert returncode == 0
    # 96 MiB were read through 48 MiB: the pages filled the group up to its limit.
    assert inside.facts()["memory"]["peak_bytes"] >= 44 * MIB
    assert inside.facts()["memory"]["oom_kills"] == 0


def test_without_a_group_memory_is_limited_per_process_and_labelled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(confinement, "_LIMITED", ())
    with walls(memory=64 * MIB) as inside:
        process = start(inside, TOUCH, 200 * MIB)
        _, errors = process.communicate(timeout=30)
        assert process.returncode == 1
        assert "MemoryError" in errors
        assert not inside.ran_out_of_memory(process.returncode)
    memory = inside.facts()["memory"]
    assert memory["mechanism"] == "rlimit"
    assert memory["is_weaker"]
    assert memory["limit_bytes"] == 64 * MIB
    assert memory["oom_kills"] is None
    assert memory["peak_bytes"] is None


def test_why_a_limit_is_weaker_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def unavailable(name: str, *, memory_bytes: int | None) -> None:
        raise LookupError("no such hierarchy")

    monkeypatch.setattr(confinement, "_LIMITED", (unavailable,))
    with walls(memory=64 * MIB) as inside:
        assert inside.facts()["memory"]["reason"] == "no such hierarchy"


def test_detached_grandchildren_are_found_and_end(any_fence: str) -> None:
    with walls() as inside:
        process = start(inside, DAEMON)
        assert process.stdout is not None
        process.stdout.readline()
        assert len(inside.processes()) == 2
        process.kill()
        process.wait()
        (daemon,) = inside.processes()
        assert os.getsid(daemon) not in (os.getsid(0), process.pid)
        inside.end()
        assert inside.processes() == []
        assert is_gone(daemon)


def test_leaving_the_block_by_an_exception_ends_everything(any_fence: str) -> None:
    with pytest.raises(KeyboardInterrupt), walls(memory=256 * MIB) as inside:
        process = start(inside, DAEMON)
        assert process.stdout is not None
        process.stdout.readline()
        raise KeyboardInterrupt
    assert process.wait(timeout=5) == -signal.SIGKILL
    assert marked(inside.name) == []
    assert not groups_of(inside.name)


def test_a_process_that_runs_away_while_it_is_killed(any_fence: str) -> None:
    flee = "import os, time\nwhile True:\n    time.sleep(0.02)\n    if os.fork(): os._exit(0)\n"
    with walls() as inside:
        start(inside, flee).wait(timeout=5)
        assert wait_until_true(inside.processes)
    assert marked(inside.name) == []


SUPERVISOR = """
import subprocess, sys, time
from pathlib import Path
from harness.limits import confine, confinement
if sys.argv[2] == "mark":
    confinement._LIMITED = ()
walls = confine(
    memory_bytes=2**28, cores=None, store_bandwidth=10**8, store_path=Path.cwd(),
    throttle_disk=True,
)
with walls as inside:
    command = inside.wrap([sys.executable, "-I", "-S", "-c", sys.argv[1]])
    run = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True)
    run.stdout.readline()
    print(inside.name, *inside.processes(), flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("fence", ["group", "mark"])
def test_a_killed_supervisor_leaves_neither_process_nor_group(fence: str) -> None:
    supervisor = subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, DAEMON, fence],
        stdout=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert supervisor.stdout is not None
    name, *pids = supervisor.stdout.readline().split()
    assert len(pids) == 2
    os.killpg(supervisor.pid, signal.SIGKILL)
    supervisor.wait()
    assert wait_until_true(lambda: not groups_of(name) and not marked(name))
    assert all(is_gone(int(pid)) for pid in pids)


@pytest.mark.skipif(
    not OFFERED["memory"]["mechanism"].startswith("cgroup"), reason="makes no group of its own"
)
def test_leftovers_of_a_dead_supervisor_are_removed_at_the_next_start() -> None:
    with walls() as inside:
        parent = inside._fence.groups[0].parent
        dead = parent / "alsatian-bench-999999999-1-0"
        ours = parent / f"{inside.name}0"
        dead.mkdir()
        ours.mkdir()
        sleeper = subprocess.Popen(["sleep", "60"])
        (dead / "cgroup.procs").write_text(str(sleeper.pid))
        with walls():
            assert not dead.exists()
            assert sleeper.wait(timeout=5) == -signal.SIGKILL
            assert ours.exists()
        ours.rmdir()


def test_a_number_that_another_process_has_now_is_told_apart() -> None:
    assert is_leftover(f"alsatian-bench-{os.getpid()}-1-0")
    assert not is_leftover(walls().name)
    assert not is_leftover("alsatian-bench-home")


def test_pinned_cores_are_what_the_run_sees(any_fence: str) -> None:
    code = "import os; print(sorted(os.sched_getaffinity(0)))"
    with walls(cores=1) as inside:
        process = start(inside, code)
        seen, _ = process.communicate(timeout=30)
    assert json.loads(seen) == inside.facts()["cores"]["pinned"]
    assert len(json.loads(seen)) == 1
    assert walls().facts()["cores"] == {"pinned": None}


def test_more_cores_than_there_are() -> None:
    with pytest.raises(ConfigurationError, match="asks for 100000 cores"):
        walls(cores=100_000)


@pytest.mark.skipif(
    not OFFERED["bandwidth"]["disk_throttle"], reason=str(OFFERED["bandwidth"]["reason"])
)
def test_the_kernel_throttles_reads_of_the_store(tmp_path: Path) -> None:
    if tmp_path.stat().st_dev != HERE.stat().st_dev:
        pytest.skip("the temporary folder is on another disk")
    file = tmp_path / "big"
    file.write_bytes(os.urandom(MIB) * 32)
    code = (
        "import os, sys, time; f = os.open(sys.argv[1], os.O_RDWR); os.fsync(f); "
        "os.posix_fadvise(f, 0, 0, os.POSIX_FADV_DONTNEED); t = time.monotonic()\n"
        "while os.read(f, 1 << 20): pass\n"
        "print(time.monotonic() - t)"
    )
    with walls(bandwidth=20_000_000) as inside:
        assert inside.bandwidth_mechanism == "cgroup"
        seconds, errors = start(inside, code, file).communicate(timeout=30)
        assert not errors
    # Short reads overshoot, so the rate is not held to 3% here: that is the store's pacing.
    assert 32 * MIB / float(seconds) < 30e6
    assert inside.facts()["bandwidth"] == {"mechanism": "cgroup", "limit_bytes_per_s": 20_000_000}
    assert not groups_of(inside.name)


def test_without_a_throttle_the_store_is_to_pace_its_reads() -> None:
    paced = confine(memory_bytes=None, cores=None, store_bandwidth=10**8, store_path=HERE)
    assert paced.facts()["bandwidth"] == {"mechanism": "paced", "limit_bytes_per_s": 10**8}
    assert walls().facts()["bandwidth"] == {"mechanism": None, "limit_bytes_per_s": None}


def test_walls_that_cannot_be_entered_stop_the_run() -> None:
    with walls() as inside:
        command = inside.wrap(["/bin/true"])
        plan = json.loads(command[4]) | {"join": ["/nowhere/cgroup.procs"]}
        done = subprocess.run(
            [*command[:4], json.dumps(plan), "/bin/true"], capture_output=True, text=True
        )
    assert done.returncode == LAUNCH_FAILED
    assert "could not go behind its walls" in done.stderr


def test_the_worker_has_the_process_id_that_was_started(any_fence: str) -> None:
    with walls(memory=256 * MIB) as inside:
        process = start(inside, "import os; print(os.getpid())")
        seen, _ = process.communicate(timeout=30)
    assert int(seen) == process.pid


def test_confining_touches_nothing_before_it_is_entered() -> None:
    outside = walls(memory=64 * MIB, cores=1)
    assert not groups_of(outside.name)
    assert not marked(outside.name)


@pytest.fixture(autouse=True)
def _nothing_is_left_behind() -> Iterator[None]:
    yield
    for child in psutil.Process().children():
        assert child.status() == psutil.STATUS_ZOMBIE or "multiprocessing" in child.cmdline()[-1]
