"""Laying spans out on tracks, so that viewers can draw them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from harness.trace import Span


def outermost_first(spans: Iterable[Span]) -> list[Span]:
    """In order of their begin; of those that begin together, the enclosing before the enclosed.

    Spans are recorded when they end: of two with the same begin and end the later recorded
    is the outer one.
    """
    numbered = sorted(
        enumerate(spans), key=lambda pair: (pair[1].start_ns, -pair[1].end_ns, -pair[0])
    )
    return [span for _, span in numbered]


def laid_out(ordered: Iterable[Span], *, is_parallel: bool) -> Iterator[tuple[Span, int]]:
    """Give each span the first track that has room for it.

    ``ordered`` is outermost first. On a track spans follow each other or nest (viewers drop
    what overlaps otherwise); where the work ``is_parallel`` they only follow: one that lies
    within another is not a part of it there.
    """
    open_ends: list[list[int]] = []
    for span in ordered:
        track = _with_room(open_ends, span, is_parallel=is_parallel)
        if track == len(open_ends):
            open_ends.append([])
        open_ends[track].append(span.end_ns)
        yield span, track


def _with_room(open_ends: list[list[int]], span: Span, *, is_parallel: bool) -> int:
    for track, ends in enumerate(open_ends):
        while ends and ends[-1] <= span.start_ns:
            ends.pop()
        if not ends or (span.end_ns <= ends[-1] and not is_parallel):
            return track
    return len(open_ends)
