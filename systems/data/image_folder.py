"""Images in class folders, decoded from their files each time."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np

from systems.data.class_folders import ClassFolders, find_class_folders
from systems.data.content import content_hash
from systems.data.datasets import DatasetSpec, Modality
from systems.data.photos import IMAGE_SUFFIXES, decode_photo


class ImageFolder:
    """Labelled image files, brought to one square size when decoded."""

    modality: Modality = "image"

    def __init__(self, folders: ClassFolders, *, resolution: int, timing_only: bool) -> None:
        self.timing_only = timing_only
        self.classes = folders.classes
        self.labels = folders.labels
        self.files = folders.files
        self.item_shape = (resolution, resolution, 3)

    @cached_property
    def content_id(self) -> str:
        """Hex digest of all file contents, the labels and the resolution."""
        contents = (path.read_bytes() for path in self.files)
        return content_hash(["photos", self.item_shape[0], self.labels.tobytes(), *contents])

    def describe(self, index: int) -> str:
        """Name item ``index`` by its file."""
        return str(self.files[index])

    def decode(self, index: int) -> np.ndarray:
        """Read, decode, crop and resize image ``index`` to uint8 [R, R, 3]."""
        return decode_photo(self.files[index], resolution=self.item_shape[0])


def open_image_folder(spec: DatasetSpec, *, cache_dir: Path) -> ImageFolder:
    """Open a folder of class folders of images; nothing is cached on disk."""
    root = Path(spec.path or "").expanduser()
    folders = find_class_folders(root, suffixes=IMAGE_SUFFIXES, what="images")
    return ImageFolder(
        folders.choose(items=spec.items, seed=spec.seed),
        resolution=spec.resolution or 0,
        timing_only=False,
    )
