"""What a cell with ``model_set: snapshots`` may ask for; torch-free."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from scenarios.architecture_choice import ChosenArchitecture
from scenarios.parameter import AUTO
from systems.data.datasets import LARGEST_RESOLUTION
from systems.errors import ConfigurationError, did_you_mean
from systems.models.architectures import Architecture, architecture
from systems.models.checkpoints.finding import (
    CONFIGURATION,
    GENERATED,
    Checkpoint,
    CheckpointError,
    find_checkpoints,
    read_json,
)
from systems.models.snapshot_families import SNAPSHOT_FAMILIES, family_of_type

SNAPSHOTS = "snapshots"


def searched(chosen: ChosenArchitecture, values: Mapping[str, Any]) -> Architecture:
    """The architecture of that name, or what is known of a family before its checkpoints are
    read.

    Raises:
        ConfigurationError: there is none, or it does not go with the model set.
    """
    is_family = chosen.name in SNAPSHOT_FAMILIES
    if values["model_set"] != SNAPSHOTS:
        if is_family:
            raise ConfigurationError(
                f"{chosen.name} is a family of checkpoints: set 'model_set: snapshots' and a "
                "models_path."
            )
        return architecture(chosen.name)
    if not is_family:
        raise ConfigurationError(
            f"model_set snapshots searches families of checkpoints, and '{chosen.name}' is none. "
            f"{did_you_mean(chosen.name, SNAPSHOT_FAMILIES)}"
        )
    if chosen.resolution is not None:
        raise ConfigurationError(
            f"{chosen.text}: a family of checkpoints takes no resolution of its own. Set "
            "'resolution' for all, or leave it out for each model's own."
        )
    family = SNAPSHOT_FAMILIES[chosen.name]
    return Architecture(
        name=family.name,
        label=family.label,
        family=family.family,
        modality=family.modality,
        block_count=0,
        parameter_count=0,
        feature_size=0,
        snapshot_family=family.name,
    )


def at_most(models: int, models_path: str, families: Collection[str]) -> int:
    """How many models a search can have: no more than there are checkpoints of its families.

    What is on a hub counts as if it were; so does what turns out to be damaged later.

    Raises:
        ConfigurationError: there are none, or the list cannot be read.
    """
    if models_path == GENERATED:
        return max(models, len(families))
    found = find_checkpoints(Path(models_path))
    fitting = sum(_may_fit(checkpoint, families) for checkpoint in found)
    if not fitting:
        raise ConfigurationError(
            f"None of the {len(found)} checkpoints in {models_path} is of {', '.join(families)}: "
            "choose their families as the architecture, or other checkpoints."
        )
    return min(models, fitting)


def _may_fit(checkpoint: Checkpoint, families: Collection[str]) -> bool:
    if checkpoint.folder is None:
        return True
    try:
        found = read_json(checkpoint.folder / CONFIGURATION)
    except CheckpointError:
        return False
    family = family_of_type(found.get("model_type"))
    return family is not None and family.name in families


def refused(values: Mapping[str, Any]) -> tuple[str, str] | None:
    """A parameter that does not go with snapshots, and why; None if all do."""
    if values["weights"] is not None:
        return "weights", "checkpoints have weights of their own: remove 'weights'."
    if values["part"] != "full":
        return "part", "parts are not offered for model_set snapshots: remove 'part'."
    if values["fold_batch_norm"]:
        return "fold_batch_norm", "folding is not offered for model_set snapshots: set it to false."
    if values["batch_size"] == AUTO:
        return (
            "batch_size",
            "batch_size auto is not offered for model_set snapshots, for their architectures are "
            "not known beforehand: give a number.",
        )
    given = values["resolution"]
    if given is not None and given > LARGEST_RESOLUTION:
        rule = f"it must be at most {LARGEST_RESOLUTION} px."
        return "resolution", f"A resolution of {given} px is too large: {rule}"
    return None
