"""The task tree: the models of a search with their common beginnings laid together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, compress, pairwise
from typing import Any

import numpy as np

from systems.planning.prefixes import prefix_vertices

ROOT = 0


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TaskTree:
    """A tree whose root is the input, whose other vertices are intermediate results.

    The edge into a vertex is one block. Vertices are numbered level by level, siblings in
    a row: ``parent`` never falls from one vertex to the next. All of it is arrays, because
    a store can hold a million models. V vertices, M models, L levels. (Paper, section 4.)
    """

    parent: np.ndarray
    """int32 [V]. Parent vertex; -1 for the root."""
    block: np.ndarray
    """int32 [V]. Number of the block that computes the vertex; -1 for the root."""
    child_start: np.ndarray
    """int32 [V + 1]. The children of v are the vertices from child_start[v] to
    child_start[v + 1], the end excluded."""
    size_bytes: np.ndarray
    """int64 [V]. Bytes per item of the vertex's intermediate. The root's is zero where a
    single child reads it, because the input is then streamed."""
    level_start: np.ndarray
    """int32 [L + 1]. The vertices of depth l start at level_start[l]."""
    model_vertex: np.ndarray
    """int32 [M]. The vertex that holds a model's features (usually a leaf)."""
    block_hashes: Sequence[str]
    """By block number; pruning leaves the numbers as they are."""
    model_ids: Sequence[str]
    """By model number."""
    scratch_bytes: np.ndarray | None = None
    """int64 [V]. Bytes per item that computing a vertex needs for itself beside its parent and
    its result, gone when it is done; a streamed input among them. None: none are counted."""

    def __len__(self) -> int:
        return len(self.parent)

    def children(self, v: int) -> range:
        """The children of ``v``."""
        return range(int(self.child_start[v]), int(self.child_start[v + 1]))

    def levels(self) -> list[slice]:
        """The vertices of each depth, the root's first."""
        starts = self.level_start.tolist()
        return [slice(start, stop) for start, stop in pairwise(starts)]

    def is_straight(self, level: slice) -> bool:
        """Whether each vertex of a level has exactly one child."""
        ends = self.child_start[level.start : level.stop + 1]
        return int(ends[-1] - ends[0]) == len(ends) - 1 and bool((ends[1:] > ends[:-1]).all())

    def computing_bytes(self, v: Any) -> np.ndarray:
        """Bytes per item that computing each of the vertices ``v`` adds: result and scratch."""
        size = self.size_bytes[v]
        return size if self.scratch_bytes is None else size + self.scratch_bytes[v]

    def hash_of(self, v: int) -> str:
        """Hash of the block that computes ``v``, which is not the root."""
        return self.block_hashes[int(self.block[v])]

    def models_at(self) -> dict[int, tuple[str, ...]]:
        """The models whose features a vertex holds, for the vertices that hold some."""
        at: dict[int, tuple[str, ...]] = {}
        for model, vertex in zip(self.model_ids, self.model_vertex.tolist(), strict=True):
            at[vertex] = (*at.get(vertex, ()), model)
        return at


class Numbers(Sequence[str]):
    """Numbers as names, written out only when asked for."""

    def __init__(self, numbers: np.ndarray) -> None:
        self.numbers = numbers

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, i: Any) -> Any:
        return Numbers(self.numbers[i]) if isinstance(i, slice) else str(self.numbers[i])


def build_task_tree(
    models: Mapping[str, Sequence[str]],
    *,
    output_bytes: Mapping[str, int],
    input_bytes: int,
    scratch_bytes: Mapping[str, int] | None = None,
) -> TaskTree:
    """Lay ``models`` (id → block hashes in order) together along their shared prefixes.

    Blocks are numbered as they are met. ``output_bytes`` maps a block hash to the bytes per
    item of its output, ``scratch_bytes`` to those that it needs besides while it computes;
    ``input_bytes`` is the size of one prepared item.
    """
    number: dict[str, int] = {}
    flat = [number.setdefault(h, len(number)) for h in chain.from_iterable(models.values())]
    lengths = np.fromiter(map(len, models.values()), np.int64, len(models))
    rows = np.full((len(models), int(lengths.max(initial=0))), -1, np.int32)
    rows[np.arange(rows.shape[1]) < lengths[:, None]] = flat
    return _lay_together(
        rows,
        output_bytes=np.array([output_bytes[h] for h in number], np.int64),
        input_bytes=input_bytes,
        scratch_bytes=None
        if scratch_bytes is None
        else np.array([scratch_bytes[h] for h in number], np.int64),
        block_hashes=tuple(number),
        model_ids=tuple(models),
    )


