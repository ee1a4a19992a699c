"""From a run's canonical specification to the inputs of the systems; torch-free."""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scenarios.architecture_choice import ArchitectureChoice
from systems.api import SearchOptions
from systems.data.datasets import DatasetSpec
from systems.data.transform import Transform
from systems.models.architectures import architecture
from systems.models.build import ModelShape
from systems.planning.cost_model import CostModel
from systems.planning.hardware_profile import HardwareProfile

PREPARED_BY = (
    "architecture", "distribution", "models", "model_seed", "weights",
    "dataset", "path", "vocabulary", "items", "test_fraction", "data_seed",
    "resolution", "sequence_length", "allow_tiny", "device",
)  # fmt: skip
"""What is prepared for, or has to be checked; runs that agree in all are prepared once."""


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


def model_groups(spec: Mapping[str, Any]) -> tuple[ModelGroup, ...]:
    """The architectures of a search, each with an even share of its models; what remains goes
    to the first ones.
    """
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


def search_options(options: Mapping[str, Any]) -> SearchOptions:
    """The options of a specification as the systems take them."""
    in_bytes = ("cache_budget", "memory_budget", "prefetch_budget")
    values = {f"{name}_bytes" if name in in_bytes else name: v for name, v in options.items()}
    return SearchOptions(**values)


def cost_model(hardware: HardwareProfile, spec: Mapping[str, Any]) -> CostModel:
    """The cost model of a machine under a specification's conditions."""
    return CostModel(
        hardware=hardware,
        store_bytes_per_s=spec["store_bandwidth"],
        is_warm=spec["cache"] == "warm",
        dataset=spec["dataset"],
    )


def dataset_spec(spec: Mapping[str, Any]) -> DatasetSpec:
    """The dataset that a run searches for, at the largest resolution of its architectures."""
    resolutions = [group.transform.resolution for group in model_groups(spec)]
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
    return tuple(spec[name] for name in PREPARED_BY)


def files_fingerprint(spec: Mapping[str, Any]) -> str:
    """Hash of names, sizes and times of change of all files that the run reads.

    Part of a run's key: a run is not taken for finished when its data have changed.
    """
    digest = hashlib.blake2b(digest_size=16)
    for name in ("path", "vocabulary", "weights"):
        root = spec[name]
        if root is not None and Path(root).is_absolute():  # not the word 'hub'
            digest.update(_fingerprint(Path(root)))
    return digest.hexdigest()


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
