"""Tracks: what viewers would drop is laid out so that they can draw it."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from harness.lanes import laid_out, outermost_first
from harness.trace import Span

SPANS = st.lists(
    st.tuples(st.integers(0, 40), st.integers(0, 12)).map(
        lambda pair: Span("plan", pair[0], pair[0] + pair[1], {})
    ),
    max_size=40,
)


def tracks(spans: list[Span], *, is_parallel: bool) -> dict[int, list[Span]]:
    found: dict[int, list[Span]] = {}
    for span, track in laid_out(outermost_first(spans), is_parallel=is_parallel):
        found.setdefault(track, []).append(span)
    return found


def test_of_equal_spans_the_later_recorded_is_the_outer_one() -> None:
    inner, outer = Span("cache", 1, 5, {}), Span("plan", 1, 5, {})
    assert outermost_first([inner, outer]) == [outer, inner]


def test_nested_work_needs_one_track() -> None:
    spans = [Span("a", 2, 3, {}), Span("b", 3, 4, {}), Span("c", 1, 9, {}), Span("d", 9, 10, {})]
    assert list(tracks(spans, is_parallel=False)) == [0]


def test_parallel_work_is_not_shown_as_a_part_of_other_work() -> None:
    spans = [Span("a", 1, 9, {}), Span("b", 2, 3, {})]
    assert list(tracks(spans, is_parallel=True)) == [0, 1]


def test_overlapping_work_takes_a_second_track() -> None:
    spans = [Span("a", 1, 5, {}), Span("b", 4, 9, {}), Span("c", 5, 6, {})]
    assert [len(found) for found in tracks(spans, is_parallel=False).values()] == [2, 1]


@given(SPANS)
def test_on_a_track_spans_follow_or_nest(spans: list[Span]) -> None:
    found = tracks(spans, is_parallel=False)
    assert sum(map(len, found.values())) == len(spans)
    for track in found.values():
        open_ends: list[int] = []
        for span in track:
            while open_ends and open_ends[-1] <= span.start_ns:
                open_ends.pop()
            assert not open_ends or span.end_ns <= open_ends[-1]
            open_ends.append(span.end_ns)


@given(SPANS)
def test_on_a_parallel_track_spans_follow(spans: list[Span]) -> None:
    for track in tracks(spans, is_parallel=True).values():
        assert all(a.end_ns <= b.start_ns for a, b in itertools.pairwise(track))
