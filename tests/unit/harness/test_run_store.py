"""Runs are written whole or not at all, once, and survive whatever ends their process."""

from __future__ import annotations

import json
import os
import random
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.run_store import RunStore, read_record, write_record
from tests.small_disk import small_file_system

ROOT = Path(__file__).parents[3]
KILLS = 100


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(tmp_path, "quick")


def put(store: RunStore, key: str, /, **record: object) -> None:
    with store.new_run(key) as folder:
        write_record(folder, record)


def names(store: RunStore) -> list[str]:
    """Everything in the folder but the (empty) folder of claims."""
    assert not list((store.folder / ".claims").glob("*"))
    return sorted(path.name for path in store.folder.iterdir() if path.name != ".claims")


def test_a_run_appears_when_it_is_whole(store: RunStore) -> None:
    with store.new_run("k") as folder:
        write_record(folder, {"status": "ok"})
        assert store.status("k") is None
        assert store.statuses() == {}
    assert store.status("k") == "ok"
    assert names(store) == ["k"]


def test_a_failing_block_keeps_the_earlier_run_and_nothing_else(store: RunStore) -> None:
    put(store, "k", status="ok", n=1)
    with pytest.raises(KeyboardInterrupt), store.new_run("k") as folder:
        write_record(folder, {"status": "ok", "n": 2})
        raise KeyboardInterrupt
    assert json.loads((store.folder / "k" / "record.json").read_text())["n"] == 1
    assert names(store) == ["k"]


def test_a_repetition_replaces_the_run(store: RunStore) -> None:
    put(store, "k", status="failed")
    put(store, "k", status="ok")
    assert store.status("k") == "ok"
    assert names(store) == ["k"]


@pytest.mark.parametrize(
    ("status", "settled"),
    [("ok", True), ("out_of_memory", True), ("timeout", True), ("skipped", True),
     ("failed", False), ("crashed", False), ("interrupted", False), ("invalid", False)],
)  # fmt: skip
def test_what_is_settled(store: RunStore, status: str, settled: bool) -> None:
    put(store, "k", status=status)
    assert store.is_settled("k") is settled


def test_schema_and_status_come_first_whatever_their_place(store: RunStore) -> None:
    record = {"key": "k", "label": '{"schema": 2, "status": "ok"', "status": "failed", "schema": 2}
    put(store, "k", **record)
    assert list(read_record(store.folder / "k"))[:2] == ["schema", "status"]
    assert read_record(store.folder / "k") == record
    assert store.status("k") == "failed"


