"""The figure of many searches: which ones it takes, and what it shows of them."""

from __future__ import annotations

from dataclasses import replace

from reports.comparison import compare
from reports.figures.drawing import new_figure
from reports.figures.overview import _fill, draw_overview, grid_of, why_no_grid
from tests.unit.reports.factory import record

ARCHITECTURES = ("resnet18", "resnet50")
DISTRIBUTIONS = ("top_50", "top_layers")


def grid_records(**changes):
    return [
        record(label, wall_s=wall_s, scenario="fig10", round=number, spec={**spec, "items": items},
               stands_for={"items": 10 * items, "architecture": "resnet18"}, **changes)
        for number in (0, 1)
        for items in (200, 800)
        for architecture in ARCHITECTURES
        for distribution in DISTRIBUTIONS
        for spec in [{"architecture": architecture, "distribution": distribution}]
        for label, wall_s in (("Base", 8.0 + number), ("SHiFT", 4.0), ("Alsatian", 1.0))
    ]  # fmt: skip


def test_a_grid_has_a_panel_per_distribution_and_items_and_groups_of_architectures():
    grid = grid_of(compare(grid_records()))
    assert grid is not None
    assert grid.groups == ARCHITECTURES
    assert grid.columns == DISTRIBUTIONS
    assert grid.rows == ("200", "800")
    assert grid.systems == ("SHiFT", "Alsatian")
    assert len(grid.searches) == 8


def test_what_is_no_grid_is_left_to_the_other_figure(tmp_path):
    few = [one for one in grid_records() if one.spec["items"] == 200][:6]
    other = grid_records(host_class="another machine")
    more_seeds = grid_records()
    for one in grid_records():
        one.spec["model_seed"] = 1  # type: ignore[index]
        more_seeds.append(one)
    for records in (few, [*grid_records(), *other], more_seeds):
        assert grid_of(compare(records)) is None
        assert draw_overview(compare(records), tmp_path) == ()


def test_base_alone_is_no_grid_and_what_differs_is_named(tmp_path):
    alone = compare([one for one in grid_records() if one.is_base])
    assert grid_of(alone) is None
    assert "no other system" in (why_no_grid(alone) or "")
    mixed = grid_records()
    for one in grid_records():
        one.spec["model_seed"] = 1  # type: ignore[index]
        mixed.append(one)
    assert "differ in model_seed, and" in (why_no_grid(compare(mixed)) or "")
    others = compare([one for one in grid_records() if not one.is_base])
    assert "Base was not measured" in (why_no_grid(others) or "")


def test_wide_intervals_and_slow_systems_press_nothing_flat():
    wild = [
        replace(one, wall_s=90.0 if one.system == "shift" else 9.0 if one.round else 0.1)
        for one in grid_records()
    ]
    grid = grid_of(compare(wild))
    assert grid is not None
    figure = new_figure()
    _fill(figure, grid, title="")
    for axis in figure.axes:
        top = axis.get_ylim()[1]
        assert top < 3
        assert all(text.get_position()[1] < 0.9 * top for text in axis.texts)


def test_it_is_drawn_and_equal_inputs_give_equal_bytes(tmp_path):
    records = grid_records()
    records[5] = record("Alsatian", wall_s=None, status="timeout", reason="too long",
                        scenario="fig10", spec=dict(records[5].spec))  # fmt: skip
    png, pdf = draw_overview(compare(records), tmp_path / "a")
    again, _ = draw_overview(compare(records), tmp_path / "b")
    assert png.read_bytes() == again.read_bytes()
    assert pdf.read_bytes().startswith(b"%PDF")
