"""What all systems share: store, blocks, data, batches, head training and the tracer.

Systems differ only in what they share between models and in which order they work; all
that could make one of them faster without that stands here, for all alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch

from systems.data.datasets import Dataset
from systems.data.halving import HalvingSchedule, cut, halving_schedule
from systems.data.loader import BatchLoader
from systems.data.split import Split
from systems.execution.blocks import BlockSource, RunnableBlock
from systems.models.profile import BlockProfile
from systems.models.skeleton import SkeletonPool
from systems.scoring.heads import HeadTrainer, head_training
from systems.store.store import BlockRef, BlockStore, StoredModel
from systems.tracing import Tracer

MemoryFormat = Literal["channels_last", "contiguous"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """What a scenario fixes for all systems alike; part of every run's identity."""

    batch_size: int
    scorer: str = "linear"
    device: str = "cpu"
    memory_format: MemoryFormat = "channels_last"
    data_workers: int = 0
    """Threads that decode ahead; 0 decodes in line."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Substrate:
    """The ground of one search in one process."""

    store: BlockStore
    models: Mapping[str, StoredModel]
    profiles: Mapping[str, BlockProfile]
    """By block architecture, for the size of this search's inputs."""
    input_bytes: int
    """Bytes of one prepared item."""
    dataset: Dataset
    split: Split
    settings: Settings
    tracer: Tracer
    skeletons: SkeletonPool = field(default_factory=SkeletonPool)

    def loader(self, *, decode_once: bool) -> BatchLoader:
        """A loader that has decoded nothing yet."""
        return BatchLoader(
            self.dataset,
            decode_once=decode_once,
            workers=self.settings.data_workers,
            device=self.settings.device,
            memory_format=self._torch_memory_format,
            tracer=self.tracer,
        )

    def block_source(self) -> BlockSource:
        """A source of runnable blocks with nothing resident yet."""
        refs = {ref.hash: ref for model in self.models.values() for ref in model.blocks}
        return BlockSource(refs, load=self._load, tracer=self.tracer)

    def schedule(self, models: int) -> HalvingSchedule:
        """The halving schedule for that many models over this split's train items."""
        return halving_schedule(models, train_items=len(self.split.train))

    def cut(self, items: np.ndarray) -> list[np.ndarray]:
        """``items`` in order, in batches of the scenario's size."""
        return cut(items, self.settings.batch_size)

    def head_trainer(self) -> HeadTrainer:
        """The scorer that the scenario names."""
        training = head_training(self.settings.scorer, minibatch_items=self.settings.batch_size)
        return HeadTrainer(training, classes=len(self.dataset.classes))

    def block_hashes(self, model_ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Block hashes in order, by model."""
        return {m: tuple(ref.hash for ref in self.models[m].blocks) for m in model_ids}

    def profile(self, ref: BlockRef) -> BlockProfile:
        """Sizes and operations of a stored block."""
        return self.profiles[ref.architecture]

    @property
    def _torch_memory_format(self) -> torch.memory_format:
        if self.settings.memory_format == "channels_last":
            return torch.channels_last
        return torch.contiguous_format

    def _load(self, ref: BlockRef) -> RunnableBlock:
        return self.skeletons.skeleton(ref.architecture).bind(
            self.store.read_block(ref.hash),
            device=self.settings.device,
            memory_format=self._torch_memory_format,
        )
