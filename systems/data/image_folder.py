"""Images in class folders, decoded from their files each time."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np
from PIL import Image

from systems.data.class_folders import ClassFolders, find_class_folders
from systems.data.content import content_hash
from systems.data.datasets import Dataset, DatasetSpec, Modality
from systems.data.photos import IMAGE_SUFFIXES, fit_photo, read_photo
from systems.data.transform import Transform


class ImageFolder(Dataset):
    """Labelled image files, brought to square sizes when decoded."""

    modality: Modality = "image"

    def __init__(self, folders: ClassFolders, *, resolution: int, timing_only: bool) -> None:
        self.timing_only = timing_only
        self.classes = folders.classes
        self.labels = folders.labels
        self.files = folders.files
        self.transform = Transform(resolution=resolution)

    @cached_property
    def content_id(self) -> str:
        """Hex digest of all file contents, the labels and the resolution."""
        contents = (path.read_bytes() for path in self.files)
        return content_hash(["photos", self.transform.shape[0], self.labels.tobytes(), *contents])

    def describe(self, index: int) -> str:
        """Name item ``index`` by its file."""
        return str(self.files[index])

    def read(self, index: int) -> Image.Image:
        """Read and decode image ``index``, as large as the largest transform needs it."""
        return read_photo(self.files[index], resolution=self.transform.shape[0])

    def fit(self, source: Image.Image, transform: Transform) -> np.ndarray:
        """Crop and resize an image to uint8 [R, R, 3]."""
        return fit_photo(source, resolution=transform.shape[0])


def open_image_folder(spec: DatasetSpec, *, cache_dir: Path) -> ImageFolder:
    """Open a folder of class folders of images; nothing is cached on disk."""
    root = Path(spec.path or "").expanduser()
    folders = find_class_folders(root, suffixes=IMAGE_SUFFIXES, what="images")
    return ImageFolder(
        folders.choose(items=spec.items, seed=spec.seed),
        resolution=spec.resolution or 0,
        timing_only=False,
    )
