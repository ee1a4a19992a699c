"""Folders with one sub-folder per class, as ImageFolder and the movie reviews have them."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from systems.data.sampling import choose_items
from systems.errors import DatasetError, did_you_mean

SPLIT_NAMES = frozenset({"train", "training", "val", "valid", "validation", "test", "testing"})
"""Sub-folders of these names are parts of a dataset, not classes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassFolders:
    """Labelled files, sorted by class and path."""

    root: Path
    classes: tuple[str, ...]
    labels: np.ndarray
    """int64 [files]."""
    files: tuple[Path, ...]

    def choose(self, *, items: int | None, seed: int) -> ClassFolders:
        """Keep ``items`` files by class share, or all; see ``choose_items`` for what is refused."""
        try:
            chosen = choose_items(self.labels, self.classes, items=items, seed=seed)
        except DatasetError as error:
            raise DatasetError(f"{self.root}: {error}") from None
        return ClassFolders(
            root=self.root,
            classes=self.classes,
            labels=self.labels[chosen],
            files=tuple(self.files[place] for place in chosen.tolist()),
        )


def find_class_folders(root: Path, *, suffixes: Collection[str], what: str) -> ClassFolders:
    """List the files of each class below ``root``, without opening any.

    Classes are the sub-folders, in order of name; files may lie at any depth below. Hidden
    files and folders are passed over.

    Args:
        root: the folder of folders.
        suffixes: lower-case endings that count, with the dot.
        what: the files' name in messages, such as "images".

    Raises:
        DatasetError: no such folder, no classes in it, or a class without files.
    """
    if not root.is_dir():
        raise DatasetError(_missing(root))
    folders = sorted(path for path in _visible(root) if path.is_dir())
    names = [folder.name for folder in folders]
    if not folders:
        raise DatasetError(
            f"The folder {root} has no sub-folders: it needs one per class, each with {what}."
        )
    if SPLIT_NAMES.issuperset(name.lower() for name in names):
        raise DatasetError(
            f"The folder {root} holds {', '.join(names)}, which are parts of a dataset, not "
            f"classes: point the path at one of them, such as {folders[0]}."
        )
    labels, files = [], []
    for label, folder in enumerate(folders):
        found = sorted(_files_below(folder, suffixes))
        if not found:
            raise DatasetError(
                f"The class folder {folder} has no {what} ({', '.join(sorted(suffixes))}): add "
                "some or remove the folder."
            )
        files += found
        labels += [label] * len(found)
    return ClassFolders(
        root=root,
        classes=tuple(names),
        labels=np.array(labels, dtype=np.int64),
        files=tuple(files),
    )


def _visible(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if not path.name.startswith(".")]


def _files_below(folder: Path, suffixes: Collection[str]) -> list[Path]:
    """Files of ``folder`` and its sub-folders, links to folders not followed."""
    found = []
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [
            Path(parent, name)
            for name in names
            if not name.startswith(".") and Path(name).suffix.lower() in suffixes
        ]
    return found


def _missing(root: Path) -> str:
    """Say what stands in the place of the folder, and which neighbour may be meant."""
    if root.exists():
        return f"{root} is a file; the path must be a folder with one sub-folder per class."
    sentence = f"The folder {root} does not exist."
    if not root.parent.is_dir():
        return f"{sentence} Nor does {root.parent}: correct the path."
    folders = [path.name for path in _visible(root.parent) if path.is_dir()]
    hint = did_you_mean(root.name, folders)
    return f"{sentence} {hint}" if hint.startswith("Did") else f"{sentence} Correct the path."
