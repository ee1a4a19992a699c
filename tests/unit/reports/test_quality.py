"""Search quality and amortisation, on numbers that were worked out by hand."""

import pytest

from reports.amortisation import IngestCost, amortisation, searches_until_paid
from reports.quality.measures import (
    grades,
    kendall_tau,
    pareto,
    regret,
    standard_error,
    top_k_recall,
)

TRUTH = {"a": 0.90, "b": 0.85, "c": 0.80, "d": 0.65}


def test_regret_is_what_the_best_has_more() -> None:
    assert regret(["c"], TRUTH) == pytest.approx(0.10)
    assert regret(["a"], TRUTH) == 0.0
    # The winner's place is shared: one of them at random, (0.05 + 0.25) / 2.
    assert regret(["b", "d"], TRUTH) == pytest.approx(0.15)
    assert regret(TRUTH, TRUTH) == pytest.approx(0.90 - 0.80)


def test_a_winner_without_truth_is_refused() -> None:
    with pytest.raises(ValueError, match="not known: x"):
        regret(["a", "x"], TRUTH)
    with pytest.raises(ValueError, match="not known"):
        regret([], TRUTH)


def test_kendalls_tau_without_ties() -> None:
    # One of six pairs (a, b) is swapped: (5 − 1) / 6.
    assert kendall_tau({"a": 2, "b": 3, "c": 1, "d": 0}, TRUTH) == pytest.approx(4 / 6)
    assert kendall_tau(TRUTH, TRUTH) == 1.0
    assert kendall_tau({m: -v for m, v in TRUTH.items()}, TRUTH) == -1.0


def test_kendalls_tau_with_ties() -> None:
    # Found: a = b > c > d. Five pairs agree, (a, b) is tied in one: 5 / √(5+1)(5+0).
    found = {"a": 2, "b": 2, "c": 1, "d": 0}
    assert kendall_tau(found, TRUTH) == pytest.approx(5 / 30**0.5)
    from scipy.stats import kendalltau

    truth = {"a": 0.9, "b": 0.8, "c": 0.8, "d": 0.9}
    expected = kendalltau(list(found.values()), list(truth.values())).statistic
    assert kendall_tau(found, truth) == pytest.approx(expected)
    assert kendall_tau({"a": 1, "b": 1}, TRUTH) is None  # it orders nothing


def test_top_k_recall_shares_places_among_equals() -> None:
    found = {"a": 1, "b": 3, "c": 2, "d": 0}
    assert top_k_recall(found, TRUTH, k=1) == 0.0
    assert top_k_recall(found, TRUTH, k=2) == 0.5  # b, c chosen; a, b best
    assert top_k_recall(found, TRUTH, k=3) == 1.0
    assert top_k_recall(found, TRUTH, k=4) is None  # any choice has all
    # b sure; a, c, d share one place: (1 + 1/3) / 2.
    assert top_k_recall({"a": 0, "b": 1, "c": 0, "d": 0}, TRUTH, k=2) == pytest.approx(2 / 3)
    # b is as good as the best: choosing it is as right.
    assert top_k_recall(found, {**TRUTH, "b": 0.90}, k=1) == 1.0


def test_grades_put_later_rounds_above_scores() -> None:
    found = grades({"a": (1, 0.99), "b": (2, 0.5), "c": (2, 0.5), "d": (1, 0.1)})
    assert found["b"] == found["c"] > found["a"] > found["d"]


def test_pareto_keeps_what_nothing_beats_in_both() -> None:
    points = {"slow": (10.0, 0.0), "fast": (1.0, 2.0), "bad": (5.0, 2.0), "twin": (1.0, 2.0)}
    assert pareto(points) == ["fast", "twin", "slow"]


def test_standard_error() -> None:
    assert standard_error(0.5, 100) == pytest.approx(0.05)


def test_ingest_is_paid_after_whole_searches() -> None:
    assert searches_until_paid(10.0, saved_s=4.0) == 3
    assert searches_until_paid(8.0, saved_s=4.0) == 2
    assert searches_until_paid(0.1, saved_s=4.0) == 1
    assert searches_until_paid(10.0, saved_s=0.0) is None
    assert searches_until_paid(10.0, saved_s=-1.0) is None


def test_amortisation_against_both_bases() -> None:
    cost = IngestCost(total_s=10.0, hashing_s=4.0, model_bytes=100, unique_bytes=40)
    found = amortisation("Alsatian", 5.0, cost=cost, base_s=9.0, strong_s=4.5)
    assert (found.saved_s, found.searches) == (4.0, 3)
    assert (found.saved_over_strong_s, found.searches_over_strong) == (-0.5, None)
    unknown = amortisation("Alsatian", 5.0, cost=cost, base_s=None, strong_s=None)
    assert (unknown.saved_s, unknown.searches) == (None, None)
