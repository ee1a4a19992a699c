"""Stanford Cars in its two published layouts, and as commonly re-packed by class."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from scipy.io import loadmat

from systems.data.published.files import Entry, PublishedFiles, Shelf, file_below, gather
from systems.data.published.folders import read_parts
from systems.errors import DatasetError

PARTS = ("train", "test")


def read_cars_parts(root: Path) -> PublishedFiles:
    """``cars_train`` and ``cars_test``, with the development kit's MATLAB files.

    The test images' classes are in ``cars_test_annos_withlabels.mat`` only, a file of its
    own; the ``cars_test_annos.mat`` of the kit has none.

    Raises:
        DatasetError: a MATLAB file is missing, damaged, or without classes.
    """
    classes = _texts(_table(_mat_file(root, "cars_meta.mat"), "class_names"))
    shelf = Shelf()
    entries: list[Entry] = []
    missing: list[Path] = []
    annotations = ("cars_train_annos.mat", "cars_test_annos_withlabels.mat")
    for part, (folder, name) in enumerate(
        zip(("cars_train", "cars_test"), annotations, strict=True)
    ):
        source = _mat_file(root, name)
        rows = _table(source, "annotations", columns=("fname", "class"))
        place = root / folder
        if (place / folder).is_dir():  # some copies are packed with the folder twice
            place = place / folder
        for file, label in zip(
            _texts(rows["fname"]), _labels(rows["class"], len(classes), source), strict=True
        ):
            path = file_below(place, file, source=source)
            if path in shelf:
                entries.append((label, part, path))
            else:
                missing.append(path)
    return gather(root, entries, classes=classes, parts=PARTS, missing=missing)


def read_cars_together(root: Path) -> PublishedFiles:
    """``car_ims`` with all images, and ``cars_annos.mat`` with their classes and parts.

    Raises:
        DatasetError: the MATLAB file is damaged.
    """
    source = root / "cars_annos.mat"
    classes = _texts(_table(source, "class_names"))
    rows = _table(source, "annotations", columns=("relative_im_path", "class", "test"))
    labels = _labels(rows["class"], len(classes), source)
    shelf = Shelf()
    entries: list[Entry] = []
    missing: list[Path] = []
    for file, label, is_test in zip(
        _texts(rows["relative_im_path"]), labels, rows["test"], strict=True
    ):
        path = file_below(root, file, source=source)
        if path in shelf:
            entries.append((label, int(is_test), path))
        else:
            missing.append(path)
    return gather(root, entries, classes=classes, parts=PARTS, missing=missing)


def read_cars_folders(root: Path) -> PublishedFiles:
    """``train`` and ``test`` with one folder per class, as the images are often re-packed."""
    return read_parts(root, PARTS)


def _mat_file(root: Path, name: str) -> Path:
    """The file ``name`` of the development kit, wherever a copy keeps it.

    Raises:
        DatasetError: it is nowhere.
    """
    places = [root, root / "devkit", root / "car_devkit" / "devkit", root / "car_devkit"]
    for place in places:
        if (place / name).is_file():
            return place / name
    raise DatasetError(
        f"The folder {root} lacks {name}, which says what the images show: put it there or into "
        f"{root / 'devkit'}."
    )


def _table(source: Path, name: str, *, columns: tuple[str, ...] = ()) -> Any:
    """The variable ``name`` of a MATLAB file, as an array of one dimension.

    Raises:
        DatasetError: the file is damaged, or lacks the variable or a column of it.
    """
    try:
        values = np.atleast_1d(loadmat(source, squeeze_me=True)[name])
    except Exception as error:  # the reader raises nearly anything for a damaged file
        raise DatasetError(
            f"{source} cannot be read as a MATLAB file with '{name}' "
            f"({type(error).__name__}: {error}): unpack the archive again."
        ) from error
    absent = [column for column in columns if column not in (values.dtype.names or ())]
    if absent:
        raise DatasetError(
            f"{source} says nothing of {', '.join(absent)} in '{name}': use the file with labels "
            "that the dataset's page offers."
        )
    return values


def _texts(values: Any) -> list[str]:
    return [str(value) for value in values]


def _labels(values: Any, classes: int, source: Path) -> list[int]:
    """Labels from 0; MATLAB counts from 1.

    Raises:
        DatasetError: a class that has no name.
    """
    labels = [int(value) - 1 for value in values]
    wrong = [label + 1 for label in labels if not 0 <= label < classes]
    if wrong:
        raise DatasetError(
            f"{source} has the class {wrong[0]}, but {classes} classes have names: unpack the "
            "archive again."
        )
    return labels
