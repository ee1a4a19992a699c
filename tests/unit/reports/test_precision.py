import copy
import csv
import io

import pytest
from rich.console import Console

from reports.comparison import compare
from reports.precision import compare_precisions, write_csv
from reports.tables import markdown_tables, print_comparison
from tests.unit.reports.factory import answer, record


def reduced(label="SHiFT", *, changed=None, **changes):
    spec = {"precision": "bf16", **changes.pop("spec", {})}
    return record(
        label, answer=changed or answer(halving=label != "Base"), spec=spec, wall_s=5.0, **changes
    )


def full(label="SHiFT", **changes):
    return record(label, spec={"precision": "fp32"}, **changes)


def test_differences_by_hand():
    other = copy.deepcopy(answer(halving=True))
    # The largest number of both sketches is 1.0: a difference of 0.02 is 2% of it.
    other["models"]["m1"]["segments"]["chunk_2"]["sketch"] = [0.5, -0.98, 0.25]
    other["models"]["m1"]["segments"]["test"]["sketch"] = [0.51, -1.0, 0.25]
    # m3 after one chunk: 0.80 before, 0.86 now, 4.8 of 80 test items; it passes m2 (0.85).
    other["models"]["m3"]["score"] = 0.86
    # m1 has been scored on other items in one of the two: no comparison of scores.
    other["models"]["m1"] |= {"train_items": 80, "score": 0.1}
    (row,) = compare_precisions([full(), reduced(changed=other)])
    assert row.precision == "bf16"
    assert row.label == "SHiFT"
    assert row.sketch_difference == pytest.approx(0.02)
    assert row.score_difference_items == pytest.approx(4.8)
    assert row.tau == pytest.approx(4 / 6)  # one of six pairs is the other way round
    assert row.same_winner is True
    assert row.faster.value == pytest.approx(2.0)


def test_tied_models_win_together():
    other = copy.deepcopy(answer(halving=True))
    other |= {"winner": "m1", "tied": ["m1"]}
    assert compare_precisions([full(), reduced(changed=other)])[0].same_winner is False
    other["tied"] = ["m0", "m1"]
    assert compare_precisions([full(), reduced(changed=other)])[0].same_winner is True


def test_only_searches_that_differ_in_precision_alone_are_paired():
    assert compare_precisions([full(), reduced(spec={"items": 800})]) == ()
    assert compare_precisions([full(), reduced("Alsatian")]) == ()
    assert compare_precisions([full(), reduced(scale="cpu")]) == ()
    assert compare_precisions([reduced()]) == ()
    assert len(compare_precisions([full(), reduced(), reduced(spec={"precision": "tf32"})])) == 2
    failed = full(status="failed", wall_s=None, answer=None)
    assert compare_precisions([failed, reduced()]) == ()


def test_times_are_paired_by_round():
    runs = [full(wall_s=8.0), full(wall_s=20.0, round=1), full(wall_s=1.0, round=2)]
    runs += [reduced(), reduced(round=1)]
    (row,) = compare_precisions(runs)
    assert row.faster.rounds == 2
    assert row.faster.value == pytest.approx((8 / 5 * 20 / 5) ** 0.5)


def test_made_up_data_have_features_and_times_only():
    facts = {"name": "fake", "classes": 2, "items": 9, "test_items": 3, "timing_only": True}
    (row,) = compare_precisions([full(dataset=facts), reduced(dataset=facts)])
    assert (row.score_difference_items, row.tau, row.same_winner) == (None, None, None)
    assert row.sketch_difference == 0.0
    assert row.faster is not None


def test_tables_and_csv_show_the_rows_and_nothing_where_there_are_none(tmp_path):
    both = compare([full(), full("Base"), reduced(), reduced("Base")])
    page = markdown_tables(both, heading="##")
    assert "## Beside fp32" in page
    assert "| bf16 | SHiFT | 0.0e+00 | 0 | 1.000 | the same | 2.00× |" in page
    printed = io.StringIO()
    print_comparison(Console(width=100, file=printed), both)
    assert "Beside fp32" in printed.getvalue()
    write_csv(both.precisions, tmp_path / "precision.csv")
    lines = list(csv.DictReader((tmp_path / "precision.csv").open()))
    assert [line["label"] for line in lines] == ["SHiFT", "Base"]
    assert {line["faster_value"] for line in lines} == {"2.0"}
    assert "Beside fp32" not in markdown_tables(compare([full(), full("Base")]), heading="##")
