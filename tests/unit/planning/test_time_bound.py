"""What a search needs to compute, counted by hand."""

from __future__ import annotations

import numpy as np

from systems.planning.task_tree import tree_of_rows
from systems.planning.time_bound import TimeBound, inference_bound_s, needed_executions
from tests.unit.planning.plain_planning import FIGURE_9, FIGURE_9_PARENTS, tree_of


def test_needed_executions_and_bound() -> None:
    architecture = {f"block{v}": "early" if v < 4 else "late" for v in range(1, 8)}
    needed = needed_executions(
        [(tree_of(FIGURE_9_PARENTS, FIGURE_9), [8, 8, 3]), (tree_of([-1, 0], [0, 1]), [8])],
        architecture=architecture,
    )
    assert needed == {("early", 8): 7, ("early", 3): 3, ("late", 8): 8, ("late", 3): 4}
    measured = [("early", 8, t) for t in (1.0, 2.0, 9.0)]
    measured += [("early", 3, 0.5), ("late", 8, 4.0), ("late", 3, 1.0), ("late", 3, 3.0)]
    assert inference_bound_s(needed, measured) == 7 * 2.0 + 3 * 0.5 + 8 * 4.0 + 4 * 2.0


def test_a_block_below_two_vertices_is_needed_twice() -> None:
    rows = np.array([[0, 2], [1, 2]])
    tree = tree_of_rows(rows, output_bytes=np.ones(3, np.int64), input_bytes=1)
    needed = needed_executions([(tree, [5])], architecture={"0": "a", "1": "a", "2": "b"})
    assert needed == {("a", 5): 2, ("b", 5): 2}


def test_the_bound_is_the_sum_of_its_parts() -> None:
    bound = TimeBound(inference_s=4.0, proxy_scoring_s=2.0, prepare_data_s=1.0, prepare_model_s=0.5)
    assert bound.total_s == 7.5
