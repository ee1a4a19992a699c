"""Files are brought into and out of the page cache, and the proof is never taken on trust."""

from __future__ import annotations

import mmap
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.page_cache import (
    COLD_READ_SHARE,
    DiskReads,
    cold_proof,
    evict,
    prepare_cache_state,
    residency,
    warm,
)
from systems.store.buffered import BufferedReader

PAGE = mmap.PAGESIZE
SIZES = (1, PAGE, 300_001, 2_000_003)
NO_DROP = Path("/nonexistent/drop_caches")

_IN_MEMORY = ("tmpfs", "ramfs")


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Files whose pages are in memory and dirty."""
    kind = subprocess.run(
        ["stat", "-f", "-c", "%T", tmp_path], capture_output=True, text=True, check=True
    ).stdout.strip()
    if kind in _IN_MEMORY:
        pytest.skip(f"the temporary folder is on {kind}, which is never cold")
    paths = [tmp_path / str(number) for number in range(len(SIZES))]
    for path, size in zip(paths, SIZES, strict=True):
        path.write_bytes(os.urandom(size))
    return paths


@pytest.fixture
def in_memory_file() -> Iterator[Path]:
    """A file of a file system in memory."""
    folder = Path("/dev/shm")
    if not os.access(folder, os.W_OK):
        pytest.skip("there is no /dev/shm")
    path = folder / f"alsatian-bench-test-{os.getpid()}"
    path.write_bytes(bytes(100 * PAGE))
    yield path
    path.unlink()


def test_a_store_that_drops_behind_leaves_nothing_in_memory(files: list[Path]) -> None:
    os.sync()  # dirty pages stay
    keeping, dropping = (BufferedReader(10**10, drop_behind=drops) for drops in (False, True))
    for path, size in zip(files, SIZES, strict=True):
        assert keeping.read(path, size).numpy().tobytes() == path.read_bytes()
    assert residency(files).share == 1
    for path, size in zip(files, SIZES, strict=True):
        assert dropping.read(path, size).shape == (size,)
    assert residency(files).share == 0


def test_written_files_are_resident_to_the_byte(files: list[Path]) -> None:
    found = residency(files)
    assert (found.files, found.total_bytes, found.resident_bytes) == (4, sum(SIZES), sum(SIZES))
    assert found.share == 1
    assert found.reason is None


def test_dirty_files_are_evicted(files: list[Path]) -> None:
    eviction = evict(files, drop_caches=NO_DROP)
    assert eviction.method == "fadvise"
    assert eviction.after.resident_bytes == 0
    assert eviction.after.total_bytes == sum(SIZES)


def test_counting_pages_touches_none(files: list[Path]) -> None:
    evict(files)
    assert [residency(files).resident_bytes for _ in range(3)] == [0, 0, 0]


def test_a_touched_page_is_counted(files: list[Path]) -> None:
    evict(files)
    descriptor = os.open(files[3], os.O_RDONLY)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_RANDOM)
    os.pread(descriptor, 1, 10 * PAGE)
    os.close(descriptor)
    resident = residency(files).resident_bytes
    assert resident is not None
    assert PAGE <= resident < SIZES[3]


def test_warm_files_are_resident(files: list[Path]) -> None:
    evict(files)
    warm(files)
    assert residency(files).share == 1


def test_reads_from_the_disk_are_counted_once(files: list[Path]) -> None:
    evict(files)
    with DiskReads() as first:
        warm(files)
    with DiskReads() as second:
        warm(files)
    if first.read_bytes is None:
        pytest.skip("this kernel does not count the reads of a process")
    assert first.read_bytes >= sum(SIZES)
    assert second.read_bytes == 0


def test_no_count_is_none_and_not_zero(tmp_path: Path) -> None:
    with DiskReads(tmp_path / "missing") as reads:
        pass
    assert reads.read_bytes is None
    (tmp_path / "io").write_text("rchar: 5\nwchar: 6\n")
    with DiskReads(tmp_path / "io") as reads:
        pass
    assert reads.read_bytes is None


def test_a_cold_start_is_proved(files: list[Path]) -> None:
    facts = prepare_cache_state("cold", [*files, files[0]])
    seconds = facts.pop("seconds")
    assert facts == {
        "state": "cold",
        "files": 4,
        "bytes": sum(SIZES),
        "resident_before": 1.0,
        "resident_after": 0.0,
        "method": "fadvise",
        "is_proved": True,
        "reason": None,
    }
    assert 0 < seconds < 10


def test_a_warm_start_is_proved(files: list[Path]) -> None:
    evict(files)
    facts = prepare_cache_state("warm", files)
    assert (facts["resident_before"], facts["resident_after"]) == (0.0, 1.0)
    assert facts["method"] == "read"
    assert facts["is_proved"] is True
    assert facts["reason"] is None


def test_pages_that_the_kernel_takes_back_meanwhile_are_read_again(
    files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    goes = []

    def warm_and_lose(paths: list[Path]) -> None:
        goes.append(paths)
        warm(paths)
        if len(goes) == 1:
            evict([files[-1]], drop_caches=NO_DROP)

    monkeypatch.setattr("harness.page_cache.warm", warm_and_lose)
    evict(files)
    assert prepare_cache_state("warm", files)["is_proved"] is True
    assert len(goes) == 2


@pytest.mark.parametrize("state", ["cold", "warm"])
def test_no_files_are_in_any_state(state: str) -> None:
    facts = prepare_cache_state(state, [])  # type: ignore[arg-type]
    assert facts["resident_after"] is None
    assert facts["is_proved"] is True


def test_a_mapped_file_cannot_be_made_cold(files: list[Path]) -> None:
    with files[3].open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as used:
        sum(used[::PAGE])
        eviction = evict(files, drop_caches=NO_DROP)
        assert eviction.after.share == pytest.approx(SIZES[3] / sum(SIZES))
        facts = prepare_cache_state("cold", files)
    assert facts["is_proved"] is False
    assert "% of the files' pages stayed in memory: a process has them mapped" in facts["reason"]


def test_all_caches_are_dropped_only_where_files_stay(files: list[Path], tmp_path: Path) -> None:
    switch = tmp_path / "switch"
    switch.touch()
    assert evict(files, drop_caches=switch).method == "fadvise"
    assert switch.read_text() == ""
    with files[3].open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as used:
        sum(used[::PAGE])
        assert evict(files, drop_caches=switch).method == "fadvise+drop_caches"
    assert switch.read_text() == "1\n"


def test_a_file_in_memory_is_always_warm(in_memory_file: Path) -> None:
    eviction = evict([in_memory_file], drop_caches=NO_DROP)
    assert eviction.after.share == 1
    assert prepare_cache_state("warm", [in_memory_file])["is_proved"] is True


def test_a_file_of_somebody_else_is_unknown_and_not_resident(files: list[Path]) -> None:
    if os.geteuid() != 0:
        pytest.skip("becoming another user needs root")
    # To other users the kernel calls every page of such a file resident.
    program = (
        "import sys, os; from pathlib import Path; from harness.page_cache import "
        "prepare_cache_state, residency\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "path = Path(sys.argv[1])\n"
        "found = residency([path]); assert found.resident_bytes is None, found\n"
        "assert found.share is None and found.total_bytes > 0\n"
        "facts = prepare_cache_state('cold', [path])\n"
        "assert facts['is_proved'] is False and facts['resident_after'] is None\n"
        "print(facts['reason'])\n"
    )
    descriptor = os.open(files[3], os.O_RDONLY)
    done = subprocess.run(
        [sys.executable, "-c", program, f"/proc/self/fd/{descriptor}"],
        pass_fds=[descriptor],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=False,
    )
    os.close(descriptor)
    assert done.returncode == 0, done.stderr
    assert "only to those who own a file or may write to it" in done.stdout


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        residency([tmp_path / "missing"])


COLD = {"state": "cold", "bytes": 1000, "is_proved": True, "reason": None}


@pytest.mark.parametrize(
    ("read_bytes", "is_proved"),
    [(950, True), (949, False), (2000, True), (0, False), (None, False)],
)
def test_a_cold_run_is_proved_by_what_came_from_the_disk(
    read_bytes: int | None, is_proved: bool
) -> None:
    assert COLD_READ_SHARE == 0.95
    proof = cold_proof(COLD, read_bytes=read_bytes, needed_bytes=1000)
    assert proof["is_proved"] is is_proved
    assert (proof["read_bytes"], proof["needed_bytes"]) == (read_bytes, 1000)
    assert (proof["reason"] is None) is is_proved


def test_a_start_that_was_not_proved_stays_so() -> None:
    facts = {**COLD, "is_proved": False, "reason": "Something."}
    proof = cold_proof(facts, read_bytes=5000, needed_bytes=1000)
    assert (proof["is_proved"], proof["reason"]) == (False, "Something.")


def test_a_warm_run_needs_nothing_from_the_disk() -> None:
    proof = cold_proof({**COLD, "state": "warm"}, read_bytes=0, needed_bytes=1000)
    assert proof["is_proved"] is True
