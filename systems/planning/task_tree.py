"""The task tree: the models of a search with their common beginnings laid together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

ROOT = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskTree:
    """A tree whose root is the input, whose other vertices are intermediate results.

    The edge into a vertex is one block. Vertices are numbered so that a parent comes
    before its children; all sequences are indexed by vertex. (Paper, section 4.)
    """

    parent: Sequence[int]
    """Parent vertex; -1 for the root."""
    block: Sequence[str]
    """Hash of the block that computes the vertex from its parent; empty for the root."""
    children: Sequence[Sequence[int]]
    models: Mapping[int, Sequence[str]]
    """Models whose features a vertex holds (usually a leaf)."""
    size_bytes: Sequence[int]
    """Bytes per item of the vertex's intermediate. The root's is zero where a single
    child reads it, because the input is then streamed."""

    def __len__(self) -> int:
        return len(self.parent)


def build_task_tree(
    models: Mapping[str, Sequence[str]], *, output_bytes: Mapping[str, int], input_bytes: int
) -> TaskTree:
    """Lay ``models`` (id → block hashes in order) together along their shared prefixes.

    Linear in the number of blocks of all models. ``output_bytes`` maps a block hash to the
    bytes per item of its output, ``input_bytes`` is the size of one prepared item.
    """
    parent = [-1]
    block = [""]
    children: list[list[int]] = [[]]
    size_bytes = [0]
    at: dict[int, list[str]] = {}
    step_into: list[dict[str, int]] = [{}]
    for model, hashes in models.items():
        vertex = ROOT
        for digest in hashes:
            following = step_into[vertex].get(digest)
            if following is None:
                following = len(parent)
                step_into[vertex][digest] = following
                step_into.append({})
                parent.append(vertex)
                block.append(digest)
                children[vertex].append(following)
                children.append([])
                size_bytes.append(output_bytes[digest])
            vertex = following
        at.setdefault(vertex, []).append(model)
    if len(children[ROOT]) > 1:
        size_bytes[ROOT] = input_bytes
    return TaskTree(parent=parent, block=block, children=children, models=at, size_bytes=size_bytes)
