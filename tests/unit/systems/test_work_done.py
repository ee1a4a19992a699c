"""What the systems are there for: how much each reads, decodes and computes."""

from __future__ import annotations

import pytest
from pyarrow import parquet

from systems.data.halving import halving_schedule
from tests.searching import DEFAULTS, Searches

MODELS, ITEMS = DEFAULTS["models"], DEFAULTS["items"]


def test_base_runs_every_model_over_every_item(search: Searches) -> None:
    found = search("baseline")
    assert found["counts"]["items_inferred"] == MODELS * ITEMS
    assert found["counts"]["items_decoded"] == MODELS * ITEMS
    assert found["operation_ratio"] == pytest.approx(1.0)


def test_base_can_decode_once(search: Searches) -> None:
    found = search("baseline", {"decode_once": True})
    assert found["counts"]["items_decoded"] == ITEMS
    assert found["answer"] == search("baseline")["answer"]


def test_shift_follows_the_schedule_and_recomputes_nothing(search: Searches) -> None:
    found = search("shift")
    schedule = halving_schedule(MODELS, train_items=80)
    expected = MODELS * 20 + sum(
        models * len(chunk)
        for models, chunk in zip(schedule.model_counts, schedule.chunks, strict=True)
    )
    assert found["counts"]["items_inferred"] == expected
    rounds = sorted(answer["round"] for answer in found["answer"]["models"].values())
    assert rounds == [1, 1, 1, 2, 2, 3]


@pytest.mark.parametrize("distribution", ["top_50", "top_25", "top_layers"])
def test_alsatian_reads_each_needed_byte_once_and_decodes_each_item_once(
    search: Searches, distribution: str
) -> None:
    found = search("alsatian", distribution=distribution)
    assert found["counts"]["bytes_read"] == found["counts"]["unique_bytes"]
    assert found["counts"]["items_decoded"] == ITEMS


def test_the_published_alsatian_reads_blocks_again_in_every_round(search: Searches) -> None:
    found = search("alsatian-paper")
    assert found["counts"]["bytes_read"] > found["counts"]["unique_bytes"]
    assert found["answer"] == search("alsatian")["answer"]


def test_both_alsatians_compute_shared_prefixes_once(search: Searches) -> None:
    shift, paper, ours = (search(s) for s in ("shift", "alsatian-paper", "alsatian"))
    assert paper["counts"]["operations"] == ours["counts"]["operations"]
    assert ours["counts"]["operations"] < shift["counts"]["operations"]
    assert 1 < shift["operation_ratio"] < ours["operation_ratio"]


def test_batch_major_needs_fewer_intermediates(search: Searches) -> None:
    paper, ours = search("alsatian-paper"), search("alsatian")
    assert ours["counts"]["cache_peak_bytes"] < paper["counts"]["cache_peak_bytes"]


@pytest.mark.parametrize("system", ["baseline", "shift", "alsatian-paper", "alsatian"])
def test_phases_cover_the_wall_time(search: Searches, system: str) -> None:
    found = search(system)
    covered_s = sum(found["phases_s"].values())
    # 10 ms besides the 1%: such a search takes half a second, in more than a thousand spans,
    # and whatever else the machine does may come between two of them.
    assert 0 <= found["wall_s"] - covered_s <= 0.01 * found["wall_s"] + 0.010
    assert {"inference", "prepare_model", "prepare_data", "proxy_scoring", "plan"} <= {
        phase for phase, seconds in found["phases_s"].items() if seconds > 0
    }


def test_who_has_a_time_bound(search: Searches) -> None:
    for system in ("shift", "alsatian-paper", "alsatian"):
        found = search(system)
        assert found["time_bound_s"] == pytest.approx(sum(found["time_bound_parts_s"].values()))
        assert 0 < found["efficiency"] <= 1
    assert search("baseline")["time_bound_s"] is None  # it does more than halving needs
    assert search("baseline", models=2)["time_bound_s"] is not None  # here it does not
    stopped = search("alsatian", {"stop_when_decided": True})
    assert stopped["time_bound_s"] > 0


def test_spans_are_stored(search: Searches) -> None:
    found = search("alsatian")
    spans = parquet.read_table(search.out / "spans.parquet").to_pandas()
    assert (spans.end_ns >= spans.start_ns).all()
    inference = spans[spans.phase == "inference"]
    assert len(inference) == found["counts"]["block_executions"]
    assert spans[spans.phase == "prepare_model"].bytes.sum() == found["counts"]["bytes_read"]
