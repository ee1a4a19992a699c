import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from systems.data.split import split_items
from systems.errors import ConfigurationError, DatasetError


@given(
    st.lists(st.integers(2, 60), min_size=2, max_size=10),
    st.floats(0.05, 0.95),
    st.integers(0, 2**32),
)
@settings(max_examples=150, deadline=None)
def test_a_split_is_a_stratified_partition_or_a_sentence(sizes, test_fraction, seed):
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))
    test_items = round(test_fraction * len(labels))
    try:
        split = split_items(labels, test_fraction=test_fraction, seed=seed)
    except DatasetError:
        assert min(test_items, len(labels) - test_items) < len(sizes)
        return
    assert len(split.test) == test_items
    assert sorted([*split.test, *split.train]) == list(range(len(labels)))
    for part in (split.test, split.train):
        assert part.dtype == np.int64
        counts = np.bincount(labels[part], minlength=len(sizes))
        assert counts.min() >= 1
        # Every prefix is as balanced as its part: within one item of the class's share.
        seen = np.cumsum(labels[part][:, None] == np.arange(len(sizes)), axis=0)
        share = np.arange(1, len(part) + 1)[:, None] * counts / len(part)
        assert np.abs(seen - share).max() < 1.0


def test_classes_keep_their_share():
    labels = np.repeat([0, 1, 2], [500, 300, 200])
    split = split_items(labels, test_fraction=0.2, seed=0)
    assert np.bincount(labels[split.test]).tolist() == [100, 60, 40]
    assert np.bincount(labels[split.train][:80]).tolist() == [40, 24, 16]


def test_seeds_split_differently_and_repeatably():
    labels = np.repeat(np.arange(4), 25)
    first, again, other = (split_items(labels, test_fraction=0.2, seed=s) for s in (1, 1, 2))
    assert (first.test == again.test).all()
    assert (first.train == again.train).all()
    assert set(first.test.tolist()) != set(other.test.tolist())


def test_too_few_items_name_the_smallest_number_that_works():
    labels = np.repeat(np.arange(10), 3)
    with pytest.raises(DatasetError, match="at least 48 items"):
        split_items(labels, test_fraction=0.2, seed=0)
    split_items(np.arange(48) % 10, test_fraction=0.2, seed=0)


@pytest.mark.parametrize("test_fraction", [0.0, 1.0, -0.2, 20])
def test_a_fraction_outside_0_and_1_is_refused(test_fraction):
    with pytest.raises(ConfigurationError, match="between 0 and 1"):
        split_items(np.array([0, 1] * 10), test_fraction=test_fraction, seed=0)
