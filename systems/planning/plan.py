"""The execution plan: stages of steps through a task tree, and passes over the batches.

A *stage* is a run of steps that each batch of a pass goes through before the next batch
does. A stage of one step for each vertex is the published, block-major way; one stage of
all steps is batch-major; and everything between is a mixed schedule, in which only what
crosses from one stage to the next is ever there for all batches of a pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from systems.planning.task_tree import ROOT, TaskTree
from systems.planning.traversal import Traversal

Schedule = Literal["auto", "block_major", "batch_major"]
"""What may be asked for; ``auto`` lets the planner choose, mixed schedules included."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """Run one block over one batch."""

    vertex: int
    parent: int
    block: str
    """Hash of the block."""
    models: Sequence[str]
    """Models whose features the output is."""
    reads_input: bool
    """The parent is the input, and is taken from the loader now."""
    is_last_use_of_parent: bool
    keeps_output: bool
    """Whether later steps read the output."""
    computing_bytes: int
    """Bytes per item that it adds while it runs: its output, its scratch memory, and the input
    if it is the only one to read it now."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """The steps of a pass as arrays [S], and where its stages begin.

    A vertex stands there twice where it is computed again rather than kept.
    """

    tree: TaskTree
    vertex: NDArray[np.int32]
    reads_input: NDArray[np.bool_]
    is_last_use_of_parent: NDArray[np.bool_]
    keeps_output: NDArray[np.bool_]
    is_repeat: NDArray[np.bool_]
    """The vertex has been computed before in this pass."""
    stage_start: NDArray[np.int64]
    """[stages + 1]: stage t holds the steps stage_start[t] … stage_start[t + 1] − 1."""

    def held_bytes(self) -> NDArray[np.int64]:
        """[S]: bytes per item of one batch that stay when each step is done."""
        size, parent = self.tree.size_bytes, self.tree.parent[self.vertex]
        change = self.reads_input * size[ROOT] + self.keeps_output * size[self.vertex]
        return np.cumsum(change - self.is_last_use_of_parent * size[parent])

    def footprint(self) -> Footprint:
        """What the stages hold."""
        size, held = self.tree.size_bytes, self.held_bytes()
        before = np.concatenate([[0], held[:-1]])
        begun = before + self.reads_input * size[ROOT]
        within = np.maximum(begun + size[self.vertex], held)
        at_work = within
        if self.tree.scratch_bytes is not None:
            at_work = np.maximum(begun + self.tree.computing_bytes(self.vertex), held)
        first = self.stage_start[:-1]
        return Footprint(
            before=before[first],
            after=held[self.stage_start[1:] - 1],
            within=np.maximum.reduceat(within, first),
            at_work=np.maximum.reduceat(at_work, first),
            crossing_bytes=self._crossing_bytes(),
        )

    def _crossing_bytes(self) -> float:
        """See ``Footprint``: each result is written once, and read by each later stage once."""
        steps, size = len(self.vertex), self.tree.size_bytes
        stage = np.repeat(np.arange(len(self.stage_start) - 1), np.diff(self.stage_start))
        at = np.arange(steps)
        read_at = at[self.reads_input]  # where the input comes in, and each vertex is computed
        vertex = self.vertex.astype(np.int64)
        made = np.sort(np.concatenate([ROOT * steps + read_at, vertex * steps + at]))
        parent = self.tree.parent[vertex].astype(np.int64)
        source = made[np.searchsorted(made, parent * steps + at, side="right") - 1]
        made_in = stage[source % steps]
        crosses = made_in < stage
        written, place = np.unique(source[crosses], return_inverse=True)
        read = np.unique(place * len(self.stage_start) + stage[crosses])
        writers = written // steps
        readers = writers[read // len(self.stage_start)]
        return float(size[readers].sum() + size[writers].sum()) / 2

    def stages(self) -> list[list[Step]]:
        """The steps, stage by stage."""
        tree, models = self.tree, self.tree.models_at()
        passing = self.reads_input & self.is_last_use_of_parent
        computing_bytes = tree.computing_bytes(self.vertex) + passing * tree.size_bytes[ROOT]
        steps = [
            Step(
                vertex=v,
                parent=int(tree.parent[v]),
                block=tree.hash_of(v),
                models=() if is_repeat else models.get(v, ()),
                reads_input=reads,
                is_last_use_of_parent=is_last,
                keeps_output=keeps,
                computing_bytes=adds,
            )
            for v, is_repeat, reads, is_last, keeps, adds in zip(
                self.vertex.tolist(),
                self.is_repeat.tolist(),
                self.reads_input.tolist(),
                self.is_last_use_of_parent.tolist(),
                self.keeps_output.tolist(),
                computing_bytes.tolist(),
                strict=True,
            )
        ]
        bounds = self.stage_start.tolist()
        return [steps[first:last] for first, last in pairwise(bounds)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Footprint:
    """Bytes of intermediates per item, by stage: arrays [stages]."""

    before: NDArray[np.int64]
    """Held for a batch that has not been through the stage yet."""
    after: NDArray[np.int64]
    """Held for a batch that has been through it."""
    within: NDArray[np.int64]
    """The most that is held for a batch while it goes through."""
    at_work: NDArray[np.int64]
    """The same with what blocks need for themselves while they compute."""
    crossing_bytes: float
    """Bytes per item that go from stage to stage (of all stages together): half of what is
    written for later stages and of what those read, so that what one of them reads once counts
    with its size, however long it waits."""

    def pass_bytes(
        self, items: int, largest_batch: int, *, in_place: bool = True, with_scratch: bool = False
    ) -> int:
        """Bytes that a pass over ``items`` items in batches holds at most.

        At any moment one batch is within a stage, those before it hold what the stage
        leaves, those after it what the stage found: a parent gives way to its last child
        batch by batch. Unless that is counted on (``in_place``), parents and children are
        taken to stand whole together. Scratch memory is that of one batch.
        """
        of_others = np.maximum(self.before, self.after) if in_place else self.within
        of_one = self.at_work if with_scratch else self.within
        return int(np.max((items - largest_batch) * of_others + largest_batch * of_one))

    @property
    def peak_bytes(self) -> int:
        """Bytes per item of parents and children that stand whole together, with the scratch
        memory where all of it is one stage, so that it is of as many items."""
        return int(self.at_work[0] if len(self.at_work) == 1 else self.within.max())


@dataclass(frozen=True, kw_only=True, slots=True)
class ExecutionPlan:
    """What one extraction does: a layout of stages, and the batches that each pass takes."""

    layout: Layout
    passes: Sequence[Sequence[int]]
    """Batches by number; every batch goes through the whole tree in its pass."""
    traversal: Traversal
    cache_bytes: int
    """Bytes of intermediates that a pass needs at most, as planned."""
    work_bytes: int
    """The same with the scratch memory of blocks."""
    parameter_bytes: int
    """Bytes of parameters that must be resident together: those of the largest stage."""

    @property
    def schedule(self) -> str:
        """``block_major``, ``batch_major`` or ``mixed``: what the stages amount to."""
        stages = len(self.layout.stage_start) - 1
        if stages == 1:
            return "batch_major"
        return "block_major" if stages == len(self.layout.vertex) else "mixed"

    def summary(self) -> dict[str, object]:
        """What was chosen, in plain values, for a record."""
        return {
            "schedule": self.schedule,
            "stages": len(self.layout.stage_start) - 1,
            "passes": len(self.passes),
            "batches_per_pass": max(len(numbers) for numbers in self.passes),
            "executions_again": int(self.layout.is_repeat.sum()),
            "traversal": self.traversal.name,
            "traversal_is_optimal": self.traversal.is_optimal,
            "traversal_reason": self.traversal.reason,
            "peak_bytes_per_item": self.traversal.peak_bytes,
            "cache_bytes": self.cache_bytes,
            "work_bytes": self.work_bytes,
            "parameter_bytes": self.parameter_bytes,
        }


def lay_out(tree: TaskTree, order: NDArray[np.int32], stage_start: NDArray[np.int64]) -> Layout:
    """Every vertex once, in ``order`` [V], the root first; what is needed later is kept."""
    vertex = order[1:]
    place = np.empty(len(tree), dtype=np.int64)
    place[order] = np.arange(-1, len(tree) - 1)
    last_use = np.full(len(tree), -1, dtype=np.int64)
    np.maximum.at(last_use, tree.parent[vertex], place[vertex])
    parent = tree.parent[vertex]
    reads_input = np.zeros(len(vertex), dtype=bool)
    reads_input[0] = True
    return Layout(
        tree=tree,
        vertex=vertex,
        reads_input=reads_input,
        is_last_use_of_parent=last_use[parent] == place[vertex],
        keeps_output=last_use[vertex] >= 0,
        is_repeat=np.zeros(len(vertex), dtype=bool),
        stage_start=stage_start,
    )


def lay_out_again(layout: Layout, not_kept: frozenset[int]) -> Layout:
    """The same stages, where the vertices ``not_kept`` do not stay from stage to stage.

    A later stage that needs one computes it again, from its nearest ancestor that is there,
    or from the input. The input is read again where it is among ``not_kept``, and where it
    is streamed (its size in the tree is zero). ``layout`` computes every vertex once.
    """
    tree = layout.tree
    parent, has_features = tree.parent.tolist(), set(tree.model_vertex.tolist())
    order, starts = layout.vertex.tolist(), layout.stage_start.tolist()
    steps: list[tuple[int, bool]] = []  # vertex, whether it is a repeat
    stage_start = [0]
    there: set[int] = set()
    done: set[int] = set()
    for first, last in pairwise(starts):
        stage = order[first:last]
        read_here = {parent[v] for v in stage}
        there -= not_kept
        for v in stage:
            if v in not_kept and v not in read_here and v not in has_features:
                continue  # it would be gone before anybody reads it
            missing = [v] if v not in there else []
            above = parent[v]
            while above != ROOT and above not in there:
                missing.append(above)
                above = parent[above]
            steps += [(u, u in done) for u in reversed(missing)]
            there.update(missing)
            done.update(missing)
        if len(steps) > stage_start[-1]:
            stage_start.append(len(steps))
    reads_again = ROOT in not_kept or not tree.size_bytes[ROOT]
    return _with_last_uses(tree, steps, np.array(stage_start), reads_again)


def _with_last_uses(
    tree: TaskTree,
    steps: list[tuple[int, bool]],
    stage_start: NDArray[np.int64],
    reads_input_again: bool,
) -> Layout:
    """From the back: the last use of a result is the last before it is computed anew."""
    parent = tree.parent.tolist()
    starts = set(stage_start[:-1].tolist())
    count = len(steps)
    is_last, keeps, reads = [False] * count, [False] * count, [False] * count
    used: set[int] = set()
    for i in reversed(range(count)):
        v, above = steps[i][0], parent[steps[i][0]]
        keeps[i] = v in used
        used.discard(v)
        is_last[i] = above not in used
        used.add(above)
        if reads_input_again and i in starts:
            used.discard(ROOT)
    root_is_there = False
    for i, (v, _) in enumerate(steps):
        if i in starts and reads_input_again:
            root_is_there = False
        if parent[v] == ROOT:
            reads[i] = not root_is_there
            root_is_there = not is_last[i]
    return Layout(
        tree=tree,
        vertex=np.array([v for v, _ in steps], dtype=np.int32),
        reads_input=np.array(reads),
        is_last_use_of_parent=np.array(is_last),
        keeps_output=np.array(keeps),
        is_repeat=np.array([is_repeat for _, is_repeat in steps]),
        stage_start=stage_start,
    )
