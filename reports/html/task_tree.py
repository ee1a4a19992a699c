"""The task tree of a search, as a run that took one model after another has executed it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from reports.timeline import Spans

MOST_SEGMENTS = 400
"""A tree of more segments is not drawn: nobody can see them."""

Path = tuple[str, ...]
"""The hashes of a model's blocks, from the first to the last."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Segment:
    """Blocks that follow each other and are part of the same models: a box of the drawing."""

    first_block: int
    """Counted from 1."""
    last_block: int
    first_model: int
    """Of the models in the order of the drawing, counted from 0."""
    models: int
    """How many share these blocks."""
    hash: str
    """Of the first of them, its first digits."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskTree:
    """Models as paths that share their first blocks."""

    models: int
    """Different ones: models that share all blocks are one path."""
    depth: int
    """Blocks of the longest."""
    blocks: int
    """Of all models together."""
    distinct: int
    """Boxes of the tree, counted block by block: what has to be executed per item."""
    segments: tuple[Segment, ...]


def tree_of(spans: Spans) -> TaskTree | None:
    """The tree of a run that executed models one at a time; None where it cannot be told.

    Vertices of such a run are the places of blocks within their model, counted from 1: when
    the number falls, another batch or another model begins.
    """
    paths = sorted(_paths(spans))
    if len(paths) < 2:
        return None
    segments = tuple(_segments(paths))
    if len(segments) > MOST_SEGMENTS:
        return None
    return TaskTree(
        models=len(paths),
        depth=max(map(len, paths)),
        blocks=sum(map(len, paths)),
        distinct=sum(each.last_block - each.first_block + 1 for each in segments),
        segments=segments,
    )


def _paths(spans: Spans) -> set[Path]:
    found: set[Path] = set()
    path: dict[int, str] = {}
    last = 0
    rows = zip(spans.lanes, spans.phases, spans.vertices, spans.blocks, strict=True)
    for lane, phase, vertex, block in rows:
        if lane != "host" or phase != "inference" or vertex is None or block is None:
            continue
        place = int(vertex)
        if place < last:
            found.add(tuple(path.values()))
            path = {}
        path[place] = block
        last = place
    if path:
        found.add(tuple(path.values()))
    return found


def _segments(paths: Sequence[Path], *, depth: int = 0, first_model: int = 0) -> Iterator[Segment]:
    """The boxes of sorted paths that are the same up to ``depth``, from the left to the right."""
    at = 0
    while at < len(paths):
        if len(paths[at]) <= depth:
            at += 1
            continue
        block = paths[at][depth]
        group = [path for path in paths[at:] if len(path) > depth and path[depth] == block]
        end = _shared(group, depth)
        yield Segment(
            first_block=depth + 1, last_block=end, first_model=first_model + at,
            models=len(group), hash=block[:12],
        )  # fmt: skip
        yield from _segments(group, depth=end, first_model=first_model + at)
        at += len(group)


def _shared(group: Sequence[Path], depth: int) -> int:
    """How many first blocks all paths of the group share; they do at least ``depth`` + 1."""
    columns: Iterable[tuple[str, ...]] = zip(*(path[depth:] for path in group), strict=False)
    for count, column in enumerate(columns):
        if len(set(column)) > 1:
            return depth + count
    return min(map(len, group))
