from __future__ import annotations

import pytest

from scenarios.errors import ScenarioError
from scenarios.parameters import PARAMETERS
from scenarios.scenario import GROWING
from tests.unit.scenarios.conftest import HEAD

MATRIX = "matrix: {system: [shift], items: [400, 800]}\n"


def test_axes_may_be_declared_monotone(load):
    scenario = load(HEAD + MATRIX + "monotone: [items, models]\nscales: {cpu: {items: [5]}}\n")
    assert scenario.monotone == ("items", "models")
    assert scenario.at_scale("cpu").monotone == ("items", "models")
    assert load(HEAD + MATRIX).monotone == ()


def test_what_can_be_monotone_are_whole_numbers():
    assert {PARAMETERS[name].kind for name in GROWING} == {"integer"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("monotone: items", "5: 'monotone' must be a list"),
        ("monotone: [memory_limit]", "5: 'memory_limit' cannot be monotone. Memory is sure to"),
        ("monotone: [itmes]", "5: 'itmes' cannot be monotone. Memory is sure to grow with models"),
        ("monotone: [[items]]", "5: '…' cannot be monotone"),
        ("monotone: [items, items]", "5: 'items' is in monotone twice"),
    ],
)
def test_what_cannot_be_monotone_is_named_with_its_line(load, text, said):
    with pytest.raises(ScenarioError) as caught:
        load(HEAD + MATRIX + text + "\n")
    assert said in str(caught.value)
