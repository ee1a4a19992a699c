"""Verdicts on paired times, on hand-checked numbers, and how often they are wrong."""

import math

import numpy as np
import pytest

from reports.gating.looks import Looks, pocock_spent
from reports.gating.verdict import PairedTimes, benjamini_hochberg, judge
from reports.statistics import paired_ratio

LEVEL = Looks().levels[0]


def times(*ratios, name="a", tolerance=0.05, noise=None):
    return PairedTimes(name=name, ratios=tuple(ratios), tolerance=tolerance, noise=noise)


def alternating(ratio, spread, rounds=8):
    """Rounds whose log-ratios have exactly this mean, and the spread · √(n / (n − 1))."""
    return [ratio * math.exp(spread * (-1) ** n) for n in range(rounds)]


def verdict(paired, level=LEVEL):
    return judge([paired], level=level)["a"]


def test_a_p_value_by_hand():
    # Log-ratios 0.1 ± 0.02: spread 0.02 · √(8/7) = 0.021381, error 0.0075593;
    # t = (0.1 − 0.0487902) / 0.0075593 = 6.7744 with 7 degrees of freedom.
    paired = times(*alternating(math.exp(0.1), 0.02))
    assert paired.standard_error == pytest.approx(0.0075593, rel=1e-4)
    assert paired.p_regressed == pytest.approx(0.000129585, rel=1e-4)
    # The other way: t = (−0.1 − 0.0487902) / 0.0075593 = −19.683.
    assert paired.p_improved == pytest.approx(1.0, abs=1e-6)


def test_the_interval_is_that_of_comparisons():
    ratios = alternating(1.2, 0.03)
    expected = paired_ratio(ratios, [1.0] * 8)
    assert times(*ratios).ratio.value == pytest.approx(expected.value)
    assert times(*ratios).ratio.low == pytest.approx(expected.low)
    assert times(*ratios).ratio.high == pytest.approx(expected.high)


@pytest.mark.parametrize(
    ("ratio", "spread", "expected"),
    [
        (1.00, 0.01, "same"),
        (1.03, 0.01, "same"),
        (1.20, 0.02, "regressed"),
        (1 / 1.20, 0.02, "improved"),
        (1.05, 0.01, "inconclusive"),  # at the tolerance
        (1.00, 0.20, "inconclusive"),  # too noisy for anything
        (1.20, 0.20, "inconclusive"),
        (1.00, 0.00, "same"),  # no spread at all
        (1.06, 0.00, "regressed"),
    ],
)
def test_each_verdict(ratio, spread, expected):
    assert verdict(times(*alternating(ratio, spread))) == expected


@pytest.mark.parametrize("rounds", range(8, 33))
@pytest.mark.parametrize("looks", [Looks(), Looks.spaced(8, 8), Looks.spaced(8, 64)])
def test_a_huge_regression_fires_at_every_number_of_rounds(rounds, looks):
    paired = times(*alternating(2.0, 0.1, rounds))
    assert all(verdict(paired, level) == "regressed" for level in looks.levels)


@pytest.mark.parametrize("rounds", [1, 2, 7])
def test_too_few_rounds_decide_nothing(rounds):
    assert verdict(times(*alternating(3.0, 0.001, rounds))) == "inconclusive"
    assert verdict(times(*alternating(1.0, 0.001, rounds))) == "inconclusive"


def test_a_spread_below_the_machines_noise_is_not_believed():
    ratios = alternating(1.08, 0.001)
    assert verdict(times(*ratios)) == "regressed"
    assert verdict(times(*ratios, noise=0.001)) == "regressed"
    assert verdict(times(*ratios, noise=0.05)) == "inconclusive"
    assert times(*ratios, noise=0.05).standard_error == pytest.approx(0.05 / math.sqrt(8))


def test_benjamini_and_hochberg_by_hand():
    # Thresholds k · 0.05 / 4: 0.0125, 0.025, 0.0375, 0.05.
    assert benjamini_hochberg([0.010, 0.60, 0.030, 0.020], 0.05) == (True, False, True, True)
    # 0.030 is above its own threshold, and 0.037 below the next: both are rejected.
    assert benjamini_hochberg([0.001, 0.030, 0.037, 0.90], 0.05) == (True, True, True, False)
    assert benjamini_hochberg([0.02, 0.06, 0.07, 0.08], 0.05) == (False, False, False, False)
    assert benjamini_hochberg([], 0.05) == ()


