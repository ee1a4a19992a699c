"""Checkpoints of the Hugging Face hub: downloaded, or taken from its local cache."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from systems.models.checkpoints.finding import (
    CONFIGURATION,
    PREPROCESSING,
    WEIGHTS,
    Checkpoint,
    CheckpointError,
)

_SAFE = (
    CONFIGURATION,
    PREPROCESSING,
    "model.safetensors",
    "model.safetensors.index.json",
    "model-*-of-*.safetensors",
)
_PICKLED = ("pytorch_model.bin", "pytorch_model.bin.index.json", "pytorch_model-*-of-*.bin")
"""Asked for only where there are no safetensors."""

Told = Callable[[str], None]


def local_folder(checkpoint: Checkpoint, *, on_download: Told | None = None) -> Path:
    """The folder of a checkpoint, downloaded first if it is one of the hub.

    A download that was interrupted goes on where it was; files that are there already are not
    fetched again. Without a network the hub's local cache is used. ``id@revision`` asks for a
    revision. Only configuration and weights are fetched: no code.

    Raises:
        CheckpointError: it can neither be downloaded nor found.
    """
    if checkpoint.folder is not None:
        if not checkpoint.folder.is_dir():
            raise CheckpointError(f"{checkpoint.folder} is no folder, and no id on the hub.")
        return checkpoint.folder
    if on_download is not None:
        on_download(checkpoint.name)
    folder = _downloaded(checkpoint.name, _SAFE)
    if not any((folder / name).is_file() for name in WEIGHTS):
        folder = _downloaded(checkpoint.name, (*_SAFE, *_PICKLED))
    return folder


def _downloaded(name: str, patterns: tuple[str, ...]) -> Path:
    from huggingface_hub import snapshot_download

    repository, _, revision = name.partition("@")

    def download(*, local_files_only: bool = False) -> Path:
        kept = snapshot_download(
            repository,
            revision=revision or None,
            allow_patterns=list(patterns),
            local_files_only=local_files_only,
        )
        return Path(kept)

    try:
        return download()
    except Exception as error:  # of many kinds: no network, no such id, no permission
        try:
            return download(local_files_only=True)
        except Exception:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise CheckpointError(
                f"{name} can neither be downloaded ({reason}) nor found in the hub's local cache."
            ) from error
