"""Runs are written whole or not at all."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from harness.run_store import RunStore, write_record


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(tmp_path, "quick")


def put(store: RunStore, key: str, **record: object) -> None:
    with store.new_run(key) as folder:
        write_record(folder, record)


def test_a_run_appears_when_it_is_whole(store: RunStore) -> None:
    with store.new_run("k") as folder:
        write_record(folder, {"status": "ok"})
        assert store.status("k") is None
    assert store.status("k") == "ok"
    assert [path.name for path in store.folder.iterdir()] == ["k"]


def test_a_failing_block_keeps_the_earlier_run_and_nothing_else(store: RunStore) -> None:
    put(store, "k", status="ok", n=1)
    with pytest.raises(KeyboardInterrupt), store.new_run("k") as folder:
        write_record(folder, {"status": "ok", "n": 2})
        raise KeyboardInterrupt
    assert json.loads((store.folder / "k" / "record.json").read_text())["n"] == 1
    assert [path.name for path in store.folder.iterdir()] == ["k"]


def test_a_repetition_replaces_the_run(store: RunStore) -> None:
    put(store, "k", status="failed")
    put(store, "k", status="ok")
    assert store.status("k") == "ok"
    assert [path.name for path in store.folder.iterdir()] == ["k"]


@pytest.mark.parametrize(
    ("status", "settled"),
    [("ok", True), ("out_of_memory", True), ("timeout", True), ("skipped", True),
     ("failed", False), ("crashed", False), ("interrupted", False), ("invalid", False)],
)  # fmt: skip
def test_what_is_settled(store: RunStore, status: str, settled: bool) -> None:
    put(store, "k", status=status)
    assert store.is_settled("k") is settled


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", "null", '{"status'])
def test_a_damaged_record_is_not_settled(store: RunStore, text: str) -> None:
    put(store, "k", status="ok")
    (store.folder / "k" / "record.json").write_text(text)
    assert not store.is_settled("k")


def test_leftovers_of_dead_processes_go_and_those_of_living_ones_stay(store: RunStore) -> None:
    put(store, "k", status="ok")
    dead = store.folder / ".4194305-abc"  # above the largest process id of Linux
    alive = store.folder / f".{os.getpid()}-abc"
    for folder in (dead, alive):
        folder.mkdir()
        (folder / "record.json").write_text("{}")
    store.remove_leftovers()
    assert sorted(path.name for path in store.folder.iterdir()) == sorted([alive.name, "k"])
