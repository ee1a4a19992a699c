"""The tensors of a checkpoint's files: safetensors first, pickled ones with tensors only."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from systems.models.checkpoints.finding import CheckpointError, weight_files


def read_tensors(folder: Path) -> Mapping[str, Tensor]:
    """All tensors of the checkpoint in ``folder`` by their names in its files.

    They are mapped where the format allows it; no code in a file is ever run.

    Raises:
        CheckpointError: a file is missing, damaged, or holds more than tensors.
    """
    found: dict[str, Tensor] = {}
    for path in weight_files(folder):
        found |= _read(path)
    return found


def _read(path: Path) -> Mapping[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        found = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"{path} holds more than tensors, or is no checkpoint; its code is not run."
        ) from error
    except (OSError, SafetensorError, EOFError, RuntimeError, ValueError, KeyError) as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise CheckpointError(f"{path} cannot be read: {reason[0]}.") from error
    if not isinstance(found, Mapping) or not all(isinstance(t, Tensor) for t in found.values()):
        raise CheckpointError(f"{path} holds no mapping of names to tensors.")
    return found
