"""From a run's canonical specification to the inputs of the systems; torch-free."""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from systems.data.datasets import DatasetSpec
from systems.models.build import ModelShape

PREPARED_BY = (
    "architecture", "distribution", "models", "model_seed", "weights",
    "dataset", "path", "vocabulary", "items", "test_fraction", "data_seed",
    "resolution", "sequence_length", "allow_tiny", "device",
)  # fmt: skip
"""What is prepared for, or has to be checked; runs that agree in all are prepared once."""


def dataset_spec(spec: Mapping[str, Any]) -> DatasetSpec:
    """The dataset that a run searches for."""
    return DatasetSpec(
        name=spec["dataset"],
        path=spec["path"],
        items=spec["items"],
        seed=spec["data_seed"],
        resolution=spec["resolution"],
        sequence_length=spec["sequence_length"],
        vocabulary=spec["vocabulary"],
    )


def model_shape(spec: Mapping[str, Any]) -> ModelShape:
    """What fixes the shapes of the parameters of a run's models."""
    return ModelShape(architecture=spec["architecture"], resolution=spec["resolution"])


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
