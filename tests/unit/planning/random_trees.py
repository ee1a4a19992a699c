"""Task trees for tests, built as the systems build them: from models."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from systems.planning.cost_model import CostModel
from systems.planning.planner import Costs
from systems.planning.task_tree import TaskTree, build_task_tree

INPUT_BYTES = 3


def tree_from(parents: list[int], sizes: list[int], scratch: list[int] | None = None) -> TaskTree:
    """The tree in which vertex v's parent is parents[v] (−1 for vertex 0, the input).

    The block into vertex v is called ``b<v>`` and the model at a leaf ``m<v>``.
    """
    inner = set(parents)
    models = {}
    for leaf in (v for v in range(1, len(parents)) if v not in inner):
        path, v = [], leaf
        while v:
            path.append(f"b{v}")
            v = parents[v]
        models[f"m{leaf}"] = path[::-1]
    by_block = [
        None if values is None else {f"b{v}": values[v] for v in range(1, len(parents))}
        for values in (sizes, scratch)
    ]
    return build_task_tree(
        models, output_bytes=by_block[0], scratch_bytes=by_block[1], input_bytes=INPUT_BYTES
    )


@st.composite
def model_trees(draw: st.DrawFn, most: int = 14) -> TaskTree:
    n = draw(st.integers(2, most))
    parents = [-1, *(draw(st.integers(max(0, v - 4), v - 1)) for v in range(1, n))]
    sizes, scratch = (
        [0, *draw(st.lists(st.integers(least, 9), min_size=n - 1, max_size=n - 1))]
        for least in (1, 0)
    )
    return tree_from(parents, sizes, scratch if draw(st.booleans()) else None)


def costs_for(tree: TaskTree, parameter_bytes: int | list[int] = 10) -> Costs:
    """Every block as large, a second per item; moving bytes by the fallback profile."""
    blocks = len(tree.block_hashes)
    return Costs(
        parameter_bytes=np.broadcast_to(np.array(parameter_bytes, dtype=np.int64), blocks).copy(),
        item_s=np.ones(blocks),
        input_item_s=1e-9,
        model=CostModel(),
    )
