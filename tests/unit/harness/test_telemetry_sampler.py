"""The sampler process: real workers, the real ``pynvml``, a stand-in driver."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.telemetry.recording import Sampler
from harness.telemetry.series import Series, read_raw, read_series
from tests.nvml_stand_in import ROOT, StandIn, compile_stand_in, compiler

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="counters of Linux")
needs_compiler = pytest.mark.skipif(compiler() is None, reason="there is no C compiler")

BUSY = (
    "import time; x = bytearray(50_000_000); end = time.time() + {seconds}\n"
    "while time.time() < end: sum(range(20_000))"
)
IDLE = "import time; time.sleep({seconds})"

Work = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def work() -> Iterator[Work]:
    """Start a worker that does ``code`` for some seconds; it ends with the test."""
    workers: list[subprocess.Popen[bytes]] = []

    def started(code: str = IDLE, *, seconds: float = 60) -> subprocess.Popen[bytes]:
        workers.append(subprocess.Popen([sys.executable, "-c", code.format(seconds=seconds)]))
        return workers[-1]

    yield started
    for worker in workers:
        worker.kill()
        worker.wait()


@pytest.fixture
def driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """A stand-in driver that samplers started from here will find."""
    folder = tmp_path / "driver"
    folder.mkdir()
    stand_in = compile_stand_in(folder)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    for name in ("LD_LIBRARY_PATH", "NVML_SCRIPT"):
        monkeypatch.setenv(name, stand_in.environment()[name])
    return stand_in


def header_appears(folder: Path) -> None:
    wait_until(lambda: (folder / "series.jsonl").exists() and read(folder) is not None)


def read(folder: Path) -> Series | None:
    try:
        return read_raw(folder / "series.jsonl")
    except (OSError, ValueError):
        return None


def written(folder: Path) -> Series:
    series = read(folder)
    assert series is not None
    return series


def wait_until(condition: Callable[[], object], limit_s: float = 10) -> None:
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.01)


def test_it_ends_with_the_worker_and_has_seen_its_work(work: Work, tmp_path: Path) -> None:
    reaped = resource.getrusage(resource.RUSAGE_CHILDREN)
    worker = work(BUSY, seconds=1.5)
    with Sampler.start(worker.pid, tmp_path, with_gpus=False) as sampler:
        worker.wait()
        later = resource.getrusage(resource.RUSAGE_CHILDREN)
    summary = sampler.finish()
    worker_s = later.ru_utime + later.ru_stime - reaped.ru_utime - reaped.ru_stime
    assert summary["is_complete"]
    assert summary["counters"]["tree.rss_bytes"]["max"] > 50e6
    # /proc counts ticks of 10 ms, of user and system time each.
    assert 0.7 < summary["counters"]["tree.cpu_s"]["total"] <= worker_s + 0.02
    assert summary["peaks"]["tree_peak_rss_bytes"] > 50e6
    assert summary["sampling"]["host"]["samples"] > 8
    assert summary["sampling"]["host"]["median_interval_s"] == pytest.approx(0.1, rel=0.2)
    assert summary["missing"]["gpu"] == "Not asked for."
    assert summary["counters"]["machine.cpu_busy_s"]["total"] >= 0.7
    names = {track.name for track in read_series(tmp_path / "series.parquet")}
    assert {"tree.rss_bytes", "machine.cpu_busy_s", "cpu0.busy_s"} <= names
    assert sorted(path.name for path in tmp_path.iterdir()) == ["series.parquet"]


@needs_compiler
def test_gpu_series_and_a_device_that_vanishes(work: Work, driver: StandIn, tmp_path: Path) -> None:
    values: dict[str, object] = {
        "gpus": 2, "gpu0.memory": 1_000_000, "gpu0.power": 100_000, "gpu0.energy_rate": 100_000,
        "gpu1.power": 50_000, "gpu1.pids": "1",
    }  # fmt: skip
    driver.say(values)
    worker = work()
    with Sampler.start(worker.pid, tmp_path) as sampler:
        header_appears(tmp_path)
        driver.say({**values, "gpu0.memory": 3_000_000, "gpu0.reasons": 0x21})
        time.sleep(0.8)
        driver.say({**values, "gpu0.lost": 1})
        time.sleep(0.6)
        worker.kill()
        worker.wait()
    summary = sampler.finish()
    assert summary["lost"] == {"gpu0": "GPU is lost"}
    assert summary["counters"]["gpu0.power_w"]["max"] == 100.0
    assert summary["peaks"]["gpu0_memory_above_idle_bytes"] == 2_000_000
    assert summary["peaks"]["gpu1_memory_above_idle_bytes"] == 0
    assert 0 < summary["doubts"]["throttled"]["gpu0"]["software thermal slowdown"] <= 1
    assert "idle" not in summary["doubts"]["throttled"]["gpu0"]
    assert summary["doubts"]["throttled"]["gpu1"] == {}
    assert summary["sampling"]["gpu"]["samples"] > 15
    tracks = {track.name: track for track in read_series(tmp_path / "series.parquet")}
    assert tracks["gpu0.power_w"].times_ns[-1] < tracks["gpu1.power_w"].times_ns[-1] - 0.3e9


@needs_compiler
def test_processes_that_were_there_before_are_foreign(
    work: Work, driver: StandIn, tmp_path: Path
) -> None:
    worker = work()
    driver.say({"gpus": 1, "gpu0.pids": "1"})
    with Sampler.start(worker.pid, tmp_path) as sampler:
        header_appears(tmp_path)
        driver.say({"gpus": 1, "gpu0.pids": f"1,{worker.pid}"})
        time.sleep(1.3)
    summary = sampler.finish()
    assert summary["doubts"]["foreign_gpu_processes"] == 1
    assert summary["counters"]["gpu0.processes"]["max"] == 2
    assert summary["gpus"]["gpu0"]["idle_processes"] == 1


def test_it_ends_when_asked_and_not_at_an_interrupt(work: Work, tmp_path: Path) -> None:
    sampler = Sampler.start(work().pid, tmp_path, with_gpus=False)
    header_appears(tmp_path)
    os.kill(sampler.pid, signal.SIGINT)
    time.sleep(0.2)
    sampler.stop()
    end = written(tmp_path).end
    assert end is not None
    assert end["why"] == "asked"
    assert end["wall_s"] > 0.15


def test_a_killed_sampler_leaves_what_it_has_seen(work: Work, tmp_path: Path) -> None:
    with Sampler.start(work().pid, tmp_path, with_gpus=False) as sampler:
        header_appears(tmp_path)
        wait_until(lambda: len(written(tmp_path).groups["slow"].times_ns) > 1)
        os.kill(sampler.pid, signal.SIGKILL)
    summary = sampler.finish()
    assert not summary["is_complete"]
    assert summary["reason"] == "The sampler did not come to its end."
    assert summary["counters"]["tree.rss_bytes"]["max"] > 0


def test_a_sampler_that_saw_nothing_says_why(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    sampler = Sampler.start(gone.pid, tmp_path, with_gpus=False)
    os.kill(sampler.pid, signal.SIGKILL)
    summary = sampler.finish()
    assert not summary["is_complete"]
    assert summary["reason"]


@pytest.mark.parametrize("half", [None, b"", b"PAR1 and no more"])
def test_half_written_spans_of_a_killed_worker(
    work: Work, tmp_path: Path, half: bytes | None
) -> None:
    with Sampler.start(work().pid, tmp_path, with_gpus=False) as sampler:
        header_appears(tmp_path)
    spans = tmp_path / "spans.parquet"
    if half is not None:
        spans.write_bytes(half)
    summary = sampler.finish(spans=spans)
    assert summary["is_complete"]
    assert summary["phases"] == {}


def test_it_ends_with_a_supervisor_that_was_killed(work: Work, tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path\n"
        "from harness.telemetry.recording import Sampler\n"
        f"sampler = Sampler.start({work().pid}, Path({str(tmp_path)!r}), with_gpus=False)\n"
        "print(sampler.pid, flush=True); time.sleep(60)"
    )
    supervisor = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert supervisor.stdout is not None
    pid = int(supervisor.stdout.readline())
    header_appears(tmp_path)
    supervisor.kill()
    supervisor.communicate()
    wait_until(lambda: is_over(pid))


def is_over(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state == "Z"


def test_it_leaves_the_workers_cores_where_it_can(work: Work, tmp_path: Path) -> None:
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2:
        pytest.skip("there is one core only")
    worker = work()
    os.sched_setaffinity(worker.pid, {allowed[0]})
    with Sampler.start(worker.pid, tmp_path, with_gpus=False) as sampler:
        header_appears(tmp_path)
        wait_until(lambda: written(tmp_path).events)
        assert os.sched_getaffinity(sampler.pid) == set(allowed[1:])
        time.sleep(0.5)
    summary = sampler.finish()
    assert summary["doubts"]["others_own_cores_share"] is not None


def test_it_holds_itself_to_its_budget(work: Work, tmp_path: Path) -> None:
    sampler = subprocess.Popen(
        [sys.executable, "-m", "harness.telemetry.sampler", "--no-gpus", "--pid", str(work().pid),
         "--out", str(tmp_path / "series.jsonl"), "--interval-s", "0.001", "--budget", "0.003"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    header_appears(tmp_path)
    time.sleep(3)
    sampler.terminate()
    sampler.wait()
    end = written(tmp_path).end
    assert end is not None
    assert end["longest_stretch"] > 2
    assert end["samples"]["host"] < 3000


def test_it_loads_nothing_heavy_and_starts_at_once(work: Work, tmp_path: Path) -> None:
    code = (
        "import sys; from harness.telemetry import sampler, nvml_devices, recording; import json\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    heavy = {"torch", "pandas", "pyarrow", "numpy", "scipy", "psutil", "systems", "reports"}
    assert not heavy & set(json.loads(done.stdout))
    with Sampler.start(work().pid, tmp_path) as sampler:
        header_appears(tmp_path)
    # Processor time, not wall time: the machine that tests may be busy.
    assert sampler.finish()["sampler"]["startup_cpu_s"] < 0.3


def test_its_cost(work: Work, tmp_path: Path) -> None:
    busy = work(BUSY, seconds=60).pid
    shares = []
    for attempt in range(3):  # what else the machine does can only make it dearer
        folder = tmp_path / str(attempt)
        folder.mkdir()
        with Sampler.start(busy, folder, with_gpus=False) as sampler:
            header_appears(folder)
            time.sleep(3)
        shares.append(sampler.finish()["sampler"]["cpu_share"])
        if shares[-1] < 0.02:  # twice what it holds itself to: 10 ms ticks, cold caches
            return
    raise AssertionError(f"Shares of a core: {shares}")