def test_many_metrics_ask_for_more():
    doubtful = times(*alternating(1.08, 0.022))
    assert verdict(doubtful) == "regressed"
    others = [times(*alternating(1.0, 0.022), name=str(n)) for n in range(19)]
    assert judge([doubtful, *others], level=LEVEL)["a"] == "inconclusive"


def test_what_was_decided_stands():
    later = times(*alternating(1.0, 0.01, 16))
    assert judge([later], level=LEVEL, earlier={"a": "regressed"}) == {"a": "regressed"}
    assert judge([later], level=LEVEL, earlier={"a": "inconclusive"}) == {"a": "same"}


def random_rounds(seed, count=200):
    """Log-ratios of gates of 8 to 20 rounds, from quiet to very noisy, near 1 and far."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        spread, mean = 10 ** rng.uniform(-4, -0.5), rng.uniform(-0.3, 0.3)
        yield mean + spread * rng.standard_normal(rng.integers(8, 21)), rng


def test_swapping_the_sides_swaps_the_verdict():
    opposite = {"regressed": "improved", "improved": "regressed"}
    for logs, rng in random_rounds(1):
        tolerance = rng.uniform(0.01, 0.3)
        forth, back = (times(*np.exp(side * logs), tolerance=tolerance) for side in (1, -1))
        assert forth.p_regressed == pytest.approx(back.p_improved, rel=1e-6, abs=1e-12)
        assert verdict(back) == opposite.get(verdict(forth), verdict(forth))


def test_slower_never_looks_better():
    for logs, rng in random_rounds(2):
        before, after = times(*np.exp(logs)), times(*np.exp(logs + rng.uniform(0, 1)))
        assert after.p_regressed <= before.p_regressed + 1e-9
        assert after.p_improved >= before.p_improved - 1e-9
        assert before.excludes_regression or not after.excludes_regression


def test_the_spent_error_by_hand():
    # α · ln(1 + 1.7182818 · t): t = 1/2 gives α · 0.6201145, t = 1 all of α.
    assert pocock_spent(0.05, 0.5) == pytest.approx(0.05 * 0.6201145, rel=1e-6)
    assert pocock_spent(0.05, 1.0) == pytest.approx(0.05)
    assert pocock_spent(0.05, 0.0) == 0.0
    assert Looks().levels == pytest.approx((0.0062011, 0.0020787, 0.0017201), rel=1e-4)


@pytest.mark.parametrize(
    ("first", "most", "rounds"),
    [(8, 16, (8, 12, 16)), (8, 8, (8,)), (8, 15, (8, 12, 15)), (10, 4, (10,)),
     (4, 16, (4, 8, 12, 16))],
)  # fmt: skip
def test_looks(first, most, rounds):
    looks = Looks.spaced(first, most)
    assert looks.rounds == rounds
    assert math.fsum(looks.levels) == pytest.approx(looks.alpha)
    assert all((level > 0) == (at >= 8) for at, level in zip(rounds, looks.levels, strict=True))


def test_looks_that_can_decide_nothing_spend_nothing():
    assert Looks.spaced(2, 2).levels == (0.0,)
    assert Looks.spaced(4, 16).levels[1:] == Looks.spaced(8, 16).levels


def test_at_the_tolerance_a_gate_alarms_as_rarely_as_it_says():
    # 4,000 gates of one metric, three looks each, whose truth lies exactly at the tolerance.
    # By the union bound at most 1% alarm: 40 expected at worst, 59 in one of 1,000 trials.
    rng = np.random.default_rng(0)
    looks, alarms = Looks(), 0
    logs = math.log(1.05) + 0.03 * rng.standard_normal((4_000, 16))
    for gate in logs:
        for rounds, level in zip(looks.rounds, looks.levels, strict=True):
            error = gate[:rounds].std(ddof=1) / math.sqrt(rounds)
            if abs(gate[:rounds].mean() - math.log(1.05)) < 2.5 * error:
                continue  # p is above every level: spares most of the work
            if verdict(times(*np.exp(gate[:rounds])), level) == "regressed":
                alarms += 1
                break
    assert 10 <= alarms <= 59
