"""Where checkpoints are: folders below a folder, or the lines of a list; torch-free.

A checkpoint is a folder as transformers' ``save_pretrained`` writes it: ``config.json`` and
weights. What stands in it is data and never run.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from systems.errors import BenchError, ConfigurationError

GENERATED = "generated"
"""The ``models_path`` that stands for small families made on this machine."""
CONFIGURATION = "config.json"
PREPROCESSING = "preprocessor_config.json"
WEIGHTS = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
"""Files that weights are looked for in, the first that is there being taken."""

_DEEPEST = 4
_LARGEST_JSON_BYTES = 16 * 2**20
_HUB_ID = re.compile(r"[\w.-]+(/[\w.-]+)?(@[\w./-]+)?", re.ASCII)
_PART = re.compile(r"(model|pytorch_model)-\d+-of-\d+\.(safetensors|bin)", re.ASCII)


class CheckpointError(BenchError):
    """A checkpoint cannot be used; the sentence names the file. Others still can."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoint:
    """A checkpoint as it was asked for."""

    name: str
    """Folder below the one that was given, or id on the hub, as a person reads it."""
    folder: Path | None
    """None for one on the hub."""

    @property
    def id_stem(self) -> str:
        """The name with characters that are safe everywhere."""
        return re.sub(r"[^A-Za-z0-9._-]+", "--", self.name).strip("-.") or "model"


@dataclass(frozen=True, kw_only=True, slots=True)
class Skipped:
    """A checkpoint that is not used, and why."""

    checkpoint: str
    reason: str


def find_checkpoints(source: Path) -> tuple[Checkpoint, ...]:
    """The checkpoints of a folder, or of a text file that lists folders and hub ids.

    Those of a folder are sorted by their names, and a folder inside of a checkpoint is none;
    those of a list are in its order. In a list, ``#`` begins a comment, and a relative folder
    is one beside the list.

    Raises:
        ConfigurationError: there is none, or the list cannot be read.
    """
    found = tuple(_below(source)) if source.is_dir() else tuple(_listed(source))
    if not found:
        rule = (
            f"no folder below it has a {CONFIGURATION}"
            if source.is_dir()
            else "it lists no folder and no hub id"
        )
        raise ConfigurationError(
            f"There are no checkpoints in {source}: {rule}. Give a folder of save_pretrained "
            "checkpoints, or a text file with a folder or hub id in each line."
        )
    return found


def read_json(path: Path) -> Mapping[str, Any]:
    """The object in a JSON file.

    Raises:
        CheckpointError: the file is missing, too large, or holds no JSON object.
    """
    try:
        with path.open("rb") as file:
            text = file.read(_LARGEST_JSON_BYTES + 1)
        if len(text) > _LARGEST_JSON_BYTES:
            raise ValueError(f"it is larger than {_LARGEST_JSON_BYTES:,} bytes")
        found = json.loads(text)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} is no JSON: {error}.") from error
    if not isinstance(found, dict):
        raise CheckpointError(f"{path} holds a {type(found).__name__}, not an object.")
    return found


def weight_files(folder: Path) -> tuple[Path, ...]:
    """The files that hold a checkpoint's weights: safetensors before pickled ones.

    Raises:
        CheckpointError: there are none, or an index names others than parts beside it.
    """
    for name in WEIGHTS:
        path = folder / name
        if not path.is_file():
            continue
        if not name.endswith(".json"):
            return (path,)
        parts = read_json(path).get("weight_map")
        names = sorted(set(parts.values())) if isinstance(parts, dict) else []
        for part in names:
            # The index comes from outside: no path that it names may lead elsewhere.
            if not isinstance(part, str) or not _PART.fullmatch(part):
                raise CheckpointError(f"{path} names {part!r}, which is no part beside it.")
            if not (folder / part).is_file():
                raise CheckpointError(f"{folder / part} is missing, which {name} names.")
        if not names:
            raise CheckpointError(f"{path} names no files.")
        return tuple(folder / part for part in names)
    raise CheckpointError(f"{folder} has no weights: none of {', '.join(WEIGHTS)}.")


def files_key(folder: Path) -> str:
    """Hash of the names, sizes and times of change of the files that a checkpoint is read from.

    Raises:
        CheckpointError: it has no weights.
    """
    files = [folder / CONFIGURATION, folder / PREPROCESSING, *weight_files(folder)]
    digest = hashlib.blake2b(digest_size=16)
    for path in files:
        if path.is_file():
            status = path.stat()
            digest.update(f"{path.resolve()}\0{status.st_size}\0{status.st_mtime_ns}\0".encode())
    return digest.hexdigest()


def _below(root: Path) -> Iterator[Checkpoint]:
    if _is_checkpoint(root):
        yield Checkpoint(name=root.resolve().name, folder=root)
        return
    yield from _searched(root, root, depth=1)


def _searched(folder: Path, root: Path, *, depth: int) -> Iterator[Checkpoint]:
    for entry in sorted(folder.iterdir()):
        if not entry.is_dir() or entry.name.startswith("."):
            continue
        if _is_checkpoint(entry):
            yield Checkpoint(name=entry.relative_to(root).as_posix(), folder=entry)
        elif depth < _DEEPEST:  # links may lead in circles
            yield from _searched(entry, root, depth=depth + 1)


def _is_checkpoint(folder: Path) -> bool:
    # One without a configuration is one that lacks it: it is reported, not passed over.
    return any((folder / name).is_file() for name in (CONFIGURATION, *WEIGHTS))


def _listed(source: Path) -> Iterator[Checkpoint]:
    try:
        text = source.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"The list of checkpoints {source} cannot be read ({error}): it has to be a text "
            "file with a folder or hub id in each line."
        ) from error
    names = (line.partition("#")[0].strip() for line in text.splitlines())
    for name in dict.fromkeys(name for name in names if name):
        folder = source.parent / Path(name).expanduser()
        is_hub_id = not folder.is_dir() and _HUB_ID.fullmatch(name) is not None
        # What is neither becomes a folder that is not there, and is reported as such.
        yield Checkpoint(name=name, folder=None if is_hub_id else folder)
