"""Listing thousands of runs must stay quick, however long their records are."""

from __future__ import annotations

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from harness.run_store import RECORD, RECORD_SCHEMA, RunStore, write_record

RUNS = 10_000
LIMIT_S = 2.0
STATUSES = ("ok", "failed", "timeout", "out_of_memory")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> RunStore:
    """Records of about 100 kB, as searches over 35 models have them (on the disk once)."""
    store = RunStore(tmp_path_factory.mktemp("runs"), "many")
    for status in STATUSES:
        folder = store.folder / f"of-{status}"
        folder.mkdir(parents=True)
        answer = {f"model-{number}": [number / 7] * 128 for number in range(35)}
        write_record(folder, {"schema": RECORD_SCHEMA, "status": status, "answer": answer})
    for number in range(RUNS - len(STATUSES)):
        folder = store.folder / f"run-{number:05}"
        folder.mkdir()
        status = STATUSES[number % len(STATUSES)]
        (folder / RECORD).hardlink_to(store.folder / f"of-{status}" / RECORD)
    return store


def test_listing_ten_thousand_runs(benchmark: BenchmarkFixture, store: RunStore) -> None:
    statuses = benchmark.pedantic(store.statuses, rounds=3, warmup_rounds=1)
    assert len(statuses) == RUNS
    assert statuses["run-00001"] == "failed"
    assert all(statuses[f"of-{status}"] == status for status in STATUSES)
    if benchmark.stats is not None:  # None where benchmarks are run as mere tests
        assert benchmark.stats.stats.max < LIMIT_S
