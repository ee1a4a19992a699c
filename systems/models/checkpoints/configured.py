"""From a checkpoint's ``config.json`` to an architecture that blocks can be built of."""

from __future__ import annotations

import hashlib
import importlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Protocol, cast

import torch
from torch import nn

from systems.models.architectures import Architecture, register
from systems.models.checkpoints.finding import CheckpointError
from systems.models.snapshot_families import SNAPSHOT_FAMILIES, SnapshotFamily, family_of_type


class CheckpointModule(Protocol):
    """What each module of a family of checkpoints offers, besides what ``build`` asks for."""

    def settings(self, found: Mapping[str, Any]) -> dict[str, Any]:
        """What of a ``config.json`` makes the architecture; CheckpointError for what is none."""
        ...

    def describe(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Fields of the architecture that these settings give."""
        ...

    def make(self, settings: Mapping[str, Any]) -> nn.Module:
        """The library's model of these settings, randomly initialised."""
        ...

    def split(self, plain: nn.Module) -> tuple[nn.Module, ...]:
        """Its blocks in order, sharing its submodules."""
        ...


def module_of(family: SnapshotFamily) -> CheckpointModule:
    """The module that builds a family's models."""
    return cast(CheckpointModule, importlib.import_module(f"systems.models.{family.module}"))


def family_of(found: Mapping[str, Any]) -> SnapshotFamily:
    """The family that a ``config.json`` belongs to.

    Raises:
        CheckpointError: it is none of ours.
    """
    family = family_of_type(found.get("model_type"))
    if family is None:
        known = ", ".join(each.model_type for each in SNAPSHOT_FAMILIES.values())
        raise CheckpointError(
            f"its model_type is {found.get('model_type')!r}; supported are {known}."
        )
    return family


def configured(found: Mapping[str, Any]) -> Architecture:
    """The architecture that a ``config.json`` asks for, registered in this process.

    Its name is the family's with a hash of what the configuration says about shapes and
    computation: fine-tuned checkpoints have it in common with what they were tuned from.

    Raises:
        CheckpointError: the configuration is none that we support.
    """
    family = family_of(found)
    module = module_of(family)
    settings = module.settings(found)
    text = json.dumps(settings, sort_keys=True, separators=(",", ":"))
    name = f"{family.name}:{hashlib.blake2b(text.encode(), digest_size=5).hexdigest()}"
    described = module.describe(settings)
    with torch.device("meta"):
        blocks = module.split(module.make(settings).eval())
    entry = Architecture(
        name=name,
        label=f"{family.label}, {len(blocks)} blocks, {described['feature_size']} features",
        family=family.family,
        modality=family.modality,
        block_count=len(blocks),
        parameter_count=sum(p.numel() for block in blocks for p in block.parameters()),
        snapshot_family=family.name,
        configuration=text,
        **described,
    )
    register(entry)
    return entry


def as_json(entry: Architecture) -> dict[str, Any]:
    """An architecture in plain types, for the metadata of a stored model."""
    return asdict(entry)


def from_json(kept: Mapping[str, Any]) -> Architecture:
    """The architecture that ``as_json`` wrote, registered in this process."""
    entry = Architecture(**kept)
    register(entry)
    return entry
