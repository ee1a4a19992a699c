"""From a run's canonical specification to the inputs of the systems; torch-free."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from systems.data.datasets import DatasetSpec
from systems.models.build import ModelShape

PREPARED_BY = (
    "architecture", "distribution", "models", "model_seed", "weights",
    "dataset", "path", "vocabulary", "items", "test_fraction", "data_seed",
    "resolution", "sequence_length", "allow_tiny",
)  # fmt: skip
"""The parameters that data and snapshots depend on; runs that agree in them share both."""


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
