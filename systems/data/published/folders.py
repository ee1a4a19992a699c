"""Published datasets whose classes are folders: Imagenette, ImageWoof, Dogs, film reviews."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from systems.data.class_folders import find_class_folders
from systems.data.photos import IMAGE_SUFFIXES
from systems.data.published.files import PublishedFiles, gather_parts
from systems.data.text_folder import TEXT_SUFFIXES

WORDNET_NAMES = {
    "n01440764": "tench",
    "n02086240": "Shih-Tzu",
    "n02087394": "Rhodesian ridgeback",
    "n02088364": "beagle",
    "n02089973": "English foxhound",
    "n02093754": "Border terrier",
    "n02096294": "Australian terrier",
    "n02099601": "golden retriever",
    "n02102040": "English springer",
    "n02105641": "Old English sheepdog",
    "n02111889": "Samoyed",
    "n02115641": "dingo",
    "n02979186": "cassette player",
    "n03000684": "chain saw",
    "n03028079": "church",
    "n03394916": "French horn",
    "n03417042": "garbage truck",
    "n03425413": "gas pump",
    "n03445777": "golf ball",
    "n03888257": "parachute",
}
"""Names of the WordNet identifiers of Imagenette and ImageWoof."""
REVIEW_NAMES = {"neg": "negative", "pos": "positive"}


def read_wordnet_folders(root: Path) -> PublishedFiles:
    """Imagenette and ImageWoof: ``train`` and ``val``, classes by WordNet identifier."""
    return read_parts(root, ("train", "val"), names=WORDNET_NAMES)


def read_parts(
    root: Path, parts: tuple[str, ...], *, names: dict[str, str] | None = None
) -> PublishedFiles:
    """Folders of parts, each with one folder of images per class.

    Raises:
        DatasetError: a part has no classes, or a class no images.
    """
    found = {
        part: find_class_folders(root / part, suffixes=IMAGE_SUFFIXES, what="images")
        for part in parts
    }
    return gather_parts(root, found, names=names)


def read_dogs(root: Path) -> PublishedFiles:
    """Stanford Dogs: ``Images/n02085620-Chihuahua``, called Chihuahua."""
    files = read_parts(root, ("Images",))
    breeds = (name.partition("-")[2] or name for name in files.folders.classes)
    classes = tuple(breed.replace("_", " ") for breed in breeds)
    return dataclasses.replace(files, folders=dataclasses.replace(files.folders, classes=classes))


def read_reviews(root: Path) -> PublishedFiles:
    """Large Movie Review: ``neg`` and ``pos`` of ``train`` and ``test``.

    Raises:
        DatasetError: one of the folders has no texts.
    """
    found = {
        part: find_class_folders(root / part, suffixes=TEXT_SUFFIXES, what="texts")
        for part in ("train", "test")
    }
    return gather_parts(root, found, names=REVIEW_NAMES, only=tuple(REVIEW_NAMES))
