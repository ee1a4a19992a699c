"""Published datasets with lists of their files: CUB-200-2011 and Food-101."""

from __future__ import annotations

from pathlib import Path

from systems.data.published.files import (
    Entry,
    PublishedFiles,
    Shelf,
    file_below,
    gather,
    read_list,
)
from systems.errors import DatasetError


def read_cub(root: Path) -> PublishedFiles:
    """CUB-200-2011: numbered lists of images, their classes, and their parts.

    ``train_test_split.txt`` says 1 for train; without it all images count as train, which
    makes no difference to a search.

    Raises:
        DatasetError: a list is damaged, or the lists do not fit together.
    """
    images = _numbered(root / "images.txt")
    labels = _numbered(root / "image_class_labels.txt")
    classes = _numbered(root / "classes.txt")
    split = root / "train_test_split.txt"
    is_train = _numbered(split) if split.exists() else dict.fromkeys(images, "1")
    label_of = {number: label for label, number in enumerate(classes)}
    shelf = Shelf()
    entries: list[Entry] = []
    missing: list[Path] = []
    for number, name in images.items():
        if labels.get(number) not in label_of or is_train.get(number) not in ("0", "1"):
            raise DatasetError(
                f"The image {number} ({name}) of {root / 'images.txt'} has no class in "
                "image_class_labels.txt and classes.txt, or no part in train_test_split.txt: "
                "unpack the archive again."
            )
        file = file_below(root / "images", name, source=root / "images.txt")
        if file in shelf:
            part = 0 if is_train[number] == "1" else 1
            entries.append((label_of[labels[number]], part, file))
        else:
            missing.append(file)
    shown = [name.partition(".")[2].replace("_", " ") or name for name in classes.values()]
    return gather(root, entries, classes=shown, parts=("train", "test"), missing=missing)


def _numbered(path: Path) -> dict[str, str]:
    """Lines of a number and a value.

    Raises:
        DatasetError: another line, or a number twice.
    """
    values: dict[str, str] = {}
    for place, line in enumerate(read_list(path), start=1):
        number, _, value = line.partition(" ")
        if not number.isdigit() or not value or number in values:
            raise DatasetError(
                f"Line {place} of {path} is '{line[:80]}'; it must be a new number and a value: "
                "unpack the archive again."
            )
        values[number] = value.strip()
    return values


def read_food(root: Path) -> PublishedFiles:
    """Food-101: ``meta/train.txt`` and ``meta/test.txt`` name images as ``class/number``.

    ``meta/labels.txt`` has the names of ``meta/classes.txt`` as a person writes them.

    Raises:
        DatasetError: a list is damaged or names another class.
    """
    meta = root / "meta"
    classes = read_list(meta / "classes.txt")
    shown = read_list(meta / "labels.txt") if (meta / "labels.txt").exists() else classes
    if len(shown) != len(classes):
        raise DatasetError(
            f"{meta / 'labels.txt'} has {len(shown)} names and classes.txt {len(classes)}; they "
            "must be as many: unpack the archive again."
        )
    label_of = {name: label for label, name in enumerate(classes)}
    shelf = Shelf()
    entries: list[Entry] = []
    missing: list[Path] = []
    for part, source in enumerate((meta / "train.txt", meta / "test.txt")):
        for line in read_list(source):
            name = line.partition("/")[0]
            if name not in label_of:
                raise DatasetError(
                    f"{source} names '{line[:80]}', whose class is not in classes.txt: unpack "
                    "the archive again."
                )
            file = file_below(root / "images", f"{line}.jpg", source=source)
            if file in shelf:
                entries.append((label_of[name], part, file))
            else:
                missing.append(file)
    return gather(root, entries, classes=shown, parts=("train", "test"), missing=missing)