def test_records_in_another_order_are_read_too(store: RunStore) -> None:
    put(store, "k", status="ok")
    text = json.dumps({"scenario": "quick", "schema": 1, "status": "timeout"})
    (store.folder / "k" / "record.json").write_text(text)
    assert store.statuses() == {"k": "timeout"}


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", "null", '{"status', '{"schema": 2, "status": "ok", "answer": {']
)
def test_a_damaged_record_is_not_settled(store: RunStore, text: str) -> None:
    put(store, "k", status="ok")
    (store.folder / "k" / "record.json").write_text(text)
    assert not store.is_settled("k")
    assert store.statuses() == {}


def test_leftovers_of_dead_processes_go_and_those_of_living_ones_stay(store: RunStore) -> None:
    put(store, "k", status="ok")
    dead = store.folder / f".{os.getpid()}-abc"  # the number may belong to somebody else by now
    foreign = store.folder / ".git"
    for folder in (dead, foreign):
        folder.mkdir()
        (folder / "record.json").write_text("{}")
    with store.working_folder() as alive:
        RunStore(store.folder.parent, "quick").remove_leftovers()
        assert names(store) == sorted([alive.name, ".git", "k"])
    assert names(store) == [".git", "k"]


def test_a_run_that_was_moved_aside_comes_back(store: RunStore) -> None:
    put(store, "k", status="ok")
    (store.folder / "k").rename(store.folder / ".replaced-k")
    store.remove_leftovers()
    assert store.statuses() == {"k": "ok"}
    assert names(store) == ["k"]


def test_a_run_is_claimed_by_one(store: RunStore) -> None:
    claim = store.claim("k")
    assert claim is not None
    with claim:
        assert store.claim("k") is None
        assert RunStore(store.folder.parent, "quick").claim("k") is None
        store.remove_leftovers()
        assert store.claim("k") is None
        with store.claim("other") as other:
            assert other is not None
    with store.claim("k") as again:
        assert again is not None
    assert names(store) == []


CLAIMER = """
import sys, time
from pathlib import Path
from harness.run_store import RunStore, write_record
store = RunStore(Path(sys.argv[1]), "quick")
"""


def start(store: RunStore, program: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CLAIMER + program, str(store.folder.parent)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


def test_the_claim_of_a_killed_process_is_free(store: RunStore) -> None:
    holder = start(store, "claim = store.claim('k'); print('has it', flush=True); time.sleep(60)")
    assert holder.stdout.readline() == "has it\n"
    assert store.claim("k") is None
    holder.kill()
    holder.communicate()
    with store.claim("k") as claim:
        assert claim is not None


def test_two_processes_on_one_folder_do_no_run_twice(store: RunStore) -> None:
    program = """
for number in range(60):
    key = f"run-{number}"
    claim = store.claim(key)
    if claim is None:
        continue
    with claim:
        if not store.is_settled(key):
            with store.new_run(key) as folder:
                time.sleep(0.002)
                write_record(folder, {"schema": 2, "status": "ok"})
            print(key, flush=True)
"""
    both = [start(store, program), start(store, program)]
    done = [process.communicate(timeout=60)[0].split() for process in both]
    assert sorted(done[0] + done[1]) == sorted(f"run-{number}" for number in range(60))
    assert set(store.statuses().values()) == {"ok"}
    assert len(store.statuses()) == 60


def write_for_ever(store: RunStore, report: int) -> None:
    """Write runs, every third one over an earlier one; report each finished one."""
    for number in range(1_000_000):
        key = f"run-{number if number % 3 else 0}"
        with store.new_run(key) as folder:
            (folder / "spans").write_text(f"{number}")
            write_record(folder, {"schema": 2, "status": "ok", "n": number, "rest": "x" * 5000})
        os.write(report, f"{key} {number}\n".encode())


def reported(store: RunStore, wait_s: float) -> dict[str, int]:
    """The runs that a process had finished, by its own word, when it was killed."""
    ours, theirs = os.pipe()
    writer = os.fork()
    if writer == 0:
        try:
            write_for_ever(store, theirs)
        finally:
            os._exit(1)
    os.close(theirs)
    try:
        select.select([ours], [], [], 10)  # not before it has begun
        time.sleep(wait_s)
        os.kill(writer, signal.SIGKILL)
        with os.fdopen(ours, encoding="utf-8") as lines:
            return {key: int(number) for key, number in map(str.split, lines)}
    finally:
        os.waitpid(writer, 0)


def test_nothing_is_lost_by_a_hundred_kills(tmp_path: Path) -> None:
    chance = random.Random(3)
    finished_runs = 0
    for attempt in range(KILLS):
        store = RunStore(tmp_path, f"attempt-{attempt}")
        finished = reported(store, chance.uniform(0, 0.03))
        finished_runs += len(finished)
        assert_whole(store, {})  # before anybody clears up: no half record to be seen
        store.remove_leftovers()
        assert_whole(store, finished)
        assert not [path for path in store.folder.iterdir() if path.name.startswith(".")]
    assert finished_runs > KILLS


def assert_whole(store: RunStore, finished: dict[str, int]) -> None:
    statuses = store.statuses()
    assert finished.keys() <= statuses.keys()
    for key in (path.name for path in store.folder.glob("run-*")):
        record = read_record(store.folder / key)
        assert record is not None
        assert (store.folder / key / "spans").read_text() == f"{record['n']}"
        assert record["n"] >= finished.get(key, 0)
        assert statuses[key] == "ok"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with small_file_system(tmp_path / "disk", size="256k") as folder:
        yield folder


def test_a_full_disk_costs_only_the_run_that_did_not_fit(small_disk: Path) -> None:
    store = RunStore(small_disk, "quick")
    put(store, "a", status="ok")
    put(store, "b", status="ok")
    for key in ("b", "c"):
        with pytest.raises(OSError, match="No space left"):
            put(store, key, status="ok", rest="x" * 500_000)
    assert store.statuses() == {"a": "ok", "b": "ok"}
    assert names(store) == ["a", "b"]
    put(store, "c", status="ok")
    assert store.is_settled("c")
