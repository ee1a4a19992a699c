"""A search without running it: the seconds of its phases, by the cost model.

The rounds, the halving schedule, the task trees and the execution plans are those of a real
search; only the steps are not carried out but priced. Which models survive a round is not
known beforehand: survivors are drawn, and the mean over some draws is what is predicted.
No torch in here.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from systems.errors import ConfigurationError
from systems.planning.cost_model import CostModel, Scoring
from systems.planning.plan import ExecutionPlan
from systems.planning.planner import Costs, make_plan
from systems.planning.search import SearchShape, Strategy
from systems.planning.simulated_reads import SimulatedReads
from systems.planning.task_tree import tree_of_rows
from systems.tracing import Phase

DRAWS = 5
"""Draws of survivors whose mean is predicted."""
SIMULATED_PHASES: tuple[Phase, ...] = (
    "prepare_data", "prepare_model", "inference", "proxy_scoring", "plan", "cache",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Prediction:
    """What a search would take."""

    phases_s: Mapping[str, float]
    """Seconds by phase on the critical path."""
    bytes_read: float
    items_decoded: float
    block_executions: float
    """Blocks over batches."""
    operations: float
    """Floating-point operations of inference."""
    model: CostModel

    @property
    def wall_s(self) -> float:
        """The sum of the phases."""
        return sum(self.phases_s.values())


def predict(
    search: SearchShape,
    strategy: Strategy,
    model: CostModel,
    *,
    draws: int = DRAWS,
    ranking: Sequence[int] | None = None,
) -> Prediction:
    """The phase times of a search.

    Args:
        draws: over how many random orders of elimination the mean is taken.
        ranking: instead of that, the order if it is known: model numbers, best first.

    Raises:
        ConfigurationError: a budget of the plan does not hold one batch, or ``draws`` < 1.
    """
    if draws < 1:
        raise ConfigurationError(f"draws is {draws}; a mean is taken over at least 1.")
    random, models = np.random.default_rng(0), len(search.rows)
    if ranking is not None:
        orders = [np.asarray(ranking)]
    else:
        orders = [random.permutation(models) for _ in range(draws if strategy.halves else 1)]
    runs = [_Run(search, strategy, model, order).carry_out() for order in orders]

    def mean(value: Callable[[_Run], float]) -> float:
        return math.fsum(map(value, runs)) / len(runs)

    return Prediction(
        phases_s={p: mean(lambda run, p=p: run.phases_s[p]) for p in SIMULATED_PHASES},  # type: ignore[misc]
        bytes_read=mean(lambda run: run.reads.bytes),
        items_decoded=mean(lambda run: run.items_decoded),
        block_executions=mean(lambda run: run.block_executions),
        operations=mean(lambda run: run.operations),
        model=model,
    )


class _Run:
    """One search with one order of elimination."""

    def __init__(
        self, search: SearchShape, strategy: Strategy, model: CostModel, order: np.ndarray
    ) -> None:
        self._search = search
        self._strategy = strategy
        self._model = model
        self._order = order  # best model first
        hardware = model.hardware
        self._workers = (
            hardware.data_workers if search.data_workers is None else search.data_workers
        )
        # A model with a file of its own shares none of its bytes with another one.
        self._own_files = hardware.model_file_bytes_per_s is not None and not strategy.shares
        self.phases_s: dict[str, float] = dict.fromkeys(SIMULATED_PHASES, 0.0)
        self.items_decoded = 0
        self.block_executions = 0
        self.operations = 0
        self._decoded: set[str] = set()
        parameters = [p.parameter_bytes for p in search.profiles]
        self._parameter_bytes = np.array(parameters, np.int64)[search.kind]
        sizes = self._parameter_bytes.tolist()
        self.reads = SimulatedReads(
            model,
            size_of=lambda number: sizes[number % len(sizes)],
            keep=strategy.keep_blocks,
            page_cache_bytes=hardware.page_cache_bytes,
            in_model_files=self._own_files,
        )
        outputs = [p.output_bytes for p in search.profiles]
        self._output_bytes = np.array(outputs, np.int64)[search.kind]
        scratch = [p.scratch_bytes for p in search.profiles]
        self._scratch_bytes = np.array(scratch, np.int64)[search.kind]
        segments = [search.test_items, *map(len, search.schedule.chunks)]
        largest = max(items for segment in segments for items in search.batches(segment))
        self._largest_batch = largest
        items_s = [model.execution_s(p, largest) / largest for p in search.profiles]
        inputs = [p.input_bytes for p in search.profiles]
        self._input_bytes = np.array(inputs, np.int64)[search.kind[search.rows[:, 0]]]  # [M]
        self._costs = Costs(
            parameter_bytes=self._parameter_bytes,
            item_s=np.array(items_s)[search.kind],
            input_item_s=model.prepare_s(int(self._input_bytes[0])),
            model=model,
        )

    def carry_out(self) -> _Run:
        search, schedule = self._search, self._search.schedule
        test = ("test", search.test_items)
        if not self._strategy.halves:
            everything = [test, ("train", search.train_items)]
            for group in self._groups(self._order.tolist()):
                self._extract([group], everything)
                self._score(group, search.train_items)
                self.reads.retain(())
            if self._strategy.prefetch:
                self._hide_reads(dict.fromkeys(SIMULATED_PHASES, 0.0))
            return self
        for number, (count, chunk) in enumerate(
            zip(schedule.model_counts, schedule.chunks, strict=True)
        ):
            if number and count == 1 and self._strategy.stop_when_decided:
                break
            survivors = self._order[:count].tolist()
            segment = (f"chunk {number}", len(chunk))
            before_s = dict(self.phases_s)
            groups = list(self._groups(survivors))
            self._extract(groups, [segment] if number else [test, segment])
            if self._strategy.prefetch:  # the last block is read before anything is scored
                self._hide_reads(before_s)
            self._score(survivors, chunk.stop)
            self.reads.retain(search.rows[self._order[: max(1, count // 2)]].ravel().tolist())
        return self

    def _groups(self, survivors: Sequence[int]) -> Iterator[list[int]]:
        """Models that are laid together: of those that share, those with the same inputs."""
        if not self._strategy.shares:
            yield from ([m] for m in survivors)
            return
        for size in np.unique(self._input_bytes[survivors]):
            yield [m for m in survivors if self._input_bytes[m] == size]

    def _extract(
        self, groups: Sequence[Sequence[int]], segments: Sequence[tuple[str, int]]
    ) -> None:
        batches = [items for _, count in segments for items in self._search.batches(count)]
        plans = [self._plan(group, batches) for group in groups]
        stages = [self._stages(plan, group[0]) for plan, group in zip(plans, groups, strict=True)]
        passes = [len(plan.passes) for plan in plans]
        budget_bytes = self._strategy.planning.memory_budget_bytes
        if budget_bytes is not None:
            budget_bytes -= max(plan.work_bytes for plan in plans)
        self.reads.expect(list(zip(stages, passes, strict=True)), budget_bytes=budget_bytes)
        for group, plan, needed in zip(groups, plans, stages, strict=True):
            before_s = self.reads.seconds
            self.reads.go_through(needed, len(plan.passes))
            self.phases_s["prepare_model"] += self.reads.seconds - before_s
            inference_s = self._execute(plan, batches)
            self._prepare_data(plan, segments, int(self._input_bytes[group[0]]), inference_s)

    def _plan(self, models: Sequence[int], batches: Sequence[int]) -> ExecutionPlan:
        tree = tree_of_rows(
            self._search.rows[models],
            output_bytes=self._output_bytes,
            input_bytes=int(self._input_bytes[models[0]]),
            scratch_bytes=self._scratch_bytes,
        )
        resident = np.zeros(len(self._parameter_bytes), dtype=bool)
        resident[self.reads.resident()] = True
        costs = replace(self._costs, resident=resident)
        self.phases_s["plan"] += len(tree) * self._model.hardware.plan_vertex_s
        return make_plan(
            tree, self._strategy.planning, batch_items=batches, costs=costs,
            largest_batch=max(self._largest_batch, *batches),
        )  # fmt: skip

    def _stages(self, plan: ExecutionPlan, first_model: int) -> list[list[int]]:
        """The numbers of each stage's blocks, in the order of their first use."""
        blocks = plan.layout.tree.block[plan.layout.vertex].astype(np.int64)
        if self._own_files:  # a model's blocks are no other's
            blocks += (first_model + 1) * len(self._parameter_bytes)
        numbers, bounds = blocks.tolist(), plan.layout.stage_start.tolist()
        return [list(dict.fromkeys(numbers[a:b])) for a, b in itertools.pairwise(bounds)]

    def _execute(self, plan: ExecutionPlan, batches: Sequence[int]) -> float:
        """Seconds of inference, which are added up too."""
        kinds = self._search.kind[plan.layout.tree.block[plan.layout.vertex]]
        seconds = 0.0
        for kind, times in Counter(kinds.tolist()).items():
            profile = self._search.profiles[kind]
            for items, repeats in Counter(batches).items():
                seconds += times * repeats * self._model.execution_s(profile, items)
            self.operations += times * profile.operations * sum(batches)
        executions = len(kinds) * len(batches)
        self.block_executions += executions
        self.phases_s["inference"] += seconds
        self.phases_s["cache"] += executions * self._model.hardware.bookkeeping_s
        return seconds

    def _prepare_data(
        self,
        plan: ExecutionPlan,
        segments: Sequence[tuple[str, int]],
        input_bytes: int,
        inference_s: float,
    ) -> None:
        model = self._model
        times_read = int(plan.layout.reads_input.sum())
        items = sum(count for _, count in segments)
        new_items = items * times_read
        if self._strategy.decode_once:
            new_items = sum(count for name, count in segments if name not in self._decoded)
            self._decoded.update(name for name, _ in segments)
        self.items_decoded += new_items
        decode_s = model.decode_s(new_items)
        if self._workers:
            # Decoding goes on beside inference, and is waited for where it is slower.
            decode_s = max(0.0, decode_s / self._workers - inference_s)
            decode_s += len(segments) * model.hardware.loader_start_s
        self.phases_s["prepare_data"] += decode_s + model.prepare_s(
            input_bytes * items * times_read
        )

    def _score(self, models: Sequence[int], train_items: int) -> None:
        search = self._search
        scoring = Scoring(
            train_items=train_items,
            test_items=search.test_items,
            features=search.features,
            classes=search.classes,
            minibatch_items=search.batch_size,
        )
        if self._strategy.batched_heads:
            seconds = self._model.score_s(scoring, heads=len(models))
        else:
            seconds = len(models) * self._model.score_s(scoring)
        self.phases_s["proxy_scoring"] += seconds

    def _hide_reads(self, before_s: Mapping[str, float]) -> None:
        """Reading ahead: of the reads, what is longer than all else since then is waited for."""
        spent_s = {phase: self.phases_s[phase] - before_s[phase] for phase in SIMULATED_PHASES}
        reads_s = spent_s["prepare_model"]
        beside_s = spent_s["inference"] + spent_s["proxy_scoring"] + spent_s["prepare_data"]
        waited_s = min(reads_s, max(reads_s - beside_s, self._first_read_s()))
        self.phases_s["prepare_model"] = before_s["prepare_model"] + waited_s

    def _first_read_s(self) -> float:
        """Nothing runs beside the first read."""
        return self._model.load_s(int(self._parameter_bytes[self._search.rows[0, 0]]))
