from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarios.errors import ScenarioError
from scenarios.matrix import MOST_CELLS, expand, parse_changes, parse_filters
from scenarios.scenario import Exclusion, Scenario, value_in

FIXED = {"architecture": "resnet18", "distribution": "top_50"}


def scenario(**parts):
    return Scenario(name="example", title="x", path=Path("x.yaml"), **{"fixed": FIXED, **parts})


def column(expansion, name):
    return [cell.parameters[name] for cell in expansion.cells]


def test_the_system_varies_fastest_wherever_it_stands():
    matrix = {"system": ("baseline", "shift"), "items": (200, 400), "models": (3,)}
    expansion = expand(scenario(matrix=matrix))
    assert column(expansion, "system") == ["baseline", "shift"] * 2
    assert column(expansion, "items") == [200, 200, 400, 400]
    assert expansion.cells[0].parameters == {
        **FIXED,
        "system": "baseline",
        "items": 200,
        "models": 3,
    }


def test_zipped_axes_move_together():
    zips = ({"models": (4, 8), "model_seed": (1, 2)},)
    expansion = expand(scenario(matrix={"system": ("shift",), "items": (5, 6)}, zips=zips))
    assert list(zip(column(expansion, "models"), column(expansion, "model_seed"), strict=True)) == [
        (4, 1),
        (8, 2),
        (4, 1),
        (8, 2),
    ]


def test_an_exclusion_needs_all_of_its_parameters_and_sees_defaults():
    exclusions = (
        Exclusion(values={"items": (200,), "system": ("shift", "baseline")}, reason="slow"),
        Exclusion(values={"device": ("cuda",)}, reason="never, as the device is cpu"),
        Exclusion(values={"device": ("cpu",), "items": (300,)}, reason="by default"),
    )
    matrix = {"system": ("baseline", "shift", "alsatian"), "items": (200, 300)}
    expansion = expand(scenario(matrix=matrix, exclusions=exclusions))
    assert column(expansion, "system") == ["alsatian"]
    assert [reason for _, reason in expansion.excluded] == ["slow"] * 2 + ["by default"] * 3


def test_without_axes_there_is_one_cell():
    assert len(expand(scenario(fixed={**FIXED, "system": "shift"})).cells) == 1


integers = st.lists(st.integers(1, 9), min_size=1, max_size=4, unique=True).map(tuple)
axis_names = st.permutations(["items", "models", "batch_size", "data_seed"])


@st.composite
def scenarios(draw):
    names = draw(axis_names)
    matrix = {name: draw(integers) for name in names[: draw(st.integers(0, 3))]}
    matrix["system"] = draw(st.sampled_from([("baseline",), ("baseline", "shift", "alsatian")]))
    rows = draw(st.integers(0, 3))
    seeds = draw(st.lists(st.integers(0, 99), min_size=rows, max_size=rows, unique=True))
    zips = ({"model_seed": tuple(seeds), "threads": (1,) * rows},) if rows else ()
    exclusions = ()
    if draw(st.booleans()):
        axis = draw(st.sampled_from(sorted(matrix)))
        value = draw(st.sampled_from(matrix[axis]))
        exclusions = (Exclusion(values={axis: (value,)}, reason="drawn"),)
    return scenario(matrix=matrix, zips=zips, exclusions=exclusions)


def every_cell(drawn):
    """What is run and what is excluded; a draw may exclude everything."""
    try:
        expansion = expand(drawn)
    except ScenarioError:
        return [], None
    return [cell.parameters for cell in expansion.cells], expansion.excluded


@given(scenarios())
def test_the_product_of_all_lengths_each_cell_once(drawn):
    lengths = [len(values) for values in drawn.matrix.values()]
    lengths += [len(next(iter(part.values()))) for part in drawn.zips]
    kept, excluded = every_cell(drawn)
    if excluded is None:
        return
    cells = [*kept, *(cell for cell, _ in excluded)]
    assert len(cells) == math.prod(lengths)
    assert len({tuple(sorted(cell.items())) for cell in cells}) == len(cells)


