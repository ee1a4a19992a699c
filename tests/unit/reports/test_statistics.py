import math
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.statistics import (
    CLAIM_ROUNDS,
    kendall_tau,
    log_spread,
    median,
    paired_ratio,
    smallest_shown,
    student_t,
    unpaired_ratio,
)

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


def simulated(rng, rounds, *, true, noise=0.05):
    """The ratio from rounds with a large drift that both sides share."""
    drift = np.exp(0.2 * rng.standard_normal(rounds))
    base = 10 * drift * np.exp(noise * rng.standard_normal(rounds))
    head = true * 10 * drift * np.exp(noise * rng.standard_normal(rounds))
    return paired_ratio(head.tolist(), base.tolist())


@pytest.mark.parametrize("rounds", [2, 3, 5, CLAIM_ROUNDS, 12, 20])
def test_coverage_of_the_interval(rounds):
    rng = np.random.default_rng(7 + rounds)
    ratios = [simulated(rng, rounds, true=1.3) for _ in range(4000)]
    covered = sum(ratio.low <= 1.3 <= ratio.high for ratio in ratios)
    assert 0.93 <= covered / len(ratios) <= 0.97


@pytest.mark.parametrize("rounds", [2, 3, 5, CLAIM_ROUNDS, 12, 20])
def test_two_equal_sides_differ_in_one_comparison_of_twenty(rounds):
    rng = np.random.default_rng(70 + rounds)
    fired = sum(simulated(rng, rounds, true=1.0).excludes_one for _ in range(4000))
    assert 0.03 <= fired / 4000 <= 0.07


@pytest.mark.parametrize("rounds", range(CLAIM_ROUNDS, 21))
def test_a_twofold_change_fires_on_a_machine_with_a_tenth_of_noise(rounds):
    rng = np.random.default_rng(rounds)
    for _ in range(200):
        ratio = simulated(rng, rounds, true=2.0, noise=0.1)
        assert ratio.is_claim
        assert ratio.low > 1


def test_coverage_survives_noise_that_only_slows_down():
    # Interference makes single runs slower, by as much as half, and none faster.
    rng = np.random.default_rng(11)
    covered = 0
    for _ in range(4000):
        slow = 1 + 0.5 * (rng.random((2, CLAIM_ROUNDS)) < 0.15) * rng.random((2, CLAIM_ROUNDS))
        noise = np.exp(0.02 * rng.standard_normal((2, CLAIM_ROUNDS)))
        head, base = 10 * slow * noise
        ratio = paired_ratio(head.tolist(), base.tolist())
        covered += ratio.low <= 1 <= ratio.high
    assert 0.93 <= covered / 4000 <= 0.99  # never too narrow; wide where noise comes in bursts


def test_log_spread_by_hand():
    assert log_spread([]) is None
    assert log_spread([2.0]) is None
    assert log_spread([1.0, 1.0]) == 0
    assert log_spread([1.0, 4.0]) == pytest.approx(math.log(4) / math.sqrt(2))
    assert log_spread([2.0, 4.0, 8.0]) == pytest.approx(math.log(2))


def test_smallest_shown_by_hand():
    # t(7): 2.36462 and 1.89458.
    assert smallest_shown(0.02, 8) == pytest.approx(math.exp(4.25920 * 0.02 / math.sqrt(8)))
    assert smallest_shown(0.0, 8) == 1
    with pytest.raises(ValueError, match="at least two rounds"):
        smallest_shown(0.02, 1)


@pytest.mark.parametrize("rounds", [CLAIM_ROUNDS, 16])
def test_smallest_shown_is_shown_in_nineteen_of_twenty(rounds):
    rng = np.random.default_rng(rounds)
    true = smallest_shown(0.03 * math.sqrt(2), rounds)
    shown = sum(simulated(rng, rounds, true=true, noise=0.03).low > 1 for _ in range(4000))
    assert 0.93 <= shown / 4000 <= 0.97


def test_kendall_tau_by_hand():
    assert kendall_tau([1, 2, 3, 4], [1, 2, 3, 4]) == 1
    assert kendall_tau([1, 2, 3, 4], [4, 3, 2, 1]) == -1
    # Of six pairs, (3, 4) is the other way round: (5 - 1) / 6.
    assert kendall_tau([1, 2, 3, 4], [1, 2, 4, 3]) == pytest.approx(4 / 6)
    # One pair is tied on the left: of six, five agree; 5 / sqrt(5 · 6).
    assert kendall_tau([1, 2, 3, 3], [1, 2, 3, 4]) == pytest.approx(5 / 30**0.5)
    assert kendall_tau([1, 1, 1], [1, 2, 3]) is None
    assert kendall_tau([1], [1]) is None


@given(
    st.lists(st.floats(0.5, 2.0), min_size=2, max_size=12, unique=True),
    st.lists(st.floats(0.5, 2.0), min_size=2, max_size=12, unique=True),
)
def test_the_unpaired_interval_is_welchs(a, b):
    from scipy import stats

    found = unpaired_ratio(a, b)
    expected = stats.ttest_ind(np.log(a), np.log(b), equal_var=False).confidence_interval(0.95)
    assert math.log(found.low) == pytest.approx(expected.low, rel=1e-6, abs=1e-9)
    assert math.log(found.high) == pytest.approx(expected.high, rel=1e-6, abs=1e-9)
    assert found.rounds == min(len(a), len(b))


def test_unpaired_by_hand():
    # logs 0 and 2 ln 2 against ln 2 and ln 2: the same mean, errors (ln 2)^2 and 0, 1 freedom
    found = unpaired_ratio([1.0, 4.0], [2.0, 2.0])
    assert found.value == pytest.approx(1.0)
    assert math.log(found.high) == pytest.approx(12.7062 * math.log(2), rel=1e-4)
    assert unpaired_ratio([3.0], [1.0, 1.0]).low is None
    assert unpaired_ratio([2.0, 2.0], [1.0, 1.0]).low == pytest.approx(2.0)
    with pytest.raises(ValueError, match="at least one"):
        unpaired_ratio([], [1.0])
    with pytest.raises(ValueError, match="positive"):
        unpaired_ratio([0.0], [1.0])
