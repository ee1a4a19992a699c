"""Common beginnings: the vertices of the tree that models given as numbers make up."""

from __future__ import annotations

import numpy as np


def prefix_vertices(
    rows: np.ndarray, *, blocks: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The distinct beginnings of the models ``rows`` [models, blocks], filled up with -1.

    Level by level: a vertex is a pair of the vertex above and one of so many ``blocks``.
    Returns the parents and blocks of the vertices, where the levels start, and the vertex of
    each model (see ``task_tree.TaskTree``), all int32.
    """
    at = np.zeros(len(rows), np.int32)  # vertex of each model, as far as it has been laid
    model = np.arange(len(rows), dtype=np.int32)  # those that go on
    memory = np.empty(blocks, np.int32)
    parents, numbers = [np.array([-1], np.int32)], [np.array([-1], np.int32)]
    level_start = [0, 1]
    is_shared = True
    for column in _columns(rows):
        block = column[model]
        if block.min(initial=0) < 0:
            model, block = model[block >= 0], block[block >= 0]
        if not len(model):
            break
        above = at[model]
        if is_shared:
            first = _first_alike(above, block, memory)
            new = np.flatnonzero(first == np.arange(len(first), dtype=np.int32))
            key = above[new].astype(np.int64) * blocks + block[new]
            if (key[1:] < key[:-1]).any():
                new = new[np.argsort(key)]  # siblings in a row, by the number of the block
            vertex = np.empty(len(model), np.int32)
            vertex[new] = np.arange(level_start[-1], level_start[-1] + len(new), dtype=np.int32)
            at[model] = vertex[first]
            above, block = above[new], block[new]
            if len(new) == len(model):  # from here on, each model is on its own
                is_shared, model = False, model[new]
        else:
            at[model] = np.arange(level_start[-1], level_start[-1] + len(model), dtype=np.int32)
        parents.append(above)
        numbers.append(block)
        level_start.append(level_start[-1] + len(block))
    return (
        np.concatenate(parents),
        np.concatenate(numbers),
        np.array(level_start, np.int32),
        at,
    )


def _columns(rows: np.ndarray) -> np.ndarray:
    """The rows [models, blocks] turned over piece by piece, each small enough for a cache."""
    columns = np.empty(rows.shape[::-1], np.int32)
    for start in range(0, len(rows), 2048):
        columns[:, start : start + 2048] = rows[start : start + 2048].T
    return columns


def _first_alike(above: np.ndarray, block: np.ndarray, memory: np.ndarray) -> np.ndarray:
    """For each place, int32, the first place with the same vertex above and the same block.

    A block mostly stands below one vertex only: then remembering, for each block, the first
    place where it stands is enough. Only the places for which it is not are sorted.
    ``memory`` has room for one number per block; what it held does not matter.
    """
    places = np.arange(len(block), dtype=np.int32)
    memory[block[::-1]] = places[::-1]  # of several values for a block, the last one stays
    first = memory[block]
    rest = np.flatnonzero(above[first] != above)
    if len(rest):
        keys = above[rest].astype(np.int64) * len(memory) + block[rest]
        _, earliest, which = np.unique(keys, return_index=True, return_inverse=True)
        first[rest] = rest[earliest[which]]
    return first
