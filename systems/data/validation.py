"""Proof that every item can be decoded, before any model runs."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from systems.data.content import content_hash, write_atomically
from systems.data.datasets import Dataset
from systems.errors import DatasetError

NAMED_AT_MOST = 3
"""Damaged items that a message quotes; the rest are counted."""


def validate_items(dataset: Dataset, *, cache_dir: Path | None = None) -> None:
    """Decode every item once and report all that cannot be.

    Reads every file, and so leaves them in the page cache.

    Args:
        dataset: what to check.
        cache_dir: remember here that these files, by path, size and time of change, were
            sound; then the next check opens none of them.

    Raises:
        DatasetError: names the damaged items.
    """
    mark = None
    if cache_dir is not None and dataset.files:
        mark = cache_dir / "validated" / _fingerprint(dataset)
        if mark.exists():
            return
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        complaints = [
            complaint
            for complaint in pool.map(
                lambda index: _complaint(dataset, index), range(len(dataset.labels))
            )
            if complaint
        ]
    if complaints:
        more = len(complaints) - NAMED_AT_MOST
        tail = f" And {more} more (`alsatian-bench data check` names all)." if more > 0 else ""
        raise DatasetError(" ".join(complaints[:NAMED_AT_MOST]) + tail)
    if mark is not None:
        mark.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(mark, b"")


def _complaint(dataset: Dataset, index: int) -> str | None:
    """What is wrong with an item; None if it can be decoded."""
    try:
        dataset.decode(index)
    except DatasetError as error:
        return str(error)
    return None


def _fingerprint(dataset: Dataset) -> str:
    """Hex digest of the files' paths, sizes and times of change."""
    states = [(path, path.stat()) for path in dataset.files]
    return content_hash(
        f"{path.absolute()} {state.st_size} {state.st_mtime_ns}" for path, state in states
    )
