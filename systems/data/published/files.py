"""The files of a published dataset, with their classes and published parts."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from systems.data.class_folders import ClassFolders
from systems.data.published.catalogue import PUBLISHED
from systems.data.published.place import find_published
from systems.errors import DatasetError

Entry = tuple[int, int, Path]
"""Label, number of the part, and file."""

LARGEST_LIST_BYTES = 64 * 2**20


@dataclass(frozen=True, kw_only=True, slots=True)
class PublishedFiles:
    """Labelled files by class and path, and the part that each was published in."""

    folders: ClassFolders
    parts: tuple[str, ...]
    """Names of the parts."""
    part_of: np.ndarray
    """int64 [files], indexes into ``parts``."""
    missing: tuple[Path, ...] = ()
    """Files that the dataset's own lists name and that are not there."""

    def counts(self) -> np.ndarray:
        """int64 [classes, parts], how many files there are."""
        table = np.zeros((len(self.folders.classes), len(self.parts)), dtype=np.int64)
        np.add.at(table, (self.folders.labels, self.part_of), 1)
        return table


def read_published(name: str, place: Path) -> PublishedFiles:
    """List the files of the published dataset ``name`` at or just below ``place``.

    Opens no item: reads folders and the dataset's own lists.

    Raises:
        DatasetError: the dataset is not there, not whole, or a list of it is damaged.
    """
    root, layout = find_published(PUBLISHED[name], place)
    module, _, function = layout.reader.partition(":")
    return getattr(importlib.import_module(module), function)(root)


def gather(
    root: Path,
    entries: Iterable[Entry],
    *,
    classes: Sequence[str],
    parts: Sequence[str],
    missing: Sequence[Path] = (),
) -> PublishedFiles:
    """Put the entries in order of class and path, whatever order they were found in.

    Raises:
        DatasetError: there are none.
    """
    ordered = sorted(entries, key=lambda entry: (entry[0], entry[2].as_posix()))
    if not ordered:
        raise DatasetError(f"The folder {root} has none of its files: unpack the archive again.")
    return PublishedFiles(
        folders=ClassFolders(
            root=root,
            classes=tuple(classes),
            labels=np.array([label for label, _, _ in ordered], dtype=np.int64),
            files=tuple(file for _, _, file in ordered),
        ),
        parts=tuple(parts),
        part_of=np.array([part for _, part, _ in ordered], dtype=np.int64),
        missing=tuple(sorted(missing)),
    )


def gather_parts(
    root: Path,
    parts: Mapping[str, ClassFolders],
    *,
    names: Mapping[str, str] | None = None,
    only: Sequence[str] | None = None,
) -> PublishedFiles:
    """Join class folders of several parts: folders of one name are one class.

    Args:
        root: of the dataset.
        parts: the class folders of each part, by its name.
        names: what a person calls the class of a folder; others keep the folder's name.
        only: the folders that count; None takes all.
    """
    found = sorted({name for part in parts.values() for name in part.classes})
    folders = [name for name in found if only is None or name in only]
    label_of = {name: label for label, name in enumerate(folders)}
    entries = [
        (label_of[part.classes[label]], number, file)
        for number, part in enumerate(parts.values())
        for label, file in zip(part.labels.tolist(), part.files, strict=True)
        if part.classes[label] in label_of
    ]
    shown = [(names or {}).get(name, name) for name in folders]
    return gather(root, entries, classes=shown, parts=tuple(parts))


class Shelf:
    """Looks up whether files are there, reading each folder once."""

    def __init__(self) -> None:
        self._names = functools.cache(_names_in)

    def __contains__(self, file: Path) -> bool:
        return file.name in self._names(file.parent)


def _names_in(folder: Path) -> frozenset[str]:
    return frozenset(file.name for file in folder.iterdir()) if folder.is_dir() else frozenset()


def read_list(path: Path) -> list[str]:
    """The lines of one of a dataset's own lists, without empty ones.

    Raises:
        DatasetError: it cannot be read as text.
    """
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_LIST_BYTES + 1)
        if len(content) > LARGEST_LIST_BYTES:
            raise DatasetError(f"The list {path} is larger than {LARGEST_LIST_BYTES:,} bytes.")
        text = content.decode("utf-8-sig")
    except OSError as error:
        raise DatasetError(f"The list {path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise DatasetError(
            f"The list {path} is no text ({error.reason}): unpack the archive again."
        ) from error
    return [line.strip() for line in text.splitlines() if line.strip()]


def file_below(folder: Path, name: str, *, source: Path) -> Path:
    """The file that a list names, which must lie in ``folder``.

    Raises:
        DatasetError: the name leads out of the folder.
    """
    relative = PurePosixPath(name)
    if relative.is_absolute() or ".." in relative.parts or not relative.parts or "\0" in name:
        raise DatasetError(
            f"The list {source} names '{name}', which is no path below {folder}: unpack the "
            "archive again."
        )
    return folder / relative
