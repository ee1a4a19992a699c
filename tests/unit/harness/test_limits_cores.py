"""Which cores a run gets, on machines other than this one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.limits.cores import choose_cores
from systems.errors import ConfigurationError

# Two packages of four physical cores with two threads each, numbered as Linux does:
# 0-3 and 4-7 the first threads, 8-11 and 12-15 the second ones.
SERVER = {core: (core % 8 // 4, core % 4) for core in range(16)}


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (1, (15,)),
        (4, (12, 13, 14, 15)),  # one package, no core shared
        (8, (8, 9, 10, 11, 12, 13, 14, 15)),  # no core shared, two packages
        (9, (7, 8, 9, 10, 11, 12, 13, 14, 15)),
        (16, tuple(range(16))),
    ],
)
def test_choice_on_a_server(count: int, expected: tuple[int, ...]) -> None:
    assert choose_cores(count, available=range(16), places=SERVER) == expected


def test_one_package_is_preferred_to_higher_numbers() -> None:
    # Of the upper package only one core may be used.
    assert choose_cores(2, available=[0, 1, 2, 7], places=SERVER) == (1, 2)


def test_cores_of_unknown_place_are_cores_of_their_own() -> None:
    assert choose_cores(2, available=[0, 1, 2, 3], places={}) == (2, 3)


@given(st.sets(st.integers(0, 15), min_size=1), st.data())
def test_as_many_as_asked_for_and_no_core_shared_without_need(
    available: set[int], data: st.DataObject
) -> None:
    count = data.draw(st.integers(1, len(available)))
    chosen = choose_cores(count, available=available, places=SERVER)
    assert len(set(chosen)) == count
    assert set(chosen) <= available
    physical = len({SERVER[core] for core in available})
    assert len({SERVER[core] for core in chosen}) == min(count, physical)


@pytest.mark.parametrize("count", [0, 3])
def test_numbers_that_cannot_be_had(count: int) -> None:
    with pytest.raises(ConfigurationError, match=rf"asks for {count} cores.* from 1 to 2"):
        choose_cores(count, available=[0, 1], places={})
