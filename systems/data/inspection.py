"""Looking a dataset's files over before anything is searched: counts, small classes, damage."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from systems.data.class_folders import find_class_folders
from systems.data.datasets import DatasetKind, Modality
from systems.data.photos import IMAGE_SUFFIXES, read_photo
from systems.data.published.catalogue import PUBLISHED, PublishedDataset
from systems.data.published.files import PublishedFiles, read_published
from systems.data.text_folder import TEXT_SUFFIXES, read_text
from systems.errors import ConfigurationError, DatasetError

ENOUGH_ITEMS = 10
SMALL_SHARE = 0.1
"""A class of fewer items than these, or than this share of the middle class, is near-empty."""
NAMED_AT_MOST = 5
"""Classes that a sentence names; the rest are counted."""
DECODED_RESOLUTION = 224
"""Damage shows at any; JPEG files decode faster where less is wanted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Findings:
    """Sentences for a person."""

    problems: tuple[str, ...]
    """The data are not what they are said to be, or no search can use them."""
    notes: tuple[str, ...]
    """Worth knowing."""


def read_labelled(kind: DatasetKind, place: Path) -> PublishedFiles:
    """The labelled files of a dataset that lies in a folder; opens no item.

    Raises:
        ConfigurationError: this kind of dataset has no folder.
        DatasetError: it is not there, or not laid out as it must be.
    """
    if kind.name in PUBLISHED:
        return read_published(kind.name, place)
    if not kind.needs_path:
        raise ConfigurationError(
            f"The dataset '{kind.name}' does not lie in a folder of yours: there is nothing to "
            "check or split."
        )
    suffixes, what = (
        (IMAGE_SUFFIXES, "images") if kind.modality == "image" else (TEXT_SUFFIXES, "texts")
    )
    folders = find_class_folders(place, suffixes=suffixes, what=what)
    part_of = np.zeros(len(folders.files), dtype=np.int64)
    return PublishedFiles(folders=folders, parts=("all",), part_of=part_of)


def inspect(files: PublishedFiles, *, facts: PublishedDataset | None) -> Findings:
    """What can be said of the files by counting them.

    Args:
        files: what is there.
        facts: what was published; None where nothing was.
    """
    problems: list[str] = []
    counts = files.counts()
    if facts is not None:
        problems += _against_published(files, counts, facts)
    in_class = dict(zip(files.folders.classes, counts.sum(axis=1).tolist(), strict=True))
    if len(in_class) < 2:
        problems.append("There is one class only; a search needs two that it can tell apart.")
    lonely = [name for name, items in in_class.items() if items < 2]
    if lonely:
        problems.append(
            f"{_named(lonely)} {_has(lonely)} fewer than two items, one to test and one to train: "
            "a search refuses that."
        )
    bound = max(ENOUGH_ITEMS, SMALL_SHARE * float(np.median(list(in_class.values()))))
    scarce = [name for name, items in in_class.items() if 2 <= items < bound]
    notes = [f"{_named(scarce)} {_has(scarce)} fewer than {bound:.0f} items."] if scarce else []
    return Findings(problems=tuple(problems), notes=tuple(notes))


def _against_published(
    files: PublishedFiles, counts: np.ndarray, facts: PublishedDataset
) -> list[str]:
    problems = []
    if files.missing:
        problems.append(
            f"Files that its own lists name are not there: {len(files.missing):,}, such as "
            f"{files.missing[0]}."
        )
    if len(files.folders.classes) != facts.classes:
        problems.append(
            f"There are {len(files.folders.classes)} classes; {facts.classes} were published."
        )
    in_part = dict(zip(files.parts, counts.sum(axis=0).tolist(), strict=True))
    problems += [
        f"The part '{part}' has {in_part.get(part, 0):,} items; {items:,} were published."
        for part, items in facts.parts.items()
        if in_part.get(part, 0) != items
    ]
    if facts.class_items is not None:
        low, high = facts.class_items
        in_class = zip(files.folders.classes, counts.sum(axis=1).tolist(), strict=True)
        odd = [f"{name} ({items:,})" for name, items in in_class if not low <= items <= high]
        if odd:
            usual = f"{low:,}" if low == high else f"{low:,} to {high:,}"
            problems.append(f"Classes were published with {usual} items each: not so {_named(odd)}")
            problems[-1] += "."
    return problems


def complaints(files: PublishedFiles, modality: Modality) -> Iterator[str | None]:
    """Read and decode every file, in order, on all cores; within the bounds of a search.

    Yields:
        For each file what is wrong with it, or None.
    """
    check = _image_complaint if modality == "image" else _text_complaint
    pool = ThreadPoolExecutor(os.cpu_count())
    try:
        yield from pool.map(check, files.folders.files)
    finally:
        pool.shutdown(cancel_futures=True)  # whoever stops asking does not wait for the rest


def _image_complaint(path: Path) -> str | None:
    try:
        read_photo(path, resolution=DECODED_RESOLUTION)
    except DatasetError as error:
        return str(error)
    return None


def _text_complaint(path: Path) -> str | None:
    try:
        read_text(path)
    except DatasetError as error:
        return str(error)
    return None


def _named(names: list[str]) -> str:
    more = len(names) - NAMED_AT_MOST
    shown = ", ".join(names[:NAMED_AT_MOST])
    return f"{shown} and {more:,} more" if more > 0 else shown


def _has(names: list[str]) -> str:
    return "has" if len(names) == 1 else "have"
