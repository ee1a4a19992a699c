"""One search in progress: extracting, scoring, and keeping the evidence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Self

import numpy as np
import torch
from torch import Tensor

from systems.api import ModelAnswer, SearchOptions, SearchRequest, SearchResult, rank
from systems.data.transform import Transform
from systems.execution.engine import Engine, Program, write_out
from systems.execution.features import FeatureStore
from systems.planning.planner import Costs, make_plan
from systems.planning.task_tree import TaskTree, build_task_tree
from systems.scoring.fingerprint import fingerprint
from systems.scoring.heads import HeadTask
from systems.substrate import Substrate

_Part = tuple[Transform, Program]


class SearchSession:
    """The steps that all systems are made of; a system decides which, and in which order."""

    def __init__(self, request: SearchRequest, substrate: Substrate) -> None:
        self.substrate = substrate
        self.options: SearchOptions = request.options
        self._tracer = substrate.tracer
        self._features = FeatureStore()
        self._answers: dict[str, ModelAnswer] = {}
        self._round_models: list[tuple[str, ...]] = []
        self.work = 0
        """Features (items × models) that the search will extract; for progress."""
        self.stage = ""
        """What the system is at, for a person."""
        self._extracted = 0
        with self._tracer.span("plan"):
            self.schedule = substrate.schedule(len(request.model_ids))
            self._refs = {
                ref.hash: ref for m in request.model_ids for ref in substrate.models[m].blocks
            }
            substrate.build_skeletons(self._refs.values())
            profiles = {block: substrate.profile(ref) for block, ref in self._refs.items()}
            self._output_bytes = {block: p.output_bytes for block, p in profiles.items()}
            self._scratch_bytes = {block: p.scratch_bytes for block, p in profiles.items()}
            self._blocks = substrate.block_source(
                keep=request.options.keep_blocks,
                prefetch=request.options.prefetch,
                ahead_bytes=request.options.prefetch_budget_bytes,
            )
            self._engine = Engine(
                blocks=self._blocks,
                operations={block: p.operations for block, p in profiles.items()},
                tracer=substrate.tracer,
            )
            train = substrate.split.train
            segments = [
                substrate.split.test,
                *(train[c.start : c.stop] for c in self.schedule.chunks),
            ]
            self._largest_batch = max(len(substrate.cut(items)[0]) for items in segments)
            self._planning = request.options.planning(memory_bytes=self._memory_budget())
            self._loader = substrate.loader(
                {substrate.transform_of(m) for m in request.model_ids},
                decode_once=request.options.decode_once,
            )
            self._scorer = substrate.scorer()
            labels = torch.from_numpy(substrate.dataset.labels)
            self._train_labels = labels[substrate.split.train].to(substrate.settings.device)
            self._test_labels = labels[substrate.split.test].to(substrate.settings.device)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End what works in the background, however the search ended."""
        self._blocks.close()

    def extract(
        self, groups: Sequence[Sequence[str]], *, with_test: bool, chunk: range
    ) -> Iterator[Sequence[str]]:
        """Extract features of a chunk of the train items, and of the test items where asked.

        Group by group, and each is yielded when it is done. The models of a group are laid
        together in one task tree, so that they share what they have in common (those with
        other inputs in another tree); groups share nothing. All of their order is known from
        the start, so that blocks can be fetched ahead. ``chunk`` counts train items in their
        order.
        """
        split = self.substrate.split
        test = self.substrate.cut(split.test) if with_test else []
        train = [
            batch
            for part in self._parts(chunk)
            for batch in self.substrate.cut(split.train[part.start : part.stop])
        ]
        batches: list[np.ndarray] = [*test, *train]
        with self._tracer.span("plan"):
            planned = [
                (group, [self._plan(alike, batches) for alike in self._by_transform(group)])
                for group in groups
            ]
            programs = [program for _, parts in planned for _, program in parts]
            self._blocks.expect(
                [blocks for program in programs for blocks in program.blocks],
                budget_bytes=self._parameter_budget(programs),
            )

        def emit(model_id: str, number: int, features: Tensor) -> None:
            self._features.add(model_id, features.float(), is_test=number < len(test))
            self._tracer.count("items_inferred", len(features))
            self._extracted += len(features)
            self._tracer.progress(step=self._extracted, steps=self.work, what=self.stage)

        # No other call is over this chunk: what is prepared need not outlive its last plan.
        last = {transform.compact: part for _, parts in planned for transform, part in parts}
        for group, parts in planned:
            for transform, program in parts:
                inputs = self._loader.batches(
                    [batches[number] for number in program.inputs],
                    transform=transform,
                    is_last_use=last[transform.compact] is program,
                )
                self._engine.run(program, inputs, emit)
            yield group

    def _parts(self, chunk: range) -> list[range]:
        """Which train items are cut into batches together."""
        if not self.substrate.settings.cuts_by_chunk:
            return [chunk]
        ends = [(max(c.start, chunk.start), min(c.stop, chunk.stop)) for c in self.schedule.chunks]
        return [range(start, stop) for start, stop in ends if start < stop]

    def _plan(self, model_ids: Sequence[str], batches: Sequence[np.ndarray]) -> _Part:
        """What to do for models with the same inputs."""
        transform = self.substrate.transform_of(model_ids[0])
        tree = build_task_tree(
            self.substrate.block_hashes(model_ids),
            output_bytes=self._output_bytes,
            input_bytes=self.substrate.input_bytes(transform),
            scratch_bytes=self._scratch_bytes,
        )
        plan = make_plan(
            tree,
            self._planning,
            batch_items=[len(items) for items in batches],
            costs=self._costs(tree, transform),
            # Systems that do not halve cut all train items in one go.
            largest_batch=max(self._largest_batch, *map(len, batches)),
        )
        self._tracer.peak("planned_cache_bytes", plan.cache_bytes)
        if len(model_ids) > 1:
            hardware = self.substrate.cost_model.hardware
            self._tracer.decide(
                "plan",
                models=len(model_ids),
                **plan.summary(),
                hardware=hardware.name,
                hardware_is_a_guess=hardware.is_fallback,
            )
        return transform, write_out(plan)

    def _parameter_budget(self, programs: Sequence[Program]) -> int | None:
        """What the memory budget leaves for parameters beside all else."""
        memory_bytes = self._planning.memory_budget_bytes
        if memory_bytes is None:
            return None
        return memory_bytes - max(program.work_bytes for program in programs)

    def _costs(self, tree: TaskTree, transform: Transform) -> Costs:
        substrate, items = self.substrate, self._largest_batch
        refs = [self._refs[block] for block in tree.block_hashes]
        model = substrate.cost_model
        input_item_s = model.prepare_s(substrate.input_bytes(transform))
        if not self.options.decode_once:
            input_item_s += model.decode_s(1)
        return Costs(
            parameter_bytes=np.array([substrate.resident_bytes(r) for r in refs], np.int64),
            item_s=np.array([model.execution_s(substrate.profile(r), items) / items for r in refs]),
            input_item_s=input_item_s,
            model=model,
            resident=np.isin(tree.block_hashes, sorted(self._blocks.resident())),
        )

    def _by_transform(self, model_ids: Sequence[str]) -> list[list[str]]:
        alike: dict[Transform, list[str]] = {}
        for model_id in model_ids:
            alike.setdefault(self.substrate.transform_of(model_id), []).append(model_id)
        return list(alike.values())

    def _memory_budget(self) -> int | None:
        """What is given, or, where the planner has a choice to make, what the machine has."""
        given_bytes = self.options.memory_budget_bytes
        if given_bytes is None and self.options.schedule == "auto":
            return self.substrate.available_bytes()
        return given_bytes

    def score(self, model_ids: Sequence[str], *, round_number: int) -> dict[str, float]:
        """Train and evaluate heads on all features so far; keep the answers."""
        if round_number > len(self._round_models):
            self._round_models.append(())
        self._round_models[round_number - 1] += tuple(model_ids)
        size = len(model_ids) if self.options.batched_heads else 1
        scores: dict[str, float] = {}
        for start in range(0, len(model_ids), size):
            group = model_ids[start : start + size]
            with self._tracer.span("proxy_scoring", items=len(group)):
                tasks = [
                    HeadTask(model_id=m, train=self._features.train(m), test=self._features.test(m))
                    for m in group
                ]
                seen = len(tasks[0].train)
                correct = self._scorer.correct(tasks, self._train_labels[:seen], self._test_labels)
                scores |= {
                    m: count / len(self._test_labels)
                    for m, count in zip(group, correct, strict=True)
                }
        # No load ahead begins while the clock stands still.
        with self._blocks.paused(), self._tracer.excluded():
            for m in model_ids:
                self._keep_answer(m, scores[m], round_number)
        return scores

    def forget(self, model_ids: Sequence[str]) -> None:
        """Forget the features of these models: they have been scored for good."""
        with self._tracer.span("cache"):
            self._features.forget(model_ids)

    def retain(self, model_ids: Sequence[str]) -> None:
        """Forget the features, drop the blocks and expect none that only other models need."""
        with self._tracer.span("cache"):
            self._features.retain(model_ids)
            self._loader.retain({self.substrate.transform_of(m) for m in model_ids})
            needed = self.substrate.block_hashes(model_ids).values()
            self._blocks.retain({block for hashes in needed for block in hashes})

    def result(self) -> SearchResult:
        """The ranking of all models scored so far."""
        return SearchResult(
            ranking=rank(list(self._answers.values())), round_models=self._round_models
        )

    def _keep_answer(self, model_id: str, score: float, round_number: int) -> None:
        train = self._features.train(model_id)
        earlier = self._answers.get(model_id)
        segments = (
            dict(earlier.segments)
            if earlier
            else {"test": fingerprint(self._features.test(model_id))}
        )
        for number, chunk in enumerate(self.schedule.chunks, 1):
            if f"chunk_{number}" not in segments and chunk.stop <= len(train):
                segments[f"chunk_{number}"] = fingerprint(train[chunk.start : chunk.stop])
        self._answers[model_id] = ModelAnswer(
            model_id=model_id,
            score=score,
            round=round_number,
            train_items=len(train),
            segments=segments,
        )
