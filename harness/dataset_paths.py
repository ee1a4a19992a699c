"""Where the files of a dataset are: a path that is given, or the folder of all datasets."""

from __future__ import annotations

import os
from pathlib import Path

from systems.data.datasets import DatasetKind
from systems.data.published.catalogue import PUBLISHED
from systems.data.published.place import find_published
from systems.errors import ConfigurationError

DATA_FOLDER = "ALSATIAN_BENCH_DATA"
"""Environment variable: a folder in which published datasets lie, each in a folder of its own."""


def dataset_path(kind: DatasetKind, given: str | None) -> str:
    """The absolute path of a dataset's folder; that of a published one is looked for.

    A published dataset may lie in the given folder or in a folder within it, and where none
    is given, in ``ALSATIAN_BENCH_DATA``; so that a scenario that names it needs no path.

    Args:
        kind: one that needs a path.
        given: an existing folder, or None.

    Raises:
        ConfigurationError: nothing says where it is, or it is not there.
    """
    if kind.name not in PUBLISHED:
        if given is None:
            raise ConfigurationError(
                f"The dataset '{kind.name}' needs a path: the folder that holds {kind.path_holds}."
            )
        return given
    place = given or os.environ.get(DATA_FOLDER)
    if not place:
        raise ConfigurationError(
            f"The dataset '{kind.name}' needs a path: the folder that holds {kind.path_holds}. "
            f"Write it under 'path', or set {DATA_FOLDER} to the folder that your datasets lie in."
            f"{where_from(kind)}"
        )
    folder, _ = find_published(PUBLISHED[kind.name], Path(place).expanduser())
    return str(folder.resolve())


def where_from(kind: DatasetKind) -> str:
    """A further sentence for a message about a dataset that is not there."""
    if kind.name not in PUBLISHED:
        return ""
    return f" `alsatian-bench data list {kind.name}` says where it comes from."
