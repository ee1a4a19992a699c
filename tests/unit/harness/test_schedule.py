"""Interleaved rounds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.schedule import against_itself, interleaved


def test_every_other_round_is_reversed() -> None:
    assert list(interleaved("ABC", rounds=3)) == [
        (0, "A"), (0, "B"), (0, "C"), (1, "C"), (1, "B"), (1, "A"), (2, "A"), (2, "B"), (2, "C"),
    ]  # fmt: skip


@given(st.integers(1, 7), st.integers(1, 4))
def test_a_linear_drift_cancels_over_an_even_number_of_rounds(specs: int, half: int) -> None:
    sums = dict.fromkeys(range(specs), 0)
    for place, (_, spec) in enumerate(interleaved(range(specs), rounds=2 * half)):
        sums[spec] += place
    assert len(set(sums.values())) == 1


def test_the_runs_of_a_pair_stand_side_by_side() -> None:
    assert list(against_itself("AB", rounds=4)) == [
        (0, "A"), (1, "A"), (0, "B"), (1, "B"), (2, "B"), (3, "B"), (2, "A"), (3, "A"),
    ]  # fmt: skip
