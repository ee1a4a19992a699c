import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from systems.data.halving import check_first_chunk, cut, halving_schedule
from systems.data.split import split_items
from systems.errors import ConfigurationError, DatasetError


def chunk_sizes(models: int, train_items: int) -> list[int]:
    return [len(chunk) for chunk in halving_schedule(models, train_items=train_items).chunks]


@pytest.mark.parametrize(
    ("models", "train_items", "counts", "sizes"),
    [
        (35, 1600, (35, 17, 8, 4, 2, 1), [25, 50, 100, 200, 400, 825]),
        (35, 6400, (35, 17, 8, 4, 2, 1), [100, 200, 400, 800, 1600, 3300]),
        (12, 480, (12, 6, 3, 1), [30, 60, 120, 270]),
        (4, 10, (4, 2), [3, 7]),
        (3, 7, (3, 1), [2, 5]),
        (2, 9, (2,), [9]),
        (1, 1, (1,), [1]),
    ],
)
def test_schedules_worked_by_hand(models, train_items, counts, sizes):
    schedule = halving_schedule(models, train_items=train_items)
    assert schedule.model_counts == counts
    assert chunk_sizes(models, train_items) == sizes
    assert schedule.rounds == len(sizes)


@given(st.integers(1, 3000), st.integers(1, 20_000))
def test_every_schedule_covers_all_items_or_names_the_smallest_number(models, train_items):
    rounds = max(1, math.ceil(math.log2(models)))
    try:
        schedule = halving_schedule(models, train_items=train_items)
    except DatasetError as error:
        smallest = next(m for m in range(1, 10**6) if f"at least {m} train items" in str(error))
        assert train_items < smallest
        halving_schedule(models, train_items=smallest)
        with pytest.raises(DatasetError):
            halving_schedule(models, train_items=smallest - 1)
        return
    assert schedule.rounds == rounds == len(schedule.model_counts)
    assert [position for chunk in schedule.chunks for position in chunk] == list(range(train_items))
    assert all(len(chunk) > 0 for chunk in schedule.chunks)
    assert all(
        after == max(1, before // 2)
        for before, after in zip(schedule.model_counts, schedule.model_counts[1:], strict=False)
    )
    first = math.ceil(train_items / 2**rounds)
    if rounds > 1:
        for done, chunk in enumerate(schedule.chunks[:-1]):
            assert len(chunk) == first * 2**done


def test_no_model_is_refused():
    with pytest.raises(ConfigurationError, match="at least 1"):
        halving_schedule(0, train_items=10)


def interleaved(classes: int, items: int) -> np.ndarray:
    return np.arange(items) % classes


def test_a_first_chunk_of_less_than_two_per_class_is_refused_with_the_number_that_works():
    schedule = halving_schedule(35, train_items=240)
    with pytest.raises(DatasetError, match=r"4 train items for 10 classes.*1521 items.*allow_tiny"):
        check_first_chunk(interleaved(10, 240), schedule, allow_tiny=False, test_fraction=0.2)
    labels = interleaved(10, 1521)
    assert len(split_items(labels, test_fraction=0.2, seed=0).train) == 1217
    assert len(split_items(labels[:-1], test_fraction=0.2, seed=0).train) == 1216
    with pytest.raises(DatasetError, match="at least 1217 train items"):
        check_first_chunk(interleaved(10, 240), schedule, allow_tiny=False)
    for train_items, refused in ((1216, True), (1217, False)):
        schedule = halving_schedule(35, train_items=train_items)
        assert (len(schedule.chunks[0]) < 20) == refused
    check_first_chunk(interleaved(10, 1217), schedule, allow_tiny=False)


def test_allow_tiny_allows_it():
    schedule = halving_schedule(35, train_items=240)
    check_first_chunk(interleaved(10, 240), schedule, allow_tiny=True)


def test_a_class_with_one_train_item_cannot_be_helped_by_more_rounds():
    labels = np.array([0, 1, 0, 0, 0, 0, 0, 0])
    with pytest.raises(DatasetError, match="every class at least two"):
        check_first_chunk(labels, halving_schedule(2, train_items=8), allow_tiny=False)


@given(st.integers(0, 200), st.integers(1, 50))
def test_batches_are_the_items_in_order(items, batch_size):
    batches = cut(range(items), batch_size)
    assert len(batches) == math.ceil(items / batch_size)
    assert [item for batch in batches for item in batch.tolist()] == list(range(items))
    assert all(len(batch) == batch_size for batch in batches[:-1])


def test_a_batch_of_nothing_is_refused():
    with pytest.raises(ConfigurationError, match="batch_size is 0"):
        cut(range(5), 0)