@given(scenarios())
def test_exclusions_remove_exactly_what_matches(drawn):
    kept, excluded = every_cell(drawn)
    for entry in drawn.exclusions:
        for cell in kept:
            assert any(value_in(cell, name) not in row for name, row in entry.values.items())
        for cell, _ in excluded or ():
            assert all(value_in(cell, name) in row for name, row in entry.values.items())


@given(scenarios(), st.data())
def test_a_filter_keeps_exactly_its_values_in_order(drawn, data):
    kept, excluded = every_cell(drawn)
    if excluded is None:
        return
    axis = data.draw(st.sampled_from(sorted(drawn.axes)))
    value = data.draw(st.sampled_from([cell[axis] for cell in kept]))
    filtered = expand(drawn, {axis: {str(value)}})
    assert [cell.parameters for cell in filtered.cells] == [
        cell for cell in kept if cell[axis] == value
    ]


MATRIX = {"system": ("baseline", "alsatian+schedule=block_major"), "items": (200, 400)}


def test_filters_are_read_as_typed():
    texts = ["items=200, 400", "system=alsatian+schedule=block_major", "items=200"]
    assert parse_filters(texts) == {
        "items": {"200", "400"},
        "system": {"alsatian+schedule=block_major"},
    }
    filters = parse_filters(["system=alsatian + schedule=block_major", "device=cpu"])
    assert len(expand(scenario(matrix=MATRIX), filters).cells) == 2


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("items", "'items' must have the form axis=value"),
        ("items=", "must have the form"),
        ("itms=3", "There is no axis 'itms' to filter by. Did you mean 'items'?"),
        ("items=300", "No run of 'example' has items=300. The values of 'items' are: 200, 400."),
        ("items=some", "The filter items=some cannot be used. items must be a whole number"),
        ("system=baselin", "Did you mean 'baseline'?"),
        ("device=cuda", "The values of 'device' are: cpu."),
    ],
)
def test_filters_that_fit_nothing_are_refused(text, sentence):
    with pytest.raises(ScenarioError) as caught:
        expand(scenario(matrix=MATRIX), parse_filters([text]))
    assert sentence in str(caught.value)


def test_nothing_left_is_refused_with_the_reasons():
    exclusions = (Exclusion(values={"system": ("baseline",)}, reason="hours on a CPU"),)
    with pytest.raises(ScenarioError, match=r"filters system=baseline.*hours on a CPU"):
        expand(scenario(matrix=MATRIX, exclusions=exclusions), {"system": {"baseline"}})


def test_a_matrix_beyond_reason_is_refused_before_it_is_built():
    huge = {name: tuple(range(1000)) for name in ("items", "models", "data_seed")}
    with pytest.raises(ScenarioError, match=f"more than {MOST_CELLS:,} cells"):
        expand(scenario(matrix=huge))


def test_a_change_takes_the_place_of_what_the_scenario_says():
    whole = scenario(matrix={"system": ("shift",), "items": (5, 6)}, fixed={**FIXED, "models": 3})
    changed = whole.changed(parse_changes(["items=7", "models = 4", "store_bandwidth=200 MB/s"]))
    (cell,) = expand(changed).cells
    assert (cell.parameters["items"], cell.parameters["models"]) == (7, 4)
    assert cell.parameters["store_bandwidth"] == 200_000_000


def test_what_moves_with_others_is_not_changed_alone():
    whole = scenario(zips=({"models": (4, 8), "items": (1, 2)},))
    with pytest.raises(ScenarioError, match=r"'items' moves with models"):
        whole.changed({"items": 3})
    assert scenario(zips=({"items": (1, 2)},)).changed({"items": 3}).zips == ()


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["items"], "must have the form parameter=value"),
        (["itmes=3"], "no parameter 'itmes' to set. Did you mean 'items'"),
        (["items=3", "items=4"], "'items' is set twice"),
        (["items=few"], "items=few cannot be set"),
    ],
)
def test_bad_changes_are_refused(texts, message):
    with pytest.raises(ScenarioError, match=message):
        parse_changes(texts)
