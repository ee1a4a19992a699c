"""Checkpoints into a block store (M_HF of the Alsatian paper)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

import transformers

from systems.data.datasets import LARGEST_RESOLUTION
from systems.errors import ConfigurationError
from systems.models.architectures import Architecture, check_resolution
from systems.models.checkpoints.blocks import checkpoint_blocks, describe, family_name
from systems.models.checkpoints.configured import as_json
from systems.models.checkpoints.finding import Checkpoint, CheckpointError, Skipped, files_key
from systems.models.checkpoints.hub import local_folder
from systems.models.checkpoints.preprocessing import Preprocessing
from systems.store.blocks import BlockContent, block_hash
from systems.store.store import BlockStore
from systems.store.stored import StoredModel

_VERSION = 1  # of what is made of a checkpoint's files


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportedSet:
    """Checkpoints in a store."""

    model_ids: tuple[str, ...]
    """Models of one architecture and with the same inputs stand together."""
    skipped: tuple[Skipped, ...]
    other_families: int
    """Checkpoints that were passed over because their family was not asked for."""
    new_models: int
    new_bytes: int
    """Bytes of tensors that were written now."""

    @property
    def set_id(self) -> str:
        """Hash of the models."""
        text = json.dumps(self.model_ids).encode()
        return hashlib.blake2b(text, digest_size=10).hexdigest()


@dataclass(frozen=True, kw_only=True, slots=True)
class InputSize:
    """What the items of a search are made into, where it is the same for all models."""

    resolution: int | None = None
    """In pixels; None for each model's own, and for text."""
    sequence_length: int | None = None
    """In tokens; None for images."""


def import_checkpoints(
    checkpoints: Iterable[Checkpoint],
    *,
    families: Collection[str],
    most: int,
    size: InputSize,
    store: BlockStore,
    progress: Callable[[int, str], None] = lambda *_: None,
) -> ImportedSet:
    """Bring the first ``most`` checkpoints of ``families`` that can be loaded into ``store``.

    A checkpoint that was imported before, and whose files have not changed since, is not read
    again: an import that was interrupted goes on where it was. What cannot be loaded is
    skipped. ``progress`` is told how many there are so far, and the name of the next.

    Raises:
        ConfigurationError: not one can be loaded.
        StoreError: the store cannot take a model.
    """
    found: dict[str, tuple[str, int]] = {}  # model id → sort key of its inputs, new bytes
    skipped: list[Skipped] = []
    others = new_models = 0
    for checkpoint in checkpoints:
        if len(found) >= most:
            break
        progress(len(found), checkpoint.name)
        try:
            folder = local_folder(checkpoint)
            if family_name(folder) not in families:
                others += 1
                continue
            model_id, new_bytes = _imported(checkpoint, folder, size=size, store=store)
        except (CheckpointError, OSError) as error:
            skipped.append(Skipped(checkpoint=checkpoint.name, reason=str(error)))
            continue
        if model_id in found:
            reason = f"it is the same model as '{model_id}', and of the same name."
            skipped.append(Skipped(checkpoint=checkpoint.name, reason=reason))
            continue
        metadata = store.model(model_id).metadata
        found[model_id] = (json.dumps(metadata, sort_keys=True), new_bytes or 0)
        new_models += new_bytes is not None
    if not found:
        raise ConfigurationError(_none_loaded(families, skipped, others))
    return ImportedSet(
        model_ids=tuple(sorted(found, key=lambda model_id: found[model_id][0])),
        skipped=tuple(skipped),
        other_families=others,
        new_models=new_models,
        new_bytes=sum(new for _, new in found.values()),
    )


def stored_checkpoint(
    checkpoint: Checkpoint, folder: Path, store: BlockStore
) -> StoredModel | None:
    """The model that the checkpoint in ``folder`` was imported as; None if it was not, or has
    changed since.

    Raises:
        CheckpointError: it has no weights.
    """
    known = store.model_set(_set_id(checkpoint, folder))
    return None if known is None else store.model(known[0])


def _imported(
    checkpoint: Checkpoint, folder: Path, *, size: InputSize, store: BlockStore
) -> tuple[str, int | None]:
    """The model's id in the store, and the bytes that were new; None if it was there."""
    described = describe(folder)
    entry, inputs = described.entry, described.inputs
    _check_size(entry, inputs, size)
    known = stored_checkpoint(checkpoint, folder, store)
    if known is not None:
        return known.id, None
    blocks = checkpoint_blocks(folder, entry)
    metadata = {
        "family": entry.snapshot_family,
        "architecture": as_json(entry),
        "resolution": inputs.resolution,
        "mean": inputs.mean,
        "deviation": inputs.deviation,
    }
    model_id = f"{checkpoint.id_stem}-{_content(blocks, metadata)}"
    added = store.add_model(model_id, architecture=entry.name, blocks=blocks, metadata=metadata)
    named = {"checkpoint": checkpoint.name}
    store.put_model_set(_set_id(checkpoint, folder), named, [model_id])
    return model_id, added.new_bytes


def _set_id(checkpoint: Checkpoint, folder: Path) -> str:
    """Where the store keeps what became of these files: a set of one model."""
    # Names of tensors are those of the library's version.
    key = json.dumps(["checkpoint", _VERSION, transformers.__version__, checkpoint.id_stem])
    return _digest(key, files_key(folder))


def _check_size(entry: Architecture, inputs: Preprocessing, size: InputSize) -> None:
    """Raise CheckpointError where a model cannot run at the size of the search's items."""
    side = size.resolution or inputs.resolution
    if side is not None and side > LARGEST_RESOLUTION:
        raise CheckpointError(f"it wants {side} px; at most {LARGEST_RESOLUTION} are supported.")
    try:
        if entry.modality == "image" and side is not None:
            check_resolution(entry.name, side)
    except ConfigurationError as error:
        raise CheckpointError(str(error)) from error
    most, length = entry.maximum_sequence_length, size.sequence_length
    if most is not None and length is not None and length > most:
        raise CheckpointError(f"it reads at most {most} tokens, the search's texts have {length}.")


def _content(blocks: list[BlockContent], metadata: object) -> str:
    return _digest(json.dumps([metadata, *map(block_hash, blocks)], sort_keys=True))[:8]


def _digest(*parts: str) -> str:
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=10).hexdigest()


def _none_loaded(families: Collection[str], skipped: list[Skipped], others: int) -> str:
    wanted = ", ".join(families)
    if not skipped:
        return (
            f"None of the {others} checkpoints is of {wanted}: choose their families as the "
            "architecture, or other checkpoints."
        )
    first = "; ".join(f"{each.checkpoint}: {each.reason}" for each in skipped[:3])
    return f"No checkpoint of {wanted} can be loaded ({len(skipped)} were tried). First: {first}"
