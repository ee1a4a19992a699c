"""Probes on real models and data, small enough to know what must come out."""

import itertools
import json
import math

import numpy as np
import pytest

from harness.run_facts import run_facts
from harness.validity import judge
from systems.errors import ConfigurationError
from systems.models.architectures import architecture
from systems.probes.timing import MOST_REPEATS, Stopwatch, Times, in_turns, repeated
from systems.registry import PROBES, SystemInfo, load_probe
from tests.searching import TEXT, Searches

SMALL = {"batch_size": 4, "threads": 1}
REPEATS = 2
FC = 512 * 1000 + 1000  # the classifier that the blocks of ResNet-18 have not


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    """Hardly any repeats: these tests look at what is said, not at how long it took."""
    monkeypatch.setattr("systems.probes.timing.LEAST_REPEATS", REPEATS)
    monkeypatch.setattr("systems.probes.timing.ENOUGH_S", 0.0)


def check_record(result):
    """What a probe's result has that a search's has not, and the other way round."""
    assert result["answer"] is None
    assert result["efficiency"] is None
    assert result["readings"]
    assert json.loads(json.dumps(result["readings"])) == result["readings"]
    columns = {tuple(row) for row in result["readings"]}
    assert len(columns) == 1
    for row in result["readings"]:
        for name, value in row.items():
            assert value is None or isinstance(value, (str, int, float, bool))
            if f"low_{name}" in row:
                assert row[f"low_{name}"] <= value <= row[f"high_{name}"]
                assert row["repeats"] == REPEATS
    facts = run_facts({**result, "spec": {"cache": "warm", "device": "cpu"}})
    assert "phases_incomplete" not in {flag.name for flag in judge(facts).flags}


def test_sizes_are_those_of_the_published_model(search: Searches) -> None:
    result = search("probe-sizes", **SMALL)
    check_record(result)
    (row,) = result["readings"]
    published = architecture("resnet18").parameter_count
    assert row["blocks"] == 9
    assert row["published_parameters"] == published
    assert row["parameters"] == published - FC
    # Beside parameters: mean, variance (float32) and a counter (int64) per normalisation.
    statistics = row["store_bytes"] - 4 * row["parameters"]
    assert statistics == 2 * 4 * 4800 + 8 * 20
    assert row["store_bytes"] < row["file_bytes"] < 1.01 * row["store_bytes"]


def test_blocks_follow_one_another(search: Searches) -> None:
    result = search("probe-blocks", **SMALL)
    check_record(result)
    rows = result["readings"]
    assert [row["block"] for row in rows] == list(range(9))
    assert sum(row["parameters"] for row in rows) == architecture("resnet18").parameter_count - FC
    assert rows[0]["input_bytes"] == 3 * 32 * 32 * 4
    assert rows[-1]["output_bytes"] == 512 * 4
    for earlier, later in itertools.pairwise(rows):
        assert later["input_bytes"] == earlier["output_bytes"]
    assert all(row["item_time_s"] > 0 and row["operations"] > 0 for row in rows)
    assert all(row["batch_items"] == 4 for row in rows)


def test_inference_has_the_batch_that_was_asked_for(search: Searches) -> None:
    result = search("probe-inference", **{**SMALL, "batch_size": 120})  # more than there are items
    check_record(result)
    (row,) = result["readings"]
    assert row["batch_items"] == 120
    assert row["items_per_s"] * row["batch_time_s"] == pytest.approx(120)


def test_loading_decodes_every_item_each_time(search: Searches) -> None:
    result = search("probe-loading", **{**SMALL, "data_workers": 2})
    check_record(result)
    (row,) = result["readings"]
    assert (row["items_as"], row["data_workers"], row["items"]) == ("32 px", 2, 100)
    goes = row["repeats"] + 1  # one to get warm
    assert result["counts"]["items_decoded"] == goes * 100
    assert result["phases_s"]["prepare_data"] > 0.5 * result["wall_s"]


def test_heads_together_give_what_they_give_alone(search: Searches) -> None:
    result = search("probe-heads", **SMALL)
    check_record(result)
    rows = result["readings"]
    assert [(row["models"], row["way"]) for row in rows] == [
        (models, way) for models in (1, 2, 4, 6) for way in ("one by one", "together")
    ]
    assert all(row["same_result"] for row in rows)
    assert all(row["speed_up"] == 1.0 for row in rows if row["way"] == "one by one")
    assert {row["features"] for row in rows} == {512}


