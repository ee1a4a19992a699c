"""What all systems share: store, blocks, data, batches, head training and the tracer.

Systems differ only in what they share between models and in which order they work; all
that could make one of them faster without that stands here, for all alike.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from systems.data.datasets import Dataset
from systems.data.decoded_items import DecodedItems
from systems.data.halving import HalvingSchedule, cut, halving_schedule
from systems.data.item_source import ItemSource
from systems.data.loader import BatchLoader
from systems.data.model_inputs import InputMaker
from systems.data.part_inputs import PartInputs
from systems.data.part_loader import PartLoader
from systems.data.split import Split
from systems.data.transform import Transform
from systems.execution.block_loading import BlockLoading
from systems.execution.blocks import BlockSource
from systems.execution.memory import available_bytes
from systems.models.profile import BlockProfile
from systems.models.skeleton import SkeletonPool
from systems.planning.cost_model import CostModel
from systems.scoring.registry import load_scorer
from systems.scoring.scorer import Scorer
from systems.store.store import BlockRef, BlockStore, StoredModel
from systems.tracing import Tracer

DECODED_SHARE = 0.25
"""Of the memory that parameters and intermediates may take; what decoded items get."""

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
    decoded_budget_bytes: int | None = None
    """Decoded items that ``decode_once`` keeps in memory; what is more goes to a temporary
    file. None: as much as the free memory allows."""
    cuts_by_chunk: bool = False
    """Whether a system that takes several halving chunks at once cuts its batches at their
    ends too, as halving systems do: in reduced precision other batches give other numbers."""
    memory_limit_bytes: int | None = None
    """The most memory that the process may take on the device; None where nothing limits it."""
    host_limit_bytes: int | None = None
    """The same beside the device; on the processor it is one and the same memory."""
    head_classes: int | None = None
    """Outputs of the scoring layer; None for the dataset's classes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Substrate:
    """The ground of one search in one process."""

    store: BlockStore
    models: Mapping[str, StoredModel]
    profiles: Mapping[str, BlockProfile]
    """By block architecture, for the size of this search's inputs."""
    transforms: Mapping[str, Transform]
    """By model, what it wants items to be made into."""
    dataset: Dataset
    split: Split
    settings: Settings
    tracer: Tracer
    scratch: Path
    """Folder for temporary files: on a disk, not in memory."""
    skeletons: SkeletonPool = field(default_factory=SkeletonPool)
    """They say how blocks compute: number type, folding, compilation."""
    cost_model: CostModel = field(default_factory=CostModel)
    """What planning compares ways of doing the same work by; never what is computed."""
    part_inputs: Mapping[Transform, PartInputs] = field(default_factory=dict)
    """For models of which only a part is run, by what they want items to be made into."""

    def loader(
        self, transforms: Collection[Transform], *, decode_once: bool
    ) -> BatchLoader | PartLoader:
        """A loader of batches in these forms, no item of which has been decoded yet."""
        kept = None
        if decode_once:
            kept = DecodedItems(budget_bytes=self._decoded_budget_bytes(), folder=self.scratch)
        # Tokenising holds the interpreter's lock, and a search on the CPU leaves no core idle:
        # threads would only be in the way.
        is_inline = self.dataset.modality == "text" and self.settings.device == "cpu"
        decoded = [each for each in transforms if each not in self.part_inputs]
        loader = BatchLoader(
            ItemSource(self.dataset, transforms=decoded, kept=kept),
            InputMaker(
                device=self.settings.device,
                memory_format=self.torch_memory_format,
                number_type=self.skeletons.number_type,
            ),
            workers=0 if is_inline else self.settings.data_workers,
            tracer=self.tracer,
        )
        if not self.part_inputs:
            return loader
        return PartLoader(loader, self.part_inputs, tracer=self.tracer)

    def transform_of(self, model_id: str) -> Transform:
        """What a model wants items to be made into; models of equal ones share batches."""
        return self.transforms[model_id]

    def input_bytes(self, transform: Transform) -> int:
        """Bytes of one prepared item."""
        if transform.resolution is None or transform in self.part_inputs:
            return transform.input_bytes
        return transform.input_bytes * self.skeletons.number_type.itemsize // 4

    @property
    def input_files(self) -> tuple[Path, ...]:
        """The files of all that the models read."""
        has_items = any(each not in self.part_inputs for each in self.transforms.values())
        kept = [file for inputs in self.part_inputs.values() for file in inputs.files]
        return (*(self.dataset.files if has_items else ()), *kept)

    def read_input_bytes(self, *, train_items: int | None = None) -> int:
        """Bytes of these files that the search needed: the items', those of parts as read.

        ``train_items`` is how many train items it read, the first ones; None: all.
        """
        has_items = any(each not in self.part_inputs for each in self.transforms.values())
        read = {*self.split.test.tolist(), *self.split.train[:train_items].tolist()}
        files = self.dataset.files if has_items else ()
        items = sum(file.stat().st_size for item, file in enumerate(files) if item in read)
        return items + sum(inputs.read_bytes() for inputs in self.part_inputs.values())

    def build_skeletons(self, refs: Iterable[BlockRef]) -> None:
        """Build now what else is built when a block is first bound, where it must be now.

        To find what can be folded, a module is traced, which changes ``torch.nn.Module`` for
        all threads meanwhile: nothing else may compute or build in that time.
        """
        if self.skeletons.folds_batch_norm:
            with self.tracer.span("prepare_model"):
                for architecture in dict.fromkeys(ref.architecture for ref in refs):
                    self.skeletons.skeleton(architecture)

    def block_source(
        self, *, keep: bool = False, prefetch: bool = False, ahead_bytes: int | None = None
    ) -> BlockSource:
        """A source of runnable blocks with nothing resident yet; see there for the options."""
        loading = BlockLoading(
            self.store,
            self.skeletons,
            device=self.settings.device,
            memory_format=self.torch_memory_format,
        )
        is_copied = prefetch and self.settings.device.startswith("cuda")
        return BlockSource(
            {ref.hash: ref for model in self.models.values() for ref in model.blocks},
            load=loading.read_pinned if is_copied else loading.load,
            place=loading.copying() if is_copied else None,
            tracer=self.tracer,
            resident_bytes=self.resident_bytes,
            keep=keep,
            prefetch=prefetch,
            ahead_bytes=ahead_bytes,
            pinned_bytes=self._host_bytes() // 2 if is_copied else None,
        )

    def available_bytes(self) -> int:
        """Memory that parameters, intermediates and scratch memory may take on the device now."""
        return available_bytes(self.settings.device, limit_bytes=self.settings.memory_limit_bytes)

    def schedule(self, models: int) -> HalvingSchedule:
        """The halving schedule for that many models over this split's train items."""
        return halving_schedule(models, train_items=len(self.split.train))

    def cut(self, items: np.ndarray) -> list[np.ndarray]:
        """``items`` in order, in batches of the scenario's size."""
        return cut(items, self.settings.batch_size)

    def scorer(self) -> Scorer:
        """The scorer that the scenario names."""
        return load_scorer(
            self.settings.scorer,
            classes=self.settings.head_classes or len(self.dataset.classes),
            minibatch_items=self.settings.batch_size,
        )

    def block_hashes(self, model_ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Block hashes in order, by model."""
        return {m: tuple(ref.hash for ref in self.models[m].blocks) for m in model_ids}

    def profile(self, ref: BlockRef) -> BlockProfile:
        """Sizes and operations of a stored block."""
        return self.profiles[ref.architecture]

    def resident_bytes(self, ref: BlockRef) -> int:
        """Bytes that a stored block takes where it runs, in the number type of the search."""
        is_stored_type = self.skeletons.number_type == torch.float32
        return ref.tensor_bytes if is_stored_type else self.profile(ref).parameter_bytes

    def _host_bytes(self) -> int:
        return available_bytes("cpu", limit_bytes=self.settings.host_limit_bytes)

    def _decoded_budget_bytes(self) -> int:
        given_bytes = self.settings.decoded_budget_bytes
        if given_bytes is not None:
            return given_bytes
        return int(DECODED_SHARE * self._host_bytes())

    @property
    def torch_memory_format(self) -> torch.memory_format:
        """Of images and convolution weights."""
        if self.settings.memory_format == "channels_last":
            return torch.channels_last
        return torch.contiguous_format
