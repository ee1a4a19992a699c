"""A checkpoint as blocks: read, checked against its configuration, and cut."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from systems.models.architectures import Architecture
from systems.models.build import (
    ModelShape,
    block_architectures,
    block_tensors,
    build_plain,
    split,
)
from systems.models.checkpoints.configured import configured, family_of
from systems.models.checkpoints.files import read_tensors
from systems.models.checkpoints.finding import (
    CONFIGURATION,
    CheckpointError,
    read_json,
    weight_files,
)
from systems.models.checkpoints.preprocessing import Preprocessing, preprocessing
from systems.models.snapshot_families import SNAPSHOT_FAMILIES
from systems.store.blocks import BlockContent

# In files of some versions, constants or what only pre-training reads.
_NOT_READ = ("num_batches_tracked", "position_ids", "token_type_ids", "mask_token")


@dataclass(frozen=True, kw_only=True, slots=True)
class Described:
    """What a checkpoint's small files say."""

    entry: Architecture
    """Registered in this process."""
    inputs: Preprocessing


def describe(folder: Path) -> Described:
    """What the configuration of the checkpoint in ``folder`` asks for; reads no weights.

    Raises:
        CheckpointError: it is none that we support, or damaged; the file is named.
    """
    path = folder / CONFIGURATION
    found = read_json(path)
    try:
        entry = configured(found)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from error
    except Exception as error:  # whatever the library says about a configuration from outside
        reason = (str(error).strip().splitlines() or [""])[0]
        raise CheckpointError(f"{path}: {type(error).__name__}: {reason}") from error
    family = SNAPSHOT_FAMILIES[entry.snapshot_family or ""]
    inputs = preprocessing(folder, family, default_resolution=entry.resolution)
    return Described(entry=entry, inputs=inputs)


def family_name(folder: Path) -> str:
    """The name of the family that the checkpoint in ``folder`` belongs to.

    Raises:
        CheckpointError: none, or its configuration cannot be read; the file is named.
    """
    path = folder / CONFIGURATION
    try:
        return family_of(read_json(path)).name
    except CheckpointError as error:
        text = str(error)
        raise CheckpointError(text if str(path) in text else f"{path}: {text}") from error


def load_plain(folder: Path, entry: Architecture) -> nn.Module:
    """The library's model with the checkpoint's weights, in float32, on the CPU.

    Names of older files are brought up to date by the library itself. What belongs to no
    block (classifiers, decoders, poolers) may be missing, and is then random.

    Raises:
        CheckpointError: files are damaged, or their tensors are not those of the
            configuration.
    """
    tensors = read_tensors(folder)
    where = weight_files(folder)[0]
    if entry.snapshot_family in ("hf_detr", "hf_conditional_detr"):
        from systems.models.checkpoints.detection import renamed

        tensors = {renamed(name): tensor for name, tensor in tensors.items()}
    shape = ModelShape(architecture=entry.name)
    empty = build_plain(shape, device="meta")
    needed = block_tensors(shape, empty)
    # Before anything of the size that the configuration says is allocated.
    wanted = sum(tensor.numel() for tensor in needed.values())
    if wanted > sum(tensor.numel() for tensor in tensors.values()):
        raise CheckpointError(
            f"{where} holds fewer numbers than its configuration needs ({wanted:,}): tensors are "
            "missing, or it belongs to another configuration."
        )
    plain, problem = _loaded(empty, tensors, needed)
    if problem:
        raise CheckpointError(f"{where} does not fit its configuration: {problem}.")
    return plain.eval()


def checkpoint_blocks(folder: Path, entry: Architecture) -> list[BlockContent]:
    """The blocks of the checkpoint in ``folder``, whose architecture ``describe`` gave.

    Raises:
        CheckpointError: see ``load_plain``; or a number in it is not finite.
    """
    plain = load_plain(folder, entry)
    shape = ModelShape(architecture=entry.name)
    contents = [
        BlockContent(architecture=name, tensors=block.state_dict())
        for name, block in zip(block_architectures(shape), split(shape, plain), strict=True)
    ]
    for content in contents:
        for name, tensor in content.tensors.items():
            if tensor.is_floating_point() and not torch.isfinite(tensor).all():
                raise CheckpointError(
                    f"{weight_files(folder)[0]} has numbers that are not finite, in '{name}' of "
                    f"the block {content.architecture}."
                )
    return contents


def _loaded(
    empty: nn.Module, tensors: Mapping[str, Tensor], needed: Mapping[str, Tensor]
) -> tuple[nn.Module, str | None]:
    """The model with these tensors, and why it is not right, if it is not."""
    from transformers import logging
    from transformers.modeling_utils import PreTrainedModel

    logging.set_verbosity_error()  # what it would say is said below, or does not matter
    logging.disable_progress_bar()
    assert isinstance(empty, PreTrainedModel)
    load: Any = type(empty).from_pretrained  # of a type that depends on its arguments
    try:
        with torch.random.fork_rng(devices=[]):
            plain, told = load(
                None,
                config=empty.config,
                state_dict=dict(tensors),
                dtype=torch.float32,
                ignore_mismatched_sizes=True,
                output_loading_info=True,
            )
    except Exception as error:  # of the library's many kinds
        reason = (str(error).strip().splitlines() or [""])[0]
        return empty, f"{type(error).__name__}: {reason}"
    missing = sorted(set(told["missing_keys"]) & needed.keys())
    missing = [name for name in missing if not name.endswith(_NOT_READ)]
    if missing:
        return plain, f"{len(missing)} tensors are missing, first '{missing[0]}'"
    mismatched = sorted(key for key in told["mismatched_keys"] if key[0] in needed)
    if mismatched:
        name, found, wanted = mismatched[0]
        return plain, f"'{name}' has the shape {tuple(found)} instead of {tuple(wanted)}"
    unknown = _unknown(told["unexpected_keys"], needed, prefix=plain.base_model_prefix)
    if unknown:
        return plain, f"{len(unknown)} tensors belong to no block, first '{unknown[0]}'"
    return plain, None


def _unknown(names: set[str], needed: Mapping[str, Tensor], *, prefix: str) -> list[str]:
    """Tensors beside those of blocks, where a deeper or other model would have them."""
    roots = {name.partition(".")[0] for name in needed}
    bare = (name.removeprefix(f"{prefix}.") for name in sorted(names))
    return [
        name for name in bare if name.partition(".")[0] in roots and not name.endswith(_NOT_READ)
    ]
