import math
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.statistics import CLAIM_ROUNDS, median, paired_ratio, student_t

times = st.floats(1e-3, 1e4)


def test_median_by_hand():
    assert median([]) is None
    assert median([3.0]) == 3.0
    assert median([9.0, 1.0, 2.0]) == 2.0
    assert median([4.0, 1.0, 3.0, 2.0]) == 2.5


@given(st.lists(times, min_size=1))
def test_median_is_the_usual_one(values):
    assert median(values) == statistics.median(values)


def test_student_t_from_the_printed_table():
    assert student_t(1) == pytest.approx(12.706, abs=5e-4)
    assert student_t(2) == pytest.approx(4.303, abs=5e-4)
    assert student_t(7) == pytest.approx(2.365, abs=5e-4)


def test_ratio_by_hand():
    # Ratios 2, 4, 8: logs (1, 2, 3)·ln 2, mean 2·ln 2, deviation ln 2, t(2) = 4.30265.
    ratio = paired_ratio([2.0, 8.0, 24.0], [1.0, 2.0, 3.0])
    half = 4.30265 * math.log(2) / math.sqrt(3)
    assert ratio.value == pytest.approx(4)
    assert ratio.low == pytest.approx(4 * math.exp(-half), rel=1e-5)
    assert ratio.high == pytest.approx(4 * math.exp(half), rel=1e-5)
    assert ratio.rounds == 3
    assert not ratio.is_claim


def test_one_round_has_no_interval():
    ratio = paired_ratio([3.0], [2.0])
    assert (ratio.value, ratio.low, ratio.high) == (pytest.approx(1.5), None, None)
    assert not ratio.excludes_one


def test_a_claim_takes_eight_rounds():
    assert CLAIM_ROUNDS == 8
    assert not paired_ratio([1.0] * 7, [1.0] * 7).is_claim
    assert paired_ratio([1.0] * 8, [1.0] * 8).is_claim


@pytest.mark.parametrize(
    ("a", "b"), [([], []), ([1.0], []), ([1.0], [0.0]), ([math.nan], [1.0]), ([math.inf], [1.0])]
)
def test_what_is_no_pair_of_times_is_refused(a, b):
    with pytest.raises(ValueError, match="A paired ratio needs"):
        paired_ratio(a, b)


@given(st.lists(st.tuples(times, times), min_size=2, max_size=12))
def test_swapping_the_sides_inverts_everything(pairs):
    a, b = zip(*pairs, strict=True)
    one, other = paired_ratio(a, b), paired_ratio(b, a)
    assert one.value == pytest.approx(1 / other.value, rel=1e-9)
    assert one.low <= one.value * (1 + 1e-12)
    assert one.value <= one.high * (1 + 1e-12)
    if other.high < math.inf and other.low > 0:
        assert one.low == pytest.approx(1 / other.high, rel=1e-6)


@pytest.mark.parametrize("rounds", range(2, 21))
@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_a_twofold_change_fires_at_every_number_of_rounds(rounds, noise):
    rng = np.random.default_rng(rounds)
    for _ in range(50):
        base = 10 * np.exp(noise * rng.standard_normal(rounds))
        head = 20 * np.exp(noise * rng.standard_normal(rounds))
        ratio = paired_ratio(head.tolist(), base.tolist())
        assert ratio.excludes_one
        assert ratio.low > 1


def test_no_spread_at_all_and_no_change_does_not_fire():
    assert not paired_ratio([3.0] * 8, [3.0] * 8).excludes_one


def test_shared_drift_cancels_in_pairs():
    drift = [1.0, 1.5, 2.0, 3.0]
    ratio = paired_ratio([4 * d for d in drift], [2 * d for d in drift])
    assert (ratio.low, ratio.high) == (pytest.approx(2), pytest.approx(2))


def test_coverage_of_the_interval_at_eight_rounds():
    rng = np.random.default_rng(7)
    true, simulations, covered = 1.3, 4000, 0
    for _ in range(simulations):
        drift = np.exp(0.2 * rng.standard_normal(8))
        base = 10 * drift * np.exp(0.05 * rng.standard_normal(8))
        head = true * 10 * drift * np.exp(0.05 * rng.standard_normal(8))
        ratio = paired_ratio(head.tolist(), base.tolist())
        covered += ratio.low <= true <= ratio.high
    assert 0.93 <= covered / simulations <= 0.97
