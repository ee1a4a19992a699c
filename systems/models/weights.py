"""Pre-trained weights for a plain model: a local file, or what is published."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from systems.errors import ConfigurationError
from systems.models.build import ModelShape, block_tensors, shape_architecture

HUB = "hub"
"""The source that stands for the published weights."""

_CHECKPOINT_SUFFIXES = (".pt", ".pth", ".bin")
# What training scripts wrap a state dict in, and put in front of its names.
_WRAPPERS = ("state_dict", "model_state_dict", "model")
_PREFIXES = ("", "module.", "model.", "bert.", "roberta.")
# Names in published files that are older than today's modules.
_RENAMED = (
    (".LayerNorm.gamma", ".LayerNorm.weight"),
    (".LayerNorm.beta", ".LayerNorm.bias"),
    (".mlp.linear_1.", ".mlp.0."),
    (".mlp.linear_2.", ".mlp.3."),
)
# Belongs to no block: classifiers for the task that a model was trained for, and constants.
_NOT_IN_BLOCKS = (
    *("fc.", "classifier.", "heads.", "pooler.", "cls.", "lm_head.", "qa_outputs."),
    *("embeddings.position_ids", "embeddings.token_type_ids"),
)


def load_weights(shape: ModelShape, plain: nn.Module, source: str) -> None:
    """Load the weights of all blocks into ``plain``; its classifier stays as it is.

    ``source`` is ``hub`` (published weights, downloaded once), or a file: ``.safetensors``,
    or ``.pt``, ``.pth``, ``.bin`` with tensors only (code in a file is never run). Classifier
    entries in it are ignored, so that models for other tasks fit.

    Raises:
        ConfigurationError: the file or hub cannot be read, or its tensors are not those of
            the architecture.
    """
    found = _published(shape) if source == HUB else _read(Path(source))
    needed = block_tensors(shape, plain)
    found = _matching_names(found, needed)
    if shape_architecture(shape).depends_on_resolution:
        found = _fit_position_embeddings(shape, found)
    _check(found, needed, what=f"weights '{source}' and {shape.id}")
    plain.load_state_dict({name: found[name] for name in needed if name in found}, strict=False)


def _read(path: Path) -> Mapping[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        if path.suffix not in _CHECKPOINT_SUFFIXES:
            raise ConfigurationError(
                f"The weights file {path} ends in '{path.suffix}'. Known: .safetensors, "
                f"{', '.join(_CHECKPOINT_SUFFIXES)}."
            )
        found: Any = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, SafetensorError, EOFError, RuntimeError) as error:
        raise ConfigurationError(f"The weights file {path} cannot be read: {error}") from error
    except pickle.UnpicklingError as error:
        raise ConfigurationError(
            f"The weights file {path} holds more than tensors, or is no checkpoint. Save the "
            "model's state_dict() instead of the model, best as .safetensors."
        ) from error
    for wrapper in _WRAPPERS:
        if isinstance(found, Mapping) and isinstance(found.get(wrapper), Mapping):
            found = found[wrapper]
    if not isinstance(found, Mapping):
        raise ConfigurationError(
            f"The weights file {path} holds a {type(found).__name__}, not a mapping of names to "
            "tensors. Save the model's state_dict()."
        )
    return found


def _published(shape: ModelShape) -> Mapping[str, Tensor]:
    entry = shape_architecture(shape)
    if entry.hub_id is None:
        raise ConfigurationError(
            f"Nobody publishes weights of {entry.name}. Give a local file, or no base weights."
        )
    try:
        if entry.modality == "image":
            from torchvision.models import get_weight

            return get_weight(entry.hub_id).get_state_dict(
                progress=False, check_hash=True, weights_only=True
            )
        from transformers import AutoModel

        return AutoModel.from_pretrained(entry.hub_id, trust_remote_code=False).state_dict()
    except OSError as error:
        raise ConfigurationError(
            f"The published weights {entry.hub_id} cannot be had: {error} Give a local file "
            "(.safetensors, .pth), or no base weights."
        ) from error


def _matching_names(found: Mapping[str, Tensor], needed: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """``found`` under today's names, without the prefix that hides the names needed."""
    renamed = {}
    for name, tensor in found.items():
        for old, new in _RENAMED:
            name = name.replace(old, new)
        renamed[name] = tensor
    prefix = max(_PREFIXES, key=lambda prefix: sum(prefix + name in renamed for name in needed))
    return {name.removeprefix(prefix): tensor for name, tensor in renamed.items()}


def _fit_position_embeddings(shape: ModelShape, found: dict[str, Tensor]) -> dict[str, Tensor]:
    """Position embeddings of another resolution, interpolated as torchvision does."""
    from torchvision.models.vision_transformer import interpolate_embeddings

    patch_size = shape_architecture(shape).patch_size
    if "encoder.pos_embedding" not in found or patch_size is None or shape.resolution is None:
        return found
    return dict(interpolate_embeddings(shape.resolution, patch_size, found))


def _check(found: Mapping[str, Tensor], needed: Mapping[str, Tensor], *, what: str) -> None:
    # Files from before PyTorch 0.4.1 do not have these counters; inference does not use them.
    missing = [
        name for name in needed if name not in found and not name.endswith("num_batches_tracked")
    ]
    unknown = [name for name in found if name not in needed and not name.startswith(_NOT_IN_BLOCKS)]
    for problem, names in (("are missing", missing), ("do not belong to it", unknown)):
        if names:
            raise ConfigurationError(
                f"The {what} do not fit: {len(names)} tensors {problem}, first '{names[0]}'. "
                "Choose the architecture that the weights were saved from."
            )
    for name, tensor in needed.items():
        if name in found and found[name].shape != tensor.shape:
            raise ConfigurationError(
                f"The {what} do not fit: '{name}' has the shape {tuple(found[name].shape)} "
                f"instead of {tuple(tensor.shape)}. Choose the architecture that the weights were "
                "saved from."
            )
