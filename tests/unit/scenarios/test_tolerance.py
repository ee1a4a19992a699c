"""What a scenario lets the gate pass."""

from __future__ import annotations

import pytest

from scenarios.errors import ScenarioError
from scenarios.shares import parse_share
from tests.unit.scenarios.test_monotone import HEAD, MATRIX


def test_tolerances_are_read_by_system_and_hold_at_every_scale(load):
    scenario = load(
        HEAD + MATRIX + "tolerance: {alsatian: 3%, baseline: 0.1}\nscales: {cpu: {items: 5}}\n"
    )
    assert scenario.tolerance == pytest.approx({"alsatian": 0.03, "baseline": 0.1})
    assert scenario.at_scale("cpu").tolerance == scenario.tolerance
    assert load(HEAD + MATRIX).tolerance == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tolerance: 5%", "'tolerance' must be a mapping"),
        ("tolerance: {alsatain: 5%}", "There is no system 'alsatain' (in tolerance)"),
        ("tolerance: {alsatian: 500%}", "'500%' is no change between 0% and 100%"),
        ("tolerance: {alsatian: [5%]}", "tolerance of alsatian"),
    ],
)
def test_what_is_no_tolerance_is_a_sentence(load, text, message):
    with pytest.raises(ScenarioError) as error:
        load(f"{HEAD}{MATRIX}{text}\n")
    assert message in str(error.value)


@pytest.mark.parametrize("text", ["0%", "-5%", "100%", "nan", "", "five", True, None])
def test_what_is_no_share_is_a_sentence(text):
    with pytest.raises(ValueError, match="write it as in 5%"):
        parse_share(text)


def test_shares_are_read():
    assert parse_share(" 5% ") == parse_share("0.05") == parse_share(0.05) == pytest.approx(0.05)