def tree_of_rows(
    rows: np.ndarray,
    *,
    output_bytes: np.ndarray,
    input_bytes: int,
    scratch_bytes: np.ndarray | None = None,
) -> TaskTree:
    """Lay models together that are given as numbers; linear but for sorting siblings.

    Models and blocks are named by their numbers.

    Args:
        rows: int [models, blocks]. A model's block numbers in order; behind the end of a
            model that is shorter than others, -1.
        output_bytes: int64 [distinct blocks]. Bytes per item of each block's output.
        input_bytes: size of one prepared item.
        scratch_bytes: int64 [distinct blocks]. What each block needs besides while it computes.
    """
    return _lay_together(
        rows,
        output_bytes=output_bytes,
        input_bytes=input_bytes,
        scratch_bytes=scratch_bytes,
        block_hashes=Numbers(np.arange(len(output_bytes), dtype=np.int32)),
        model_ids=Numbers(np.arange(len(rows), dtype=np.int32)),
    )


def prune(tree: TaskTree, survivors: np.ndarray, *, input_bytes: int) -> TaskTree:
    """The tree of the models that are left; the same as laying them together anew.

    Args:
        tree: the tree of all models.
        survivors: bool [M]. Which of its models stay.
        input_bytes: size of one prepared item.
    """
    model_vertex = tree.model_vertex[survivors]
    is_kept = np.zeros(len(tree), bool)
    is_kept[ROOT] = True
    is_kept[model_vertex] = True
    levels = tree.levels()
    for above, level in reversed(list(pairwise(levels))):
        if tree.is_straight(above):
            is_kept[above] |= is_kept[level]
        else:
            is_kept[tree.parent[level][is_kept[level]]] = True
    number = np.cumsum(is_kept, dtype=np.int32)
    level_start = np.concatenate(([0], number[tree.level_start[1:] - 1]))
    level_start = np.unique(level_start).astype(np.int32)  # the last levels may be empty now
    number -= 1
    parent = number[tree.parent[is_kept]]
    parent[ROOT] = -1
    child_start = _child_start(parent, level_start)
    size_bytes = tree.size_bytes[is_kept]
    is_streamed = child_start[1] <= 2
    size_bytes[ROOT] = 0 if is_streamed else input_bytes
    scratch_bytes = None if tree.scratch_bytes is None else tree.scratch_bytes[is_kept]
    if scratch_bytes is not None and is_streamed and tree.child_start[1] > 2:
        scratch_bytes[1:2] += input_bytes
    ids = tree.model_ids
    return TaskTree(
        parent=parent,
        block=tree.block[is_kept],
        child_start=child_start,
        size_bytes=size_bytes,
        level_start=level_start,
        model_vertex=number[model_vertex],
        block_hashes=tree.block_hashes,
        model_ids=Numbers(ids.numbers[survivors])
        if isinstance(ids, Numbers)
        else tuple(compress(ids, survivors.tolist())),
        scratch_bytes=scratch_bytes,
    )


def _lay_together(
    rows: np.ndarray,
    *,
    output_bytes: np.ndarray,
    input_bytes: int,
    scratch_bytes: np.ndarray | None,
    block_hashes: Sequence[str],
    model_ids: Sequence[str],
) -> TaskTree:
    parent, block, level_start, model_vertex = prefix_vertices(rows, blocks=len(output_bytes))
    child_start = _child_start(parent, level_start)
    size_bytes = np.empty(len(block), np.int64)
    np.take(output_bytes, block[1:], out=size_bytes[1:])
    is_streamed = child_start[1] <= 2
    size_bytes[ROOT] = 0 if is_streamed else input_bytes
    scratch_of = None if scratch_bytes is None else np.zeros(len(block), np.int64)
    if scratch_bytes is not None and scratch_of is not None:
        np.take(scratch_bytes, block[1:], out=scratch_of[1:])
        scratch_of[1:2] += input_bytes if is_streamed else 0
    return TaskTree(
        parent=parent,
        block=block,
        child_start=child_start,
        size_bytes=size_bytes,
        level_start=level_start,
        model_vertex=model_vertex,
        block_hashes=block_hashes,
        model_ids=model_ids,
        scratch_bytes=scratch_of,
    )


def _child_start(parent: np.ndarray, level_start: np.ndarray) -> np.ndarray:
    """Where the children of each vertex start, and the end."""
    child_start = np.empty(len(parent) + 1, np.int32)
    child_start[0] = 1
    starts = [*level_start.tolist(), len(parent)]
    for start, stop, end in zip(starts, starts[1:], starts[2:], strict=False):
        count = np.bincount(parent[stop:end] - start, minlength=stop - start)
        np.cumsum(count, out=child_start[start + 1 : stop + 1])
        child_start[start + 1 : stop + 1] += stop
    return child_start
