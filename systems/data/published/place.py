"""Finding the folder of a published dataset, or saying what is missing of it."""

from __future__ import annotations

from pathlib import Path

from systems.data.published.catalogue import Layout, PublishedDataset
from systems.errors import DatasetError

ARCHIVE_SUFFIXES = (".tgz", ".tar", ".gz", ".zip")


def find_published(facts: PublishedDataset, place: Path) -> tuple[Path, Layout]:
    """The folder of a dataset: ``place`` itself, or the one folder in it that has its layout.

    Raises:
        DatasetError: there is none, or more than one.
    """
    if not place.is_dir():
        what = "is a file" if place.exists() else "does not exist"
        raise DatasetError(f"The folder {place} {what}. {_advice(facts)}")
    inside = sorted(path for path in place.iterdir() if path.is_dir() and path.name[0] != ".")
    for candidates in ([place], inside):
        found = [
            (folder, layout)
            for folder in candidates
            for layout in facts.layouts
            if not _lacking(folder, layout)
        ]
        if len(found) > 1:
            named = ", ".join(folder.name for folder, _ in found)
            raise DatasetError(
                f"The folder {place} holds {facts.title} more than once ({named}): point the path "
                "at one of them."
            )
        if found:
            return found[0]
    raise DatasetError(_not_found(facts, place, inside))


def _lacking(folder: Path, layout: Layout) -> list[str]:
    return [mark for mark in layout.marks if not (folder / mark).exists()]


def _not_found(facts: PublishedDataset, place: Path, inside: list[Path]) -> str:
    """Say how near ``place`` comes to the dataset, and what to do."""
    packed = sorted(path.name for path in place.iterdir() if path.suffix in ARCHIVE_SUFFIXES)
    halves = [
        (folder, layout, _lacking(folder, layout))
        for folder in [place, *inside]
        for layout in facts.layouts
    ]
    folder, layout, lacking = min(halves, key=lambda half: len(half[2]) / len(half[1].marks))
    if 2 * len(lacking) <= len(layout.marks):  # fewer may be there by chance, such as 'images'
        sentence = f"The folder {folder} is not whole: it lacks {', '.join(lacking)}."
    else:
        sentence = (
            f"The folder {place} is not {facts.title}: neither it nor a folder in it has "
            f"{' and '.join(facts.layouts[0].marks)}."
        )
    if packed:
        sentence += f" There are packed files in it ({', '.join(packed[:3])}): unpack them."
    return f"{sentence} {_advice(facts)}"


def _advice(facts: PublishedDataset) -> str:
    layouts = ", or ".join("; ".join(layout.tree) for layout in facts.layouts).replace("  ", " ")
    return (
        f"{facts.title} comes from {facts.page} ({facts.download}); unpacked, its folder holds: "
        f"{layouts}."
    )
