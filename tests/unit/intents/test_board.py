"""The board: what is wanted when, whatever the order of the signals."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from systems.errors import ConfigurationError
from systems.intents.board import IntentBoard
from systems.intents.intent import FOREVER, Intent

INTENTS = st.builds(
    lambda key, start, length: Intent(key=key, start=start, end=start + length),
    st.sampled_from("abcd"),
    st.integers(0, 12),
    st.integers(1, 4),
)


def wants(*intents: tuple[str, int, int]) -> IntentBoard:
    board = IntentBoard()
    board.signal(Intent(key=key, start=start, end=end) for key, start, end in intents)
    return board


def test_an_intent_must_end_after_it_begins() -> None:
    with pytest.raises(ConfigurationError, match="ends at clock 3, but begins at 3"):
        Intent(key="a", start=3, end=3)


def test_the_end_is_exclusive_and_ended_keys_are_told_once() -> None:
    board = wants(("a", 0, 2), ("b", 1, 2), ("a", 5, 6))
    assert board.advance() == []
    assert board.next_use("a") == 1
    assert board.advance() == ["b"]
    assert board.next_use("a") == 5
    assert board.advance(6) == ["a"]
    assert "a" not in board


def test_the_clock_does_not_go_back() -> None:
    board = wants()
    board.advance(4)
    with pytest.raises(ConfigurationError, match="stands at 4 and cannot go back to 3"):
        board.advance(3)


def test_late_signals_count_from_now_and_those_that_ended_not_at_all() -> None:
    board = IntentBoard()
    board.advance(5)
    board.signal([Intent(key="late", start=2, end=7), Intent(key="over", start=2, end=5)])
    assert board.next_use("late") == 5
    assert board.wanted() == ("late",)


def test_cancelled_keys_are_forgotten_and_may_be_signalled_again() -> None:
    board = wants(("a", 0, 9), ("a", 20, 21), ("b", 0, FOREVER))
    assert board.cancel(["a", "c"]) == ["a"]
    assert board.next_use("a") is None
    board.signal([Intent(key="a", start=3, end=4)])
    assert board.advance(4) == ["a"]
    assert board.next_use("b", since=10**12) == 10**12


@given(st.lists(INTENTS), st.lists(st.integers(0, 3), max_size=8), st.integers(0, 20))
def test_next_use_is_the_first_clock_that_an_intent_covers(
    intents: list[Intent], moves: list[int], since: int
) -> None:
    board = IntentBoard()
    board.signal(intents)
    for move in moves:
        board.advance(board.clock + move)
    for key in "abcd":
        uses = {c for i in intents if i.key == key for c in range(i.start, i.end)}
        later = [clock for clock in uses if clock >= max(since, board.clock)]
        assert board.next_use(key, since=since) == min(later, default=None)
        assert (key in board) == any(clock >= board.clock for clock in uses)


@given(st.lists(st.one_of(INTENTS, st.integers(1, 3)), max_size=30))
def test_a_queue_gives_what_is_wanted_in_the_order_of_starts(
    script: list[Intent | int],
) -> None:
    """Signals and moves of the clock in any order; then everything is taken out."""
    board = IntentBoard()
    queue = board.queue()
    for move in script:
        if isinstance(move, int):
            board.advance(board.clock + move)
        else:
            board.signal([move])
        queue.first(lambda key: key == "a")  # a look that drops all others' entries before a
        for key in board.wanted():
            queue.put_back(key)
    taken: list[str] = []
    while (key := queue.first(lambda key: key not in taken)) is not None:
        taken.append(str(key))
    assert set(taken) == set(board.wanted())
    dues = [board.next_use(key) for key in taken]
    assert dues == sorted(dues)  # type: ignore[type-var]


def test_a_use_that_is_over_does_not_put_the_next_one_before_others() -> None:
    board = IntentBoard()
    queue = board.queue()
    board.signal(Intent(key=key, start=at, end=at + 1) for key, at in (("a", 1), ("b", 5)))
    board.signal([Intent(key="a", start=9, end=10)])
    assert queue.first(lambda _: True) == "a"
    board.advance(2)
    assert queue.first(lambda _: True) == "b"
    assert queue.first(lambda key: key != "b") == "a"


def test_a_key_put_back_for_a_use_that_never_came_is_still_there_for_the_next() -> None:
    board = IntentBoard()
    queue = board.queue()
    board.signal(Intent(key="a", start=at, end=at + 1) for at in (1, 9))
    assert queue.first(lambda _: False) is None  # resident: its entries are dropped
    queue.put_back("a")
    board.advance(2)
    assert queue.first(lambda _: True) == "a"