VISION = {"architecture": "vit_ti_16", "models": 1}


@pytest.mark.parametrize("subject", [VISION, TEXT], ids=["images", "text"])
def test_composed_blocks_give_the_bits_of_the_plain_forward(search: Searches, subject) -> None:
    result = search("probe-composition", **{**SMALL, **subject})
    check_record(result)
    rows = result["readings"]
    assert [row["way"] for row in rows] == ["plain forward", "plain model's blocks", "bound blocks"]
    assert all(row["bit_identical"] and row["largest_difference"] == 0 for row in rows)


def test_composition_says_where_bits_differ(search: Searches) -> None:
    rows = search("probe-composition", **SMALL, fold_batch_norm=True)["readings"]
    by_way = {row["way"]: row for row in rows}
    assert by_way["plain model's blocks"]["bit_identical"]
    assert not by_way["bound blocks"]["bit_identical"]
    assert 0 < by_way["bound blocks"]["largest_difference"] < 1e-4


def test_snapshots_are_loaded_from_disk_and_from_memory(search: Searches) -> None:
    result = search("probe-snapshot-loading", **SMALL)
    check_record(result)
    rows = {(row["way"], row["cache"]): row for row in result["readings"]}
    assert len(rows) == 6
    assert {row["files"] for (way, _), row in rows.items() if way == "blocks"} == {9}
    for (way, cache), row in rows.items():
        assert row["file_bytes"] > 44_000_000
        assert row["speed_up"] == 1.0 or way != "state dict"
        if cache == "warm":
            # A few pages may be read that are not of the files: libraries, folders.
            assert (row["disk_bytes"] or 0) < 0.02 * row["file_bytes"]
    assert not list((search.out.parent / "cache" / "scratch").glob("snapshot-*"))


def test_every_probe_can_be_loaded_and_says_what_it_gives() -> None:
    for info in PROBES:
        assert load_probe(info.name).measure.__doc__


def test_names_say_what_is_a_probe() -> None:
    for name, kind in (("probe-x", "search"), ("x", "probe")):
        with pytest.raises(ConfigurationError, match="Rename it"):
            SystemInfo(name=name, label="X", summary="", factory="x:X", kind=kind)


def test_times_have_quartiles_and_paired_gains() -> None:
    fast, slow = Times(samples_s=(1.0, 2.0, 3.0)), Times(samples_s=(2.0, 2.0, 9.0))
    columns = fast.columns("item_time_s", per=2)
    assert columns == {
        "item_time_s": 1.0, "low_item_time_s": 0.75, "high_item_time_s": 1.25, "repeats": 3,
    }  # fmt: skip
    assert fast.rate_columns("items_per_s", 6)["items_per_s"] == 3.0
    assert fast.speed_up_over(slow) == 2.0  # of 2, 1 and 3: not 2 / 2 of the medians


def test_a_ways_turn_comes_first_as_often_as_last() -> None:
    order: list[str] = []
    times = in_turns(
        {"a": lambda: order.append("a"), "b": lambda: order.append("b")},
        device="cpu",
        before=lambda way: order.append(way.upper()),
    )
    assert "".join(order).startswith("AaBbBbAaAaBb")
    assert {len(taken.samples_s) for taken in times.values()} == {order.count("a") - 1}


def test_repeats_end_when_enough_was_measured() -> None:
    (quick,) = repeated(lambda: [1e-9], enough_s=1.0)
    (slow,) = repeated(lambda: [10.0], enough_s=1.0)
    (even,) = repeated(lambda: [0.125], enough_s=1.0)
    counts = [len(times.samples_s) for times in (quick, slow, even)]
    assert counts == [MOST_REPEATS, REPEATS, 8]


def test_laps_are_between_marks() -> None:
    watch = Stopwatch("cpu")
    for _ in range(3):
        watch.mark()
    laps_s = watch.laps_s()
    assert len(laps_s) == 2
    assert all(0 <= lap_s < 1 and math.isfinite(lap_s) for lap_s in np.array(laps_s))
    assert watch.laps_s() == []
