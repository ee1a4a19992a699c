"""Loading ahead changes when blocks are read, and nothing else."""

from __future__ import annotations

import threading

import pyarrow.parquet as parquet
import pytest

from harness.span_table import SPANS
from tests.searching import Searches

SYSTEMS = ["baseline", "shift", "alsatian-paper", "alsatian"]


@pytest.mark.parametrize("system", SYSTEMS)
def test_answers_and_reads_do_not_depend_on_prefetch(search: Searches, system: str) -> None:
    without = search(system, {"prefetch": False}, threads=1)
    spans = parquet.read_table(search.out / SPANS).to_pandas()
    assert "prefetch" not in set(spans["lane"])
    found = search(system, {"prefetch": True}, threads=1)
    spans = parquet.read_table(search.out / SPANS).to_pandas()
    assert found["answer"] == without["answer"]
    for name in ("blocks_read", "bytes_read", "operations", "block_executions"):
        assert found["counts"][name] == without["counts"][name]
    loads = spans[spans["bytes"].notna()]
    assert len(loads) == found["counts"]["blocks_read"]
    assert set(loads["phase"]) == {"prepare_model"}
    assert (loads["lane"] == "prefetch").sum() > 0
    assert "prefetch" not in {thread.name for thread in threading.enumerate()}


def test_a_small_budget_bounds_what_is_resident(search: Searches) -> None:
    tight = search("shift", {"prefetch": True, "prefetch_budget": 1}, threads=1)
    wide = search("shift", {"prefetch": True}, threads=1)
    none = search("shift", threads=1)
    peak = "resident_parameters_peak_bytes"
    assert tight["counts"][peak] == none["counts"][peak]
    assert wide["counts"][peak] > none["counts"][peak]
    assert tight["answer"] == wide["answer"] == none["answer"]


def test_a_search_with_loads_ahead_still_has_a_time_bound(search: Searches) -> None:
    found = search("alsatian", {"prefetch": True}, threads=1)
    assert found["time_bound_parts_s"]["prepare_model"] > 0
