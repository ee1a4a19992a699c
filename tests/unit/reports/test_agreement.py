import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.agreement import check_agreement, sketch_distance
from tests.unit.reports.factory import SYSTEMS, answer, failed, record


def changed(*, halving=True, **edits):
    """An answer with some leaves replaced: ``m0__test__digest="x"``, ``m0__score=0.5``."""
    result = copy.deepcopy(answer(halving=halving))
    for path, value in edits.items():
        model, *middle, leaf = path.split("__")
        target = result["models"][model]
        for part in middle:
            target = target["segments"][part]
        target[leaf] = value
    return result


def both_cuda(label, **changes):
    return record(label, spec={"device": "cuda:0"}, **changes)


def test_equal_answers_agree():
    agreement = check_agreement([record(label) for label in SYSTEMS])
    assert agreement.status == "agree"
    assert agreement.findings == ()
    assert set(agreement.by_variant.values()) == {"agree"}


@pytest.mark.parametrize("label", SYSTEMS)
def test_a_lone_system_is_unchecked(label):
    assert check_agreement([record(label)]).status == "unchecked"


def test_nothing_and_failed_runs_are_unchecked():
    assert check_agreement([]).status == "unchecked"
    assert check_agreement([record(), failed("SHiFT")]).status == "unchecked"


def test_a_measured_run_without_an_answer_leaves_the_search_unchecked():
    agreement = check_agreement([record(), record("SHiFT"), record("Alsatian", answer=None)])
    assert agreement.status == "unchecked"
    assert sorted(agreement.by_variant.values()) == ["agree", "agree", "unchecked"]


def test_one_digest_on_the_cpu_is_a_difference_that_names_both_values():
    bad = record("Alsatian", answer=changed(m1__chunk_2__digest="feedfeed"))
    agreement = check_agreement([record("SHiFT"), record("Alsatian (paper)"), bad])
    assert agreement.status == "differ"
    assert agreement.by_variant[bad.variant] == "differ"
    assert agreement.by_variant[record("SHiFT").variant] == "agree"
    (finding,) = agreement.findings
    for part in ("SHiFT and Alsatian", "model m1", "chunk_2", "chunk_2/m1", "feedfeed"):
        assert part in finding


def test_digests_may_differ_on_cuda_where_sketches_are_near():
    near = changed(m0__test__digest="other", m0__test__sketch=[0.5, -1.00009, 0.25])
    far = changed(m0__test__digest="other", m0__test__sketch=[0.5, -1.0002, 0.25])
    assert check_agreement([both_cuda("SHiFT"), both_cuda("Alsatian", answer=near)]).status == (
        "agree"
    )
    agreement = check_agreement([both_cuda("SHiFT"), both_cuda("Alsatian", answer=far)])
    assert agreement.status == "differ"
    assert "model m0, test: sketches differ by 0.0002" in agreement.findings[0]


def test_reduced_precision_is_held_to_sketches():
    other = changed(m0__test__digest="other")
    runs = [
        record("SHiFT", spec={"precision": "bf16"}),
        record("Alsatian", answer=other, spec={"precision": "bf16"}),
    ]
    assert check_agreement(runs).status == "agree"


def test_base_is_held_to_sketches_on_the_items_that_both_have_seen():
    near = changed(m0__test__digest="other")
    assert check_agreement([record(), record("SHiFT", answer=near)]).status == "agree"
    far = changed(m3__chunk_1__digest="other", m3__chunk_1__sketch=[0.5, -1.0, 0.26])
    assert check_agreement([record(), record("SHiFT", answer=far)]).status == "differ"


def test_features_that_are_not_numbers_never_agree():
    nan = [float("nan")] * 3
    bad = changed(m0__test__digest="other", m0__test__sketch=nan)
    assert check_agreement([record(), record("SHiFT", answer=bad)]).status == "differ"


def test_scores_are_equal_among_halving_systems_on_the_cpu():
    bad = changed(m2__score=0.8500001)
    agreement = check_agreement([record("SHiFT"), record("Alsatian", answer=bad)])
    assert agreement.findings == (
        "SHiFT and Alsatian: model m2: scores 0.85 and 0.85 are not equal.",
    )


def test_scores_against_base_within_one_test_item_on_the_same_train_items():
    one_item, two_items = 1 / 80, 2 / 80
    near = changed(m0__score=0.95 - one_item)
    assert check_agreement([record(), record("SHiFT", answer=near)]).status == "agree"
    far = changed(m0__score=0.95 - two_items)
    agreement = check_agreement([record(), record("SHiFT", answer=far)])
    assert "model m0: scores 0.95 and 0.925 are not within one test item" in agreement.findings[0]
    pruned = changed(m3__score=0.1)  # SHiFT trained on fewer items: another number is right
    assert check_agreement([record(), record("SHiFT", answer=pruned)]).status == "agree"


def test_a_skipped_decided_round_is_no_difference():
    shorter = changed(m0__score=0.9, m0__train_items=80, m0__round=1)
    assert check_agreement([record("SHiFT"), record("Alsatian", answer=shorter)]).status == "agree"


def test_rankings_of_halving_systems_are_equal():
    other = answer(halving=True) | {"ranking": ["m0", "m1", "m3", "m2"]}
    agreement = check_agreement([record("SHiFT"), record("Alsatian", answer=other)])
    assert agreement.findings == ("SHiFT and Alsatian: rankings: place 3 is m2 and m3.",)
    shorter = answer(halving=True) | {"ranking": ["m0", "m1", "m2"]}
    agreement = check_agreement([record("SHiFT"), record("Alsatian", answer=shorter)])
    assert "place 4 is m3 and nothing" in agreement.findings[0]


