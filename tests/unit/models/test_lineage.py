import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import truncnorm

from systems.errors import ConfigurationError
from systems.models.lineage import DISTRIBUTIONS, distribution, owner, snapshot_lineage

lineages = st.builds(
    snapshot_lineage,
    st.integers(2, 90),
    count=st.integers(1, 60),
    distribution=st.sampled_from(list(DISTRIBUTIONS.values())),
    seed=st.integers(0, 2**32),
)


@pytest.mark.parametrize(
    ("name", "mean", "deviation"),
    # Of the paper, for 100 blocks.
    [("top_50", 50, 12.5), ("top_25", 25, 12.5), ("top_layers", 10, 5)],
)
def test_depths_follow_the_truncated_normal_distribution(name, mean, deviation):
    blocks = 100
    origins = snapshot_lineage(blocks, count=20_000, distribution=distribution(name), seed=0)
    depths = np.array([origin.depth for origin in origins[1:]])
    expected = truncnorm(-mean / deviation, (blocks - mean) / deviation, loc=mean, scale=deviation)
    # Rounding sends (k - 0.5, k + 0.5) to k, and 0 is drawn again.
    steps = np.arange(1, blocks + 1)
    shares = expected.cdf(np.minimum(steps + 0.5, blocks)) - expected.cdf(steps - 0.5)
    shares /= shares.sum()
    observed = np.bincount(depths, minlength=blocks + 1)[1:] / len(depths)
    # The largest distance of distribution functions stays below 1.95 / sqrt(n) in 99.9%.
    assert np.abs(np.cumsum(observed) - np.cumsum(shares)).max() < 1.95 / np.sqrt(len(depths))


def test_parents_are_uniform_among_earlier_models():
    parents = [
        snapshot_lineage(9, count=5, distribution=distribution("top_50"), seed=seed)[4].parent
        for seed in range(2000)
    ]
    assert np.bincount(parents) == pytest.approx(np.full(4, 500), abs=80)


@given(lineages)
def test_every_model_but_the_first_descends_from_an_earlier_one(origins):
    assert origins[0].parent is None
    for index, origin in enumerate(origins[1:], start=1):
        assert 0 <= origin.parent < index
        assert 1 <= origin.depth <= origins[0].depth


@given(st.integers(0, 1000), st.integers(1, 30), st.integers(1, 30))
def test_a_longer_lineage_begins_with_the_shorter(seed, short, more):
    chosen = distribution("top_25")
    longer = snapshot_lineage(9, count=short + more, distribution=chosen, seed=seed)
    assert longer[:short] == snapshot_lineage(9, count=short, distribution=chosen, seed=seed)


@given(lineages)
def test_owner_agrees_with_copying_block_by_block(origins):
    blocks = origins[0].depth
    made_by: list[list[int]] = []
    for index, origin in enumerate(origins):
        kept = [] if origin.parent is None else made_by[origin.parent][: blocks - origin.depth]
        made_by.append(kept + [index] * (blocks - len(kept)))
    for index, makers in enumerate(made_by):
        assert [owner(origins, index, block=b, blocks=blocks) for b in range(blocks)] == makers


def test_unknown_distribution_is_refused_with_the_nearest():
    with pytest.raises(ConfigurationError, match=r"no distribution 'top50'.*'top_50'"):
        distribution("top50")


@pytest.mark.parametrize(
    ("name", "blocks", "depth"),
    [("joint_50", 9, 5), ("joint_25", 9, 3), ("joint_3", 9, 3), ("joint_1", 9, 1),
     ("joint_50", 51, 26), ("joint_3", 3, 2), ("joint_3", 2, 1), ("joint_1", 1, 1)],
)  # fmt: skip
def test_joint_models_renew_exactly_their_tail_on_the_trunk_of_the_first(name, blocks, depth):
    base, *others = snapshot_lineage(blocks, count=5, distribution=distribution(name), seed=1)
    assert (base.parent, base.depth) == (None, blocks)
    assert {(origin.parent, origin.depth) for origin in others} == {(0, depth)}
