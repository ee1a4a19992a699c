"""Seconds of single steps, by hand-checked numbers; and profiles that are not right."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import pytest

from systems.errors import ConfigurationError
from systems.planning.cost_model import CostModel, Scoring, moved_bytes
from systems.planning.hardware_profile import DEFAULT, FALLBACK, HardwareProfile


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    family: str = "resnet"
    operations: int = 1000
    traffic_bytes: int = 40
    parameter_bytes: int = 200
    input_bytes: int = 12
    output_bytes: int = 8
    scratch_bytes: int = 4


MACHINE = HardwareProfile(
    name="machine",
    operations_per_s={DEFAULT: 1000.0, "resnet": 500.0},
    memory_bytes_per_s=100.0,
    execution_s=0.5,
    store_bytes_per_s=10.0,
    reread_bytes_per_s=40.0,
    block_read_s=0.25,
    decode_item_s={DEFAULT: 2.0, "digits": 0.125},
    prepare_bytes_per_s=64.0,
    head_start_s=1.0,
    head_step_s=0.01,
    head_operations_per_s=1e6,
)
MODEL = CostModel(hardware=MACHINE)


def test_an_execution_is_latency_operations_and_traffic() -> None:
    # 0.5 + 3·1000/500 + (2·40·3 + 200)/100
    assert MODEL.execution_s(Block(), 3) == pytest.approx(0.5 + 6.0 + 4.4)
    # of another family, the default's rate
    assert MODEL.execution_s(Block(family="text_encoder"), 3) == pytest.approx(0.5 + 3.0 + 4.4)


def test_looking_up_an_embedding_does_not_read_all_of_it() -> None:
    assert moved_bytes(Block(operations=0), 2) == 160


def test_a_first_read_is_the_stores_and_a_further_one_the_page_caches() -> None:
    assert MODEL.load_s(20) == pytest.approx(0.25 + 2.0)
    assert MODEL.load_s(20, again=True) == pytest.approx(0.25 + 0.5)
    assert replace(MODEL, is_warm=True).load_s(20) == pytest.approx(0.25 + 0.5)


def test_a_limited_store_limits_further_reads_only_where_it_is_paced() -> None:
    limited = replace(MODEL, store_bytes_per_s=5.0)
    assert limited.load_s(20) == pytest.approx(0.25 + 4.0)
    assert limited.load_s(20, again=True) == pytest.approx(0.25 + 0.5)
    paced = replace(limited, hardware=replace(MACHINE, paces_rereads=True))
    assert paced.load_s(20, again=True) == pytest.approx(0.25 + 4.0)
    # a limit above what the machine does changes nothing
    assert replace(MODEL, store_bytes_per_s=1e9).load_s(20) == MODEL.load_s(20)


def test_a_model_file_is_read_at_its_own_rate_where_the_profile_has_one() -> None:
    assert MODEL.load_s(20, in_model_file=True) == MODEL.load_s(20)
    published = replace(MODEL, hardware=replace(MACHINE, model_file_bytes_per_s=4.0))
    assert published.load_s(20, in_model_file=True) == pytest.approx(0.25 + 5.0)
    assert published.load_s(20, in_model_file=True, again=True) == pytest.approx(0.25 + 0.5)


def test_intermediates_decoding_and_inputs() -> None:
    assert MODEL.cache_s(50) == pytest.approx(1.0)
    assert MODEL.decode_s(3) == pytest.approx(6.0)
    assert replace(MODEL, dataset="digits").decode_s(8) == pytest.approx(1.0)
    assert MODEL.prepare_s(32) == pytest.approx(0.5)


def test_heads_in_common_products_share_steps_but_not_operations() -> None:
    scoring = Scoring(
        train_items=65, test_items=10, features=4, classes=5, minibatch_items=32, epochs=2
    )
    assert scoring.steps == 6
    assert scoring.operations == 40 * (2 * 2 * 65 + 10)
    alone = MODEL.score_s(scoring)
    assert alone == pytest.approx(1.0 + 0.06 + 10_800 / 1e6)
    assert MODEL.score_s(scoring, heads=3) == pytest.approx(1.0 + 0.06 + 3 * 10_800 / 1e6)


def test_the_fallback_says_that_it_is_one() -> None:
    assert CostModel().is_fallback
    assert CostModel().name == FALLBACK.name
    assert not MODEL.is_fallback


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("store_bytes_per_s", 0.0, "must be above 0"),
        ("reread_bytes_per_s", -1.0, "must be above 0"),
        ("memory_bytes_per_s", math.nan, "must be above 0"),
        ("model_file_bytes_per_s", 0.0, "must be above 0"),
        ("execution_s", -0.1, "must be 0 or more"),
        ("block_read_s", math.inf, "must be 0 or more"),
        ("data_workers", -1, "must be 0 or more"),
        ("decode_item_s", {DEFAULT: -1.0}, "must be 0 or more"),
        ("operations_per_s", {DEFAULT: 0.0}, "must be above 0"),
        ("operations_per_s", {"resnet": 1.0}, "has no 'default'"),
    ],
)
def test_a_wrong_number_is_refused_by_name(field: str, value: object, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told) as refused:
        replace(MACHINE, **{field: value})
    assert field in str(refused.value)
    assert "'machine'" in str(refused.value)
