"""Opening a published dataset for a search."""

from __future__ import annotations

from pathlib import Path

from systems.data.datasets import Dataset, DatasetSpec
from systems.data.image_folder import ImageFolder
from systems.data.published.catalogue import PUBLISHED
from systems.data.published.files import PublishedFiles, read_published
from systems.data.text_folder import tokenised
from systems.errors import DatasetError


def open_published(spec: DatasetSpec, *, cache_dir: Path) -> Dataset:
    """Open a published dataset: items of all its parts together, chosen by class share.

    Raises:
        DatasetError: it is not there, not whole, or has fewer items than asked for.
    """
    facts = PUBLISHED[spec.name]
    files = read_published(spec.name, Path(spec.path or "").expanduser())
    require_all(files)
    chosen = files.folders.choose(items=spec.items, seed=spec.seed)
    if facts.modality == "text":
        return tokenised(chosen, spec, cache_dir=cache_dir)
    return ImageFolder(chosen, resolution=spec.resolution or 0, timing_only=False)


def require_all(files: PublishedFiles) -> None:
    """Raise DatasetError where the dataset's own lists name files that are not there."""
    if files.missing:
        more = len(files.missing) - 1
        raise DatasetError(
            f"{files.missing[0]} is named by the dataset's own lists but is not there"
            + (f", nor are {more:,} others" if more else "")
            + ": unpack the archive again."
        )
