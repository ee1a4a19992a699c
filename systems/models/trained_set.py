"""Model sets that are really fine-tuned (M_train of the Alsatian paper, SIGMOD 2025).

The lineage is that of a synthetic set: each further model copies an earlier one. But its last
k blocks are not made anew: they are fine-tuned on a task, so that the model differs from its
parent as models of different purposes do. The first blocks stay the parent's in every bit.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch
from torch import nn

from systems.data.labelled_items import LabelledItems
from systems.data.training_tasks import TrainingTask
from systems.errors import ConfigurationError
from systems.models.build import ModelShape, block_architectures, build_plain, split
from systems.models.fine_tuning import Recipe, fine_tune
from systems.models.generator import model_seed
from systems.models.ingest_log import IngestLog, ModelCost
from systems.models.lineage import Origin, distribution, snapshot_lineage
from systems.models.snapshot_spec import identity_hash, weights_identity
from systems.models.snapshots import SnapshotSet
from systems.models.stored_model import load_blocks
from systems.models.weights import load_weights
from systems.store.blocks import BlockContent
from systems.store.store import BlockStore

_VERSION = 1  # of what training makes of a specification


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainedSetSpec:
    """A fine-tuned model set: equal specifications give equal block hashes (on CUDA as far as
    PyTorch has deterministic kernels).

    Raises ``ConfigurationError`` for an unknown architecture or distribution, a resolution
    that does not fit, and a number out of range.
    """

    architecture: str
    resolution: int | None
    """Pixels of the training images; None for text."""
    count: int
    distribution: str
    seed: int
    tasks: tuple[tuple[str, str], ...]
    """Name and content of each task. The base model learns the first, unless it has weights;
    each further model one that is drawn from all."""
    epochs: int
    device: str
    base_weights: str | None = None
    """None: trained from random ones; ``hub`` or a file: see ``load_weights``."""

    def __post_init__(self) -> None:
        distribution(self.distribution)
        _ = self.shape  # refuses a wrong architecture or resolution
        if min(self.count, self.epochs, len(self.tasks)) < 1 or self.seed < 0:
            raise ConfigurationError(
                f"{self.count} models with seed {self.seed} cannot be trained for {self.epochs} "
                f"epochs on {len(self.tasks)} tasks: at least one model, epoch and task are "
                "needed, and a seed of 0 or more."
            )

    @property
    def shape(self) -> ModelShape:
        """The shape of all models of the set."""
        return ModelShape(architecture=self.architecture, resolution=self.resolution)

    def family_id(self) -> str:
        """Hash of all but ``count``: a larger set of a family contains the smaller ones."""
        is_cpu = self.device == "cpu"
        return identity_hash(
            {
                "trained": _VERSION,
                "shape": self.shape.id,
                "resolution": self.resolution,
                "distribution": self.distribution,
                "seed": self.seed,
                "tasks": self.tasks,
                "recipe": asdict(Recipe(epochs=self.epochs, seed=0)),
                "base_weights": weights_identity(self.base_weights),
                "torch": torch.__version__,
                "machine": torch.backends.cpu.get_cpu_capability()
                if is_cpu
                else torch.cuda.get_device_name(self.device),
            }
        )


class TrainedSetMaker:
    """Trains one model after the other into a store; what is there already is kept.

    Args:
        spec: what to make.
        tasks: those that ``spec`` names, in its order.
        store: where models go.
        log: what they cost.
    """

    def __init__(
        self, spec: TrainedSetSpec, tasks: Sequence[TrainingTask], *, store: BlockStore,
        log: IngestLog,
    ) -> None:  # fmt: skip
        self._spec = spec
        self._tasks = tasks
        self._store = store
        self._log = log
        self._family = spec.family_id()
        self._names = block_architectures(spec.shape)
        self._origins = snapshot_lineage(
            len(self._names),
            count=spec.count,
            distribution=distribution(spec.distribution),
            seed=spec.seed,
        )
        self._task_of = _task_numbers(spec)
        stem = f"{spec.architecture}-trained-{spec.distribution}-s{spec.seed}"
        self.model_ids = [f"{stem}-{n:03d}-{self._family[:8]}" for n in range(spec.count)]
        self._read: dict[int, LabelledItems] = {}

    def make(self, progress: Callable[[int, int], None] | None = None) -> SnapshotSet:
        """The set in the store; ``progress`` is told (models done, models of the set)."""
        set_id = self._set_id(self._spec.count)
        costs: list[ModelCost] = []
        if self._store.model_set(set_id) is None:
            stored = set(self._store.model_ids())
            for index, model_id in enumerate(self.model_ids):
                if model_id not in stored or not self._is_whole(index):
                    costs.append(self._add(index))
                    self._log.add(costs[-1])
                if progress is not None:
                    progress(index + 1, self._spec.count)
            self._store.put_model_set(set_id, asdict(self._spec), self.model_ids)
        known = self._log.read(self._spec.count)
        return SnapshotSet(
            set_id=set_id,
            model_ids=tuple(self.model_ids),
            generated=bool(costs),
            new_bytes=sum(cost.new_bytes for cost in costs),
            training_s=None if known is None else sum(cost.training_s for cost in known),
            store_s=None if known is None else sum(cost.store_s for cost in known),
        )

    def _set_id(self, count: int) -> str:
        return identity_hash({"family": self._family, "count": count})

    def _is_whole(self, index: int) -> bool:
        """Whether the files of the models up to this one are all there."""
        set_id = self._set_id(index + 1)
        self._store.put_model_set(set_id, {}, self.model_ids[: index + 1])
        return self._store.model_set(set_id) is not None

    def _add(self, index: int) -> ModelCost:
        """Train a model and store it."""
        origin = self._origins[index]
        started_s = time.monotonic()
        blocks = self._start(index, origin)
        task = self._tasks[self._task_of[index]]
        trained_on, accuracy = None, None
        if index > 0 or self._spec.base_weights is None:
            trained_on = task.name
            accuracy = fine_tune(
                blocks,
                self._items(self._task_of[index]),
                Recipe(epochs=self._spec.epochs, seed=model_seed(self._spec.seed, index)),
                last=origin.depth,
                device=self._spec.device,
            ).train_accuracy
        trained_s = time.monotonic()
        first_new = len(blocks) - origin.depth
        parent = None if origin.parent is None else self._store.model(self.model_ids[origin.parent])
        contents = [
            BlockContent(architecture=name, tensors=block.state_dict())
            for name, block in zip(self._names[first_new:], blocks[first_new:], strict=True)
        ]
        added = self._store.add_model(
            self.model_ids[index],
            architecture=self._spec.shape.id,
            blocks=[*(parent.blocks[:first_new] if parent else ()), *contents],
            metadata={
                "family": self._family,
                "index": index,
                "parent": parent.id if parent else None,
                "depth": origin.depth,
                "distribution": self._spec.distribution,
                "seed": self._spec.seed,
                "task": trained_on,
                "train_accuracy": accuracy,
            },
        )
        return ModelCost(
            index=index,
            training_s=trained_s - started_s,
            store_s=time.monotonic() - trained_s,
            new_bytes=added.new_bytes,
        )

    def _start(self, index: int, origin: Origin) -> tuple[nn.Module, ...]:
        """The blocks that a model starts from: its parent's, or the base model's own."""
        if origin.parent is not None:
            return load_blocks(self._store, self.model_ids[origin.parent])
        with torch.random.fork_rng():
            torch.manual_seed(model_seed(self._spec.seed, index))
            plain = build_plain(self._spec.shape)
        if self._spec.base_weights is not None:
            load_weights(self._spec.shape, plain, self._spec.base_weights)
        return split(self._spec.shape, plain.eval())

    def _items(self, number: int) -> LabelledItems:
        """The items of a task, decoded when they are first asked for."""
        if number not in self._read:
            self._read[number] = self._tasks[number].read()
        return self._read[number]


def _task_numbers(spec: TrainedSetSpec) -> list[int]:
    """Which task each model learns; a longer set begins with a shorter one's."""
    random = np.random.default_rng([spec.seed, 1])
    return [0, *(int(random.integers(len(spec.tasks))) for _ in range(spec.count - 1))]
