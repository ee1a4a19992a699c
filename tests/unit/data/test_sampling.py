import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from systems.data.sampling import (
    balanced_sequence,
    choose_items,
    interleaved_order,
    stratified_counts,
)
from systems.errors import DatasetError

class_sizes = st.lists(st.integers(1, 40), min_size=1, max_size=12).map(np.array)


def labels_of(sizes: np.ndarray) -> np.ndarray:
    return np.repeat(np.arange(len(sizes)), sizes)


@given(class_sizes, st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_every_prefix_has_each_class_within_one_item_of_its_share(sizes, random):
    ties = np.array(random.sample(range(len(sizes)), len(sizes)))
    sequence = balanced_sequence(sizes, ties=ties)
    seen = np.cumsum(sequence[:, None] == np.arange(len(sizes)), axis=0)
    share = np.arange(1, len(sequence) + 1)[:, None] * sizes / sizes.sum()
    assert np.abs(seen - share).max() < 1.0
    assert (seen[-1] == sizes).all()


def test_equal_classes_come_round_robin():
    sequence = balanced_sequence(np.full(10, 160), ties=np.arange(10))
    assert all(sorted(row) == list(range(10)) for row in sequence.reshape(160, 10).tolist())


@given(class_sizes, st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_the_order_is_a_seeded_permutation(sizes, seed):
    labels = labels_of(sizes)
    order = interleaved_order(labels, seed=(seed, 1))
    assert sorted(order.tolist()) == list(range(len(labels)))
    assert (order == interleaved_order(labels, seed=(seed, 1))).all()


def test_seeds_give_different_orders():
    labels = labels_of(np.full(10, 20))
    orders = {tuple(interleaved_order(labels, seed=(seed, 1)).tolist()) for seed in range(5)}
    assert len(orders) == 5


@given(class_sizes, st.integers(0, 2), st.data())
@settings(max_examples=150, deadline=None)
def test_counts_add_up_and_stay_near_the_share(sizes, minimum, data):
    sizes = sizes + 2
    low = minimum * len(sizes)
    total = data.draw(st.integers(max(low, 1), int(sizes.sum())))
    given_counts = stratified_counts(sizes, total, minimum=minimum)
    assert given_counts.sum() == total
    assert (given_counts >= minimum).all()
    assert (given_counts <= sizes).all()
    if minimum == 0:
        assert np.abs(given_counts - sizes * total / sizes.sum()).max() < 1.0


def test_choice_keeps_shares_and_is_seeded():
    labels = labels_of(np.array([500, 300, 200]))
    chosen = choose_items(labels, "abc", items=100, seed=3)
    assert np.bincount(labels[chosen]).tolist() == [50, 30, 20]
    assert (np.diff(chosen) > 0).all()
    assert (chosen == choose_items(labels, "abc", items=100, seed=3)).all()
    assert not np.array_equal(chosen, choose_items(labels, "abc", items=100, seed=4))


def test_a_rare_class_keeps_two_items():
    labels = labels_of(np.array([1000, 3]))
    assert np.bincount(labels[choose_items(labels, "ab", items=20, seed=0)]).tolist() == [18, 2]


def test_fewer_items_are_among_the_more():
    labels = labels_of(np.full(10, 100))
    few, many = (
        set(choose_items(labels, "0123456789", items=items, seed=1).tolist())
        for items in (100, 400)
    )
    assert few < many


@pytest.mark.parametrize(
    ("sizes", "items", "sentence"),
    [
        ([50], 20, "one class only"),
        ([50, 1], 20, "class 'b' has 1 item"),
        ([50, 50], 101, "ask for at most 100"),
        ([50, 50, 50], 5, "ask for at least 6"),
    ],
)
def test_what_cannot_be_searched_is_refused(sizes, items, sentence):
    with pytest.raises(DatasetError, match=sentence):
        choose_items(labels_of(np.array(sizes)), "abc"[: len(sizes)], items=items, seed=0)
