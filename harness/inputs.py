"""From a run's canonical specification to the inputs of the systems; torch-free."""

from __future__ import annotations

import functools
import hashlib
import itertools
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from scenarios.architecture_choice import ArchitectureChoice
from systems.api import SearchOptions
from systems.data.datasets import DatasetSpec
from systems.data.task_sources import parse_tasks
from systems.data.transform import Transform
from systems.errors import ConfigurationError
from systems.models.architectures import Architecture, architecture, register
from systems.models.build import ModelShape
from systems.models.checkpoints.finding import find_checkpoints
from systems.planning.cost_model import CostModel
from systems.planning.hardware_profile import DEFAULT, HardwareProfile
from systems.store.stored import StoredModel

PREPARED_BY = (
    "architecture", "distribution", "models", "model_seed", "weights",
    "model_set", "models_path", "tasks", "train_epochs", "train_items",
    "dataset", "path", "vocabulary", "items", "test_fraction", "data_seed",
    "resolution", "sequence_length", "part", "part_input", "allow_tiny", "device",
)  # fmt: skip
"""What is prepared for, or has to be checked; runs that agree in all are prepared once."""

COMPUTED_BY = ("batch_size", "memory_format", "fold_batch_norm", "precision")
"""What the kept inputs of a part depend on besides."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelGroup:
    """The models of one architecture in a search."""

    architecture: str
    models: int
    """How many of the search's models."""
    transform: Transform
    """What they want items to be made into."""

    @property
    def shape(self) -> ModelShape:
        """What fixes the shapes of their parameters."""
        return ModelShape(architecture=self.architecture, resolution=self.transform.resolution)


def model_groups(
    spec: Mapping[str, Any], stored: Sequence[StoredModel] = ()
) -> tuple[ModelGroup, ...]:
    """The architectures of a search, each with an even share of its models; what remains goes
    to the first ones.

    What snapshots are is known from the ``stored`` models alone, of which those that are
    alike stand together.

    Raises:
        ConfigurationError: the models are snapshots, and none is given.
    """
    if spec.get("model_set") == "snapshots":
        return _stored_groups(spec, stored)
    chosen = ArchitectureChoice.parse(spec["architecture"]).architectures
    share, remainder = divmod(spec["models"], len(chosen))
    return tuple(
        ModelGroup(
            architecture=each.name,
            models=share + (number < remainder),
            transform=Transform(
                resolution=each.resolution or spec["resolution"],
                sequence_length=spec["sequence_length"],
                padding_id=architecture(each.name).padding_id or 0,
            ),
        )
        for number, each in enumerate(chosen)
    )


def _stored_groups(
    spec: Mapping[str, Any], stored: Sequence[StoredModel]
) -> tuple[ModelGroup, ...]:
    if not stored:
        raise ConfigurationError(
            "What the models of model_set snapshots are is known only when they have been "
            "imported, so that nothing can be said of them beforehand: leave such runs out."
        )
    groups = []
    for (entry, transform), models in itertools.groupby(stored, lambda m: _stored_kind(m, spec)):
        register(entry)
        group = ModelGroup(architecture=entry.name, models=len(list(models)), transform=transform)
        groups.append(group)
    return tuple(groups)


def _stored_kind(model: StoredModel, spec: Mapping[str, Any]) -> tuple[Architecture, Transform]:
    """What a model is, and what it wants items to be made into, by its metadata."""
    kept: Mapping[str, Any] = model.metadata
    entry = Architecture(**kept["architecture"])
    if entry.modality == "text":
        return entry, Transform(
            sequence_length=spec["sequence_length"], padding_id=entry.padding_id or 0
        )
    red, green, blue = kept["mean"]
    deviation_red, deviation_green, deviation_blue = kept["deviation"]
    return entry, Transform(
        resolution=spec["resolution"] or kept["resolution"],
        mean=(red, green, blue),
        deviation=(deviation_red, deviation_green, deviation_blue),
    )


def search_options(options: Mapping[str, Any]) -> SearchOptions:
    """The options of a specification as the systems take them."""
    in_bytes = ("cache_budget", "memory_budget", "prefetch_budget")
    values = {f"{name}_bytes" if name in in_bytes else name: v for name, v in options.items()}
    return SearchOptions(**values)


def cost_model(hardware: HardwareProfile, spec: Mapping[str, Any]) -> CostModel:
    """The cost model of a machine under a specification's conditions."""
    if spec["part"] != "full":  # what parts read needs no decoding
        hardware = replace(hardware, decode_item_s={DEFAULT: 0.0})
    return CostModel(
        hardware=hardware,
        store_bytes_per_s=spec["store_bandwidth"],
        is_warm=spec["cache"] == "warm",
        dataset=spec["dataset"],
    )


def dataset_spec(spec: Mapping[str, Any], stored: Sequence[StoredModel] = ()) -> DatasetSpec:
    """The dataset that a run searches for, at the largest resolution of its architectures."""
    resolutions = [group.transform.resolution for group in model_groups(spec, stored)]
    return DatasetSpec(
        name=spec["dataset"],
        path=spec["path"],
        items=spec["items"],
        seed=spec["data_seed"],
        resolution=max((side for side in resolutions if side is not None), default=None),
        sequence_length=spec["sequence_length"],
        vocabulary=spec["vocabulary"],
    )


def preparation_key(spec: Mapping[str, Any]) -> tuple[Any, ...]:
    """Equal for runs that need the same data and snapshots."""
    has_kept_inputs = spec["part"] != "full" and spec["part_input"] == "computed"
    more = COMPUTED_BY if has_kept_inputs else ()
    return tuple(spec[name] for name in (*PREPARED_BY, *more))


def files_fingerprint(spec: Mapping[str, Any]) -> str:
    """Hash of names, sizes and times of change of all files that the run reads.

    Part of a run's key: a run is not taken for finished when its data have changed.
    """
    digest = hashlib.blake2b(digest_size=16)
    roots = [spec[name] for name in ("path", "vocabulary", "weights", "models_path")]
    roots += [source.path for source in parse_tasks(spec["tasks"])] if spec["tasks"] else []
    roots += _listed_folders(spec["models_path"])
    for root in roots:
        if root is not None and Path(root).is_absolute():  # not the word 'hub'
            digest.update(_fingerprint(Path(root)))
    return digest.hexdigest()


def _listed_folders(models_path: str | None) -> list[Path]:
    """The folders that a list of checkpoints names; what is on a hub is known by its revision."""
    if models_path is None or not Path(models_path).is_file():
        return []
    folders = [checkpoint.folder for checkpoint in find_checkpoints(Path(models_path))]
    return [folder.resolve() for folder in folders if folder is not None]


@functools.cache
def _fingerprint(root: Path) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    for file in _files(root):
        status = file.stat()
        digest.update(f"{file}\0{status.st_size}\0{status.st_mtime_ns}\0".encode())
    return digest.digest()


def _files(root: Path) -> Iterator[Path]:
    if root.is_file():
        yield root
    for folder, _, names in sorted(os.walk(root)):
        yield from (Path(folder, name) for name in sorted(names))
