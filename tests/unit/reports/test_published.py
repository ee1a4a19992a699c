"""Published numbers beside measured ones: found by what a run stands for."""

from __future__ import annotations

import pytest

from reports.comparison import compare
from reports.published import published, published_s
from tests.unit.reports.factory import record

CELL = {"architecture": "resnet152", "items": 8000, "distribution": "top_25"}


def test_a_cell_of_figure_10():
    assert published_s(record("Base", scenario="fig10", spec=CELL)) == 735.92
    assert published_s(record("SHiFT", scenario="fig10", spec=CELL)) == 376.52
    for label in ("Alsatian (paper)", "Alsatian"):
        assert published_s(record(label, scenario="fig10", spec=CELL)) == 111.87


def test_smaller_values_are_held_against_what_they_stand_for():
    small = {"architecture": "resnet50", "items": 400, "distribution": "top_25"}
    stands_for = {"architecture": "resnet152", "items": 8000}
    assert published_s(record("Base", scenario="fig10", spec=small)) is None
    found = record("Base", scenario="fig10", spec=small, stands_for=stands_for)
    assert published_s(found) == 735.92


def test_breakdowns_are_summed_and_minutes_are_seconds():
    limited = {"architecture": "vit_l_32", "distribution": "top_50", "items": 8000}
    base = record("Base", scenario="fig16", spec={**limited, "memory_limit": 10_000_000_000})
    assert published_s(base) == pytest.approx(528.38 + 85.27 + 716.76 + 70.55)
    for_family = {"architecture": "dinov2_l", "items": 2000}
    hub = record("Alsatian", scenario="fig14", spec={"architecture": "hf_dinov2", "items": 2000},
                 stands_for=for_family)  # fmt: skip
    assert published_s(hub) == pytest.approx(1.56 * 60)


@pytest.mark.parametrize(
    "changes",
    [
        {"scenario": "quick"},
        {"scenario": "source"},
        {"spec": {**CELL, "distribution": "joint_3"}},
        {"spec": {**CELL, "items": 4000}},
    ],
)
def test_what_was_not_published_is_none(changes):
    assert published_s(record("Base", **{"scenario": "fig10", "spec": CELL, **changes})) is None
    strange = record("Mine", scenario="fig10", spec={**CELL, "system": "mine"})
    assert published_s(strange) is None


def test_the_speed_ups_that_the_paper_prints():
    """Its table of figure 10: Alsatian over Base for 8000 items, Top 25%."""
    rows = compare([
        record(label, scenario="fig10", spec=CELL) for label in ("Base", "SHiFT", "Alsatian")
    ]).searches[0].rows  # fmt: skip
    assert [round(row.published, 1) for row in rows] == [1.0, 2.0, 6.6]


def test_every_figure_gives_a_number_for_each_of_its_rows():
    for figure, rows in published().items():
        if figure == "source":
            continue
        for row in rows:
            spec = {n: row[n] for n in ("architecture", "items", "distribution") if n in row}
            if "memory_gb" in row:
                spec["memory_limit"] = int(row["memory_gb"] * 1e9)
            assert published_s(record("Alsatian", scenario=figure, spec=spec)) > 0