def test_models_that_only_one_system_searched():
    other = answer(halving=True)
    del other["models"]["m3"]
    agreement = check_agreement([record("SHiFT"), record("Alsatian", answer=other)])
    assert "model m3 was searched by SHiFT only" in agreement.findings[0]


def test_segments_of_other_items_differ():
    bad = changed(m0__test__items=79)
    agreement = check_agreement([record("SHiFT"), record("Alsatian", answer=bad)])
    assert "model m0, test: features of 80 and 79 items" in agreement.findings[0]


def test_another_winner_than_bases_is_a_note_with_its_cost():
    other = answer(halving=True) | {
        "winner": "m1", "tied": ["m1"], "ranking": ["m1", "m0", "m2", "m3"],
    }  # fmt: skip
    runs = [record(), record("SHiFT", answer=other), record("Alsatian", answer=other)]
    agreement = check_agreement(runs)
    assert agreement.status == "agree"
    (note,) = agreement.notes
    assert "SHiFT, Alsatian: the winner is m1, that of Base is m0" in note
    assert "0.950 against 0.900" in note


def test_winners_are_tie_aware():
    other = answer(halving=True) | {"winner": "m1", "tied": ["m1"]}
    base = answer(halving=False) | {"tied": ["m0", "m1"]}
    assert check_agreement([record(answer=base), record("SHiFT", answer=other)]).notes == ()


def test_the_one_that_differs_from_base_is_not_the_reference():
    wrong = changed(m0__test__digest="x", m0__test__sketch=[9.0, 9.0, 9.0])
    runs = [record(), record("SHiFT", answer=wrong), record("Alsatian"), record("Alsatian (paper)")]
    by_variant = check_agreement(runs).by_variant
    assert by_variant[runs[1].variant] == "differ"
    assert {by_variant[run.variant] for run in (runs[0], *runs[2:])} == {"agree"}


def test_rounds_of_one_system_are_held_against_each_other():
    bad = changed(m0__test__digest="x")
    runs = [record("SHiFT"), record("Alsatian"), record("Alsatian", round=1, answer=bad)]
    agreement = check_agreement(runs)
    assert agreement.by_variant[runs[1].variant] == "differ"
    lone = check_agreement([record("SHiFT"), record("SHiFT", round=1, answer=bad)])
    assert "SHiFT (round 1) and SHiFT (round 2)" in lone.findings[0]


def test_a_base_that_contradicts_itself_leaves_nothing_to_compare_with():
    bad = changed(halving=False, m0__test__digest="x")
    runs = [record(), record(round=1, answer=bad), record("SHiFT")]
    assert set(check_agreement(runs).by_variant.values()) == {"differ"}


def test_the_same_finding_in_every_round_is_said_once():
    bad = changed(m0__score=0.5)
    runs = [record("SHiFT"), *(record("Alsatian", round=n, answer=bad) for n in range(3))]
    assert len(check_agreement(runs).findings) == 1


vectors = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=32)


@given(vectors)
def test_a_sketch_is_at_no_distance_from_itself(sketch):
    assert sketch_distance(sketch, sketch) == 0


@given(vectors, st.floats(1e-3, 10), st.floats(1.0, 1e3))
def test_distance_is_symmetric_and_does_not_depend_on_scale(sketch, shift, scale):
    other = [value + shift for value in sketch]
    distance = sketch_distance(sketch, other)
    assert distance == sketch_distance(other, sketch)
    scaled = sketch_distance([scale * v for v in sketch], [scale * v for v in other])
    assert scaled == pytest.approx(distance, rel=1e-4, abs=1e-9)


@pytest.mark.parametrize("other", [[1.0], [1.0, float("nan")], [float("inf"), 1.0]])
def test_incomparable_sketches_are_infinitely_far(other):
    assert sketch_distance([1.0, 1.0], other) == float("inf")
    assert sketch_distance(other, [1.0, 1.0]) == float("inf")


def test_a_shift_that_chose_the_full_search_is_held_to_base():
    other = {**answer(halving=False), "ranking": ["m3", "m2", "m1", "m0"]}
    halving = [record("Alsatian (paper)"), record("Alsatian")]
    chosen = [{"what": "search", "halves": False, "reason": "cheaper"}]
    full = [record("Base", answer=other), record("SHiFT", answer=other, decisions=chosen)]
    assert check_agreement(full + halving).status == "agree"
    not_told = [record("Base", answer=other), record("SHiFT", answer=other)]
    assert check_agreement(not_told + halving).status == "differ"


def test_joint_is_a_full_search_and_has_to_equal_base():
    full = answer(halving=False)
    joint = record("Joint", answer=full)
    assert joint.is_full_search
    agreement = check_agreement([record("SHiFT"), joint, record()])
    assert (agreement.status, agreement.notes) == ("agree", ())
    bad = record("Joint", answer=changed(halving=False, m0__test__digest="feedfeed"))
    agreement = check_agreement([record("SHiFT"), bad, record()])
    assert agreement.by_variant[bad.variant] == "differ"
    assert agreement.by_variant[record("SHiFT").variant] == "agree"
