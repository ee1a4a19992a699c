"""Simulated searches: seconds worked out by hand, and what must hold for any search."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from systems.data.halving import halving_schedule
from systems.errors import ConfigurationError
from systems.planning.cost_model import CostModel
from systems.planning.hardware_profile import DEFAULT, HardwareProfile
from systems.planning.planner import Planning
from systems.planning.search import SearchShape, Strategy
from systems.planning.simulation import predict
from tests.unit.planning.test_cost_model import MACHINE, Block

NOTHING = HardwareProfile(
    name="takes no time",
    operations_per_s={DEFAULT: math.inf},
    memory_bytes_per_s=math.inf,
    execution_s=0.0,
    store_bytes_per_s=math.inf,
    reread_bytes_per_s=math.inf,
    block_read_s=0.0,
    decode_item_s={DEFAULT: 0.0},
    prepare_bytes_per_s=math.inf,
    head_start_s=0.0,
    head_step_s=0.0,
    head_operations_per_s=math.inf,
)
# Four models of three blocks: all begin alike, 0 and 1 share two blocks.
ROWS = np.array([[0, 1, 3], [0, 1, 4], [0, 2, 5], [0, 2, 6]], np.int32)
SEARCH = SearchShape(
    rows=ROWS,
    kind=np.array([0, 1, 1, 2, 2, 2, 2], np.int32),
    profiles=[Block(parameter_bytes=10), Block(parameter_bytes=20), Block(parameter_bytes=40)],
    test_items=4,
    train_items=16,
    batch_size=4,
    features=8,
    classes=2,
)
BASE = Strategy(halves=False, shares=False)
SHIFT = Strategy(halves=True, shares=False)
PAPER = Strategy(halves=True, shares=True, planning=Planning(schedule="block_major"))
ALL_ON = Strategy(halves=True, shares=True, keep_blocks=True, decode_once=True, batched_heads=True)


def only(**numbers: object) -> CostModel:
    """A machine on which nothing else takes time."""
    return CostModel(hardware=replace(NOTHING, **numbers))


def test_a_machine_that_takes_no_time_takes_none() -> None:
    for strategy in (BASE, SHIFT, PAPER, ALL_ON):
        assert predict(SEARCH, strategy, only()).wall_s == 0.0


def test_base_runs_every_block_over_every_batch() -> None:
    found = predict(SEARCH, BASE, only(execution_s=1.0))
    assert found.phases_s["inference"] == 4 * 3 * 5  # models, blocks, batches
    assert found.wall_s == found.phases_s["inference"]
    assert found.block_executions == 60
    assert found.operations == 4 * 3 * 20 * 1000


def test_halving_runs_the_schedule() -> None:
    # rounds of 4 and 2 models over chunks of 4 and 12 train items, after 4 test items
    schedule = halving_schedule(4, train_items=16)
    assert [len(chunk) for chunk in schedule.chunks] == [4, 12]
    found = predict(SEARCH, SHIFT, only(execution_s=1.0))
    assert found.phases_s["inference"] == 3 * (4 * 2 + 2 * 3)


def test_shared_blocks_run_once() -> None:
    # Round 1: 1 + 2 + 4 vertices over 2 batches. Round 2: models 0 and 1 share two blocks.
    found = predict(SEARCH, PAPER, only(execution_s=1.0), ranking=[0, 1, 2, 3])
    assert found.phases_s["inference"] == 7 * 2 + 4 * 3
    # 0 and 2 share one only.
    found = predict(SEARCH, PAPER, only(execution_s=1.0), ranking=[0, 2, 1, 3])
    assert found.phases_s["inference"] == 7 * 2 + 5 * 3


def test_what_is_read() -> None:
    first, further = 1.0, 100.0
    machine = only(store_bytes_per_s=1 / first, reread_bytes_per_s=1 / further)
    each = 10 + 20 + 40
    unique = 10 + 2 * 20 + 4 * 40
    # Base reads shared blocks for each model, from the page cache after the first time.
    found = predict(SEARCH, BASE, machine)
    assert found.bytes_read == 4 * each
    assert found.phases_s["prepare_model"] == unique * first + (4 * each - unique) * further
    # The published Alsatian reads each vertex once a round: the survivors' ones twice.
    again = 10 + 20 + 2 * 40
    found = predict(SEARCH, PAPER, machine, ranking=[0, 1, 2, 3])
    assert found.bytes_read == unique + again
    assert found.phases_s["prepare_model"] == unique * first + again * further
    # With its blocks kept, each once.
    assert predict(SEARCH, ALL_ON, machine).phases_s["prepare_model"] == unique * first


def test_models_in_files_of_their_own_share_nothing() -> None:
    machine = only(model_file_bytes_per_s=0.5, store_bytes_per_s=1.0)
    assert predict(SEARCH, BASE, machine).phases_s["prepare_model"] == 4 * 70 * 2
    assert predict(SEARCH, PAPER, machine).phases_s["prepare_model"] == 210


def test_a_small_page_cache_forgets() -> None:
    machine = only(store_bytes_per_s=1.0, page_cache_bytes=1.0)
    found = predict(SEARCH, PAPER, machine, ranking=[0, 1, 2, 3])
    assert found.phases_s["prepare_model"] == found.bytes_read == 210 + 110


def test_a_cache_budget_makes_passes_and_each_reads_the_blocks_again() -> None:
    # Two intermediates of 8 bytes an item at most: 96 bytes hold one batch of four, not two.
    budget = replace(PAPER, planning=Planning(schedule="block_major", cache_budget_bytes=96))
    wide = predict(SEARCH, PAPER, only(), ranking=[0, 1, 2, 3])
    tight = predict(SEARCH, budget, only(), ranking=[0, 1, 2, 3])
    assert tight.bytes_read > wide.bytes_read
    assert tight.block_executions == wide.block_executions
    with pytest.raises(ConfigurationError, match="set cache_budget to at least"):
        predict(SEARCH, replace(PAPER, planning=Planning(cache_budget_bytes=1)), only())


def test_decoding_per_model_per_round_and_once() -> None:
    machine = only(decode_item_s={DEFAULT: 1.0})
    assert predict(SEARCH, BASE, machine).phases_s["prepare_data"] == 80
    assert predict(SEARCH, SHIFT, machine).phases_s["prepare_data"] == 4 * 8 + 2 * 12
    assert predict(SEARCH, PAPER, machine).phases_s["prepare_data"] == 20
    once = predict(SEARCH, replace(BASE, decode_once=True), machine)
    assert once.phases_s["prepare_data"] == once.items_decoded == 20


def test_workers_decode_beside_inference_and_have_to_be_started() -> None:
    search = replace(SEARCH, data_workers=2)
    slow = only(decode_item_s={DEFAULT: 1.0}, loader_start_s=5.0)
    # a segment is started for test and train of each model; 20 items on 2 cores
    assert predict(search, BASE, slow).phases_s["prepare_data"] == 4 * (2 * 5.0 + 10.0)
    busy = only(decode_item_s={DEFAULT: 1.0}, loader_start_s=5.0, execution_s=1.0)
    # 15 executions of inference hide all of the decoding
    assert predict(search, BASE, busy).phases_s["prepare_data"] == 4 * 2 * 5.0


def test_reading_ahead_hides_reads_behind_the_rest() -> None:
    machine = only(store_bytes_per_s=10.0, execution_s=0.1)
    alone = predict(SEARCH, ALL_ON, machine, ranking=[0, 1, 2, 3])
    ahead = predict(SEARCH, replace(ALL_ON, prefetch=True), machine, ranking=[0, 1, 2, 3])
    # Round 1: 21 s of reads beside 1.4 s of inference; round 2 reads nothing.
    assert alone.phases_s["prepare_model"] == pytest.approx(21.0)
    assert ahead.phases_s["prepare_model"] == pytest.approx(21.0 - 1.4)
    # Where inference is longer, the first read is left.
    slow = only(store_bytes_per_s=10.0, execution_s=10.0)
    ahead = predict(SEARCH, replace(BASE, prefetch=True), slow)
    assert ahead.phases_s["prepare_model"] == pytest.approx(1.0)


def test_a_decided_search_may_stop() -> None:
    three = replace(SEARCH, rows=ROWS[:3])
    machine = only(execution_s=1.0)
    whole = predict(three, SHIFT, machine).wall_s
    assert halving_schedule(3, train_items=16).model_counts == (3, 1)
    assert predict(three, replace(SHIFT, stop_when_decided=True), machine).wall_s < whole


def test_models_of_different_inputs_are_not_laid_together() -> None:
    mixed = replace(
        SEARCH,
        rows=np.array([[0, 1, 3], [0, 1, 4], [7, 8, -1]], np.int32),
        kind=np.array([0, 1, 1, 2, 2, 2, 2, 3, 1], np.int32),
        profiles=[*SEARCH.profiles, Block(input_bytes=100)],
    )
    found = predict(mixed, PAPER, only(decode_item_s={DEFAULT: 1.0}), ranking=[0, 1, 2])
    assert found.items_decoded == 2 * 8 + 12  # both inputs in round 1, one in round 2


def test_draws_must_be_at_least_one() -> None:
    with pytest.raises(ConfigurationError, match="draws is 0"):
        predict(SEARCH, PAPER, only(), draws=0)


@st.composite
def searches(draw: st.DrawFn) -> SearchShape:
    """Random lineages: each model takes an earlier one's beginning."""
    models, blocks = draw(st.integers(1, 9)), draw(st.integers(1, 5))
    rows = np.arange(models * blocks, dtype=np.int32).reshape(models, blocks)
    for model in range(1, models):
        shared = draw(st.integers(0, blocks - 1))
        rows[model, :shared] = rows[draw(st.integers(0, model - 1)), :shared]
    _, numbers = np.unique(rows, return_inverse=True)
    rows = numbers.reshape(models, blocks).astype(np.int32)
    kind = np.zeros(rows.max() + 1, np.int32)
    return replace(
        SEARCH, rows=rows, kind=kind, train_items=draw(st.integers(16, 60)), profiles=[Block()]
    )


@settings(max_examples=40, deadline=None)
@given(search=searches(), seed=st.integers(0, 99))
def test_sharing_and_halving_never_take_longer_in_inference(search: SearchShape, seed: int) -> None:
    ranking = np.random.default_rng(seed).permutation(len(search.rows)).tolist()
    model = CostModel(hardware=MACHINE)
    base, shift, paper, ours = (
        predict(search, strategy, model, ranking=ranking)
        for strategy in (BASE, SHIFT, PAPER, ALL_ON)
    )
    assert paper.operations <= shift.operations <= base.operations
    assert ours.operations == paper.operations
    assert ours.bytes_read == 200 * len(np.unique(search.rows))
    assert ours.bytes_read <= paper.bytes_read <= shift.bytes_read
    for found in (base, shift, paper, ours):
        assert all(seconds >= 0 for seconds in found.phases_s.values())
        assert found.wall_s == pytest.approx(sum(found.phases_s.values()))
