"""Two sets of runs: what is compared, how, and what is only shown."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from rich.console import Console

from reports.contrast import contrast
from reports.contrast_tables import contrasts_markdown, print_contrasts, write_contrasts
from tests.unit.reports.factory import answer, record


def runs(factor=1.0, *, rounds=8, side=0, taking_turns=False, **changes):
    """Base and Alsatian; ``side`` orders the two sets in time."""
    return [
        record(label, wall_s=factor * time_s * (1 + 0.01 * (number % 3)), round=number,
               started_at=f"2025-06-18T{(number * 2 + side) if taking_turns else 12 * side:02}:00Z",
               **changes)
        for number in range(rounds)
        for label, time_s in (("Base", 10.0), ("Alsatian", 2.0))
    ]  # fmt: skip


def test_sets_that_took_turns_are_paired_and_the_others_are_not():
    paired = contrast(runs(taking_turns=True), runs(1.2, side=1, taking_turns=True))
    assert [row.how for row in paired.rows] == ["paired", "paired"]
    for row in paired.rows:
        assert row.ratio.value == pytest.approx(1.2)
        assert row.ratio.high - row.ratio.low < 1e-9  # what both share is cancelled
    apart = contrast(runs(), runs(1.2, side=1))
    assert [row.how for row in apart.rows] == ["unpaired", "unpaired"]
    assert apart.rows[0].ratio.low < 1.2 < apart.rows[0].ratio.high
    assert apart.is_valid


def test_of_different_machines_only_speed_ups_are_shown():
    found = contrast(runs(), runs(0.5, host_class="a faster machine"))
    row = next(row for row in found.rows if row.label == "Alsatian")
    assert row.ratio is None
    assert row.how == "not compared"
    assert "other machine" in row.remark
    assert row.a.speed_up.value == pytest.approx(row.b.speed_up.value)
    assert (row.a.wall_s, row.b.wall_s) == pytest.approx((2.02, 1.01))


def test_bits_may_differ_between_machines_and_features_may_not():
    def shifted(by):
        other = answer(halving=True)
        segment = other["models"]["m0"]["segments"]["test"]
        segment["digest"] = "of another processor"
        segment["sketch"] = [(1 + by) * number for number in segment["sketch"]]
        return [
            record(
                "Alsatian", wall_s=1.0, round=number, host_class="a faster machine", answer=other
            )
            for number in range(8)
        ]

    a = [run for run in runs() if not run.is_base]
    assert "other machine" in contrast(a, shifted(1e-6)).rows[0].remark
    assert contrast(a, shifted(1e-2)).rows[0].remark.startswith("Answers differ")


def test_of_two_machines_in_a_set_each_is_held_against_itself():
    both = [*runs(), *runs(2.0, host_class="a slower machine")]
    found = contrast(both, [*runs(1.2, side=1), *runs(2.2, side=1, host_class="a slower machine")])
    assert [row.how for row in found.rows] == ["unpaired"] * 4
    assert {round(row.ratio.value, 2) for row in found.rows} == {1.2, 1.1}
    assert len({row.search for row in found.rows}) == 2
    assert found.problems == ()
    assert len(contrast(both, runs(side=1)).only_a) == 2


def test_what_only_one_set_knows_is_said():
    found = contrast(runs(), runs(side=1, spec={"precision": "bf16"}))
    assert found.problems == ("Only B knows precision: what is compared may differ in that.",)


def test_a_run_that_went_wrong_makes_it_invalid():
    broken = [run for run in runs(side=1) if run.is_base] + [
        record("Alsatian", wall_s=None, status="crashed", reason="signal 11", answer=None)
    ]
    assert contrast(runs(), runs(side=1)).is_valid
    assert not contrast(runs(), broken).is_valid
    assert not contrast(broken[-1:], broken[-1:]).is_valid


def test_different_answers_have_no_ratio_and_make_it_invalid():
    wrong = answer(halving=True)
    wrong["models"]["m0"]["segments"]["test"]["digest"] = "another"
    wrong["models"]["m0"]["segments"]["test"]["sketch"] = [9.0, 9.0, 9.0]
    b = [r for r in runs() if r.is_base] + [
        record("Alsatian", wall_s=0.1, round=number, answer=wrong) for number in range(8)
    ]
    found = contrast(runs(), b)
    row = next(row for row in found.rows if row.label == "Alsatian")
    assert row.ratio is None
    assert row.remark.startswith("Answers differ")
    assert not found.is_valid


def test_what_only_one_set_has_is_named_and_nothing_in_common_is_invalid():
    other = runs(spec={"architecture": "vit_b_32"})
    found = contrast([*runs(), *other], runs())
    assert len(found.only_a) == 2
    assert found.only_b == ()
    assert not contrast(other, runs()).is_valid


def test_few_rounds_are_said_and_failed_ones_too():
    assert "claim" in contrast(runs(rounds=2), runs(rounds=2)).rows[0].remark
    nothing = [record("Base", wall_s=None, status="timeout", reason="slow", answer=None)]
    row = contrast([r for r in runs() if r.is_base], nothing).rows[0]
    assert (row.ratio, row.b.status, row.remark) == (None, "timeout", "not measured in B")


def test_it_is_printed_and_written(tmp_path):
    found = contrast([*runs(), *runs(spec={"architecture": "vit_b_32"})], runs(1.2))
    out = StringIO()
    print_contrasts(Console(file=out, width=100), found, ("old", "new"))
    assert "1.20×" in out.getvalue()
    assert "Only in A" in out.getvalue()
    assert max(map(len, out.getvalue().splitlines())) <= 100
    assert "| Alsatian | 2.02 s | 2.42 s | 1.20× |" in contrasts_markdown(found, ("old", "new"))
    for path in write_contrasts(found, ("old", "new"), tmp_path):
        assert "Alsatian" in path.read_text()
    json.dumps(found.as_json(), allow_nan=False)
