"""The split that a search uses, written down: a line for each item."""

from __future__ import annotations

import csv
import io

from systems.data.class_folders import ClassFolders
from systems.data.split import split_items

COLUMNS = ("file", "class", "part", "order")


def split_table(
    folders: ClassFolders, *, items: int | None, seed: int, test_fraction: float
) -> tuple[str, dict[str, int]]:
    """Choose and split items exactly as a search with the same numbers does.

    Args:
        folders: all labelled files.
        items: how many to choose by class share (``items`` of a scenario); None takes all.
        seed: of choice, split and order (``data_seed``).
        test_fraction: share of the items that test.

    Returns:
        CSV text: the file, relative to the dataset's folder; its class; ``test`` or ``train``;
        and its place, from 0, in the order in which the search uses that part. And the number
        of items of each part.

    Raises:
        ConfigurationError: too few items, or of one class, or an impossible share.
    """
    chosen = folders.choose(items=items, seed=seed)
    split = split_items(chosen.labels, test_fraction=test_fraction, seed=seed)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    parts = {"test": split.test, "train": split.train}
    for part, places in parts.items():
        for order, place in enumerate(places.tolist()):
            file = chosen.files[place].relative_to(folders.root).as_posix()
            writer.writerow((file, chosen.classes[int(chosen.labels[place])], part, order))
    return text.getvalue(), {part: len(places) for part, places in parts.items()}
