"""One search in progress: extracting, scoring, and keeping the evidence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from systems.api import ModelAnswer, SearchOptions, SearchRequest, SearchResult, rank
from systems.execution.engine import Engine
from systems.execution.features import FeatureStore
from systems.planning.plan import make_plan
from systems.planning.task_tree import build_task_tree
from systems.scoring.fingerprint import fingerprint
from systems.scoring.heads import HeadTask
from systems.substrate import Substrate


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
            refs = {ref for m in request.model_ids for ref in substrate.models[m].blocks}
            profiles = {ref.hash: substrate.profile(ref) for ref in refs}
            self._output_bytes = {block: p.output_bytes for block, p in profiles.items()}
            self._blocks = substrate.block_source()
            self._engine = Engine(
                blocks=self._blocks,
                operations={block: p.operations for block, p in profiles.items()},
                keep_blocks=request.options.keep_blocks,
                tracer=substrate.tracer,
            )
            train = substrate.split.train
            segments = [
                substrate.split.test,
                *(train[c.start : c.stop] for c in self.schedule.chunks),
            ]
            self._largest_batch = max(len(substrate.cut(items)[0]) for items in segments)
            self._loader = substrate.loader(decode_once=request.options.decode_once)
            self._trainer = substrate.head_trainer()
            labels = torch.from_numpy(substrate.dataset.labels)
            self._train_labels = labels[substrate.split.train].to(substrate.settings.device)
            self._test_labels = labels[substrate.split.test].to(substrate.settings.device)

    def extract(self, model_ids: Sequence[str], *, with_test: bool, chunk: range) -> None:
        """Extract features of a chunk of the train items, and of the test items where asked.

        The models are laid together in one task tree, so that they share what they have
        in common. ``chunk`` counts train items in their order.
        """
        split = self.substrate.split
        test = self.substrate.cut(split.test) if with_test else []
        train = self.substrate.cut(split.train[chunk.start : chunk.stop])
        batches: list[np.ndarray] = [*test, *train]
        with self._tracer.span("plan"):
            tree = build_task_tree(
                self.substrate.block_hashes(model_ids),
                output_bytes=self._output_bytes,
                input_bytes=self.substrate.input_bytes,
            )
            plan = make_plan(
                tree,
                batch_items=[len(items) for items in batches],
                schedule=self.options.schedule,
                cache_budget_bytes=self.options.cache_budget_bytes,
                largest_batch=self._largest_batch,
            )

        def emit(model_id: str, number: int, features: Tensor) -> None:
            self._features.add(model_id, features, is_test=number < len(test))
            self._tracer.count("items_inferred", len(features))
            self._extracted += len(features)
            self._tracer.progress(step=self._extracted, steps=self.work, what=self.stage)

        self._engine.run(plan, batches, self._loader, emit)

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
                correct = self._trainer.correct(tasks, self._train_labels[:seen], self._test_labels)
                scores |= {
                    m: count / len(self._test_labels)
                    for m, count in zip(group, correct, strict=True)
                }
        with self._tracer.excluded():
            for m in model_ids:
                self._keep_answer(m, scores[m], round_number)
        return scores

    def retain(self, model_ids: Sequence[str]) -> None:
        """Forget the features, and drop the blocks, that only other models need."""
        with self._tracer.span("cache"):
            self._features.retain(model_ids)
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
