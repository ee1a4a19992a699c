"""Photo-sized JPEG files made from a seed: real reading and decoding, meaningless labels."""

from __future__ import annotations

import io
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from systems.data.class_folders import ClassFolders
from systems.data.content import write_atomically
from systems.data.datasets import DatasetSpec
from systems.data.image_folder import ImageFolder
from systems.errors import DatasetError

GENERATOR_VERSION = 1
"""Changes with the pictures, so that older cached files are not taken for newer ones."""
CLASSES = tuple(f"pattern {number}" for number in range(10))
SIZES = ((500, 375), (500, 375), (500, 375), (375, 500), (500, 333))
"""Width and height in pixels, each as likely as it is often listed; near ImageNet's."""
QUALITY = 90
"""Of the JPEG files; gives about 100 kB each, as ImageNet's have."""
NOISE_SIDE = 1024


def open_fake(spec: DatasetSpec, *, cache_dir: Path) -> ImageFolder:
    """Generate the photos that the cache lacks, and open them.

    Photo i depends on the seed and i alone, so that more items reuse the files of fewer.

    Raises:
        DatasetError: too few items for the classes, or the cache cannot be written.
    """
    items = spec.items or 0  # there are as many as are asked for
    if items < 2 * len(CLASSES):
        raise DatasetError(
            f"{items} fake photos were asked for, but {len(CLASSES)} classes need two each, "
            f"one to test and one to train: ask for at least {2 * len(CLASSES)}."
        )
    labels = np.arange(items, dtype=np.int64) % len(CLASSES)
    folder = cache_dir / "fake" / f"v{GENERATOR_VERSION}-seed{spec.seed}"
    files = tuple(folder / f"{number:06d}.jpg" for number in range(items))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _generate_missing(files, seed=spec.seed)
    except OSError as error:
        raise DatasetError(
            f"The fake photos cannot be written to {folder} ({error.strerror}): free some space "
            "(about 0.1 MB per item) or choose another cache folder."
        ) from error
    folders = ClassFolders(root=folder, classes=CLASSES, labels=labels, files=files)
    return ImageFolder(folders, resolution=spec.resolution or 0, timing_only=True)


def photo(number: int, *, seed: int, noise: np.ndarray) -> bytes:
    """The JPEG file of photo ``number``: natural-looking noise and its class's stripes.

    Args:
        number: the photo's place; its class is ``number`` modulo the number of classes.
        seed: of the whole set.
        noise: float32 [1024, 1024, 3] from ``pink_noise``.
    """
    generator = np.random.default_rng([seed, number])
    width, height = SIZES[generator.integers(len(SIZES))]
    top, left = generator.integers(NOISE_SIDE - np.array([height, width]))
    label = number % len(CLASSES)
    angle = np.pi * label / len(CLASSES)
    wavelength_px = 20 + 5 * label
    across = np.cos(angle) * np.arange(width) + np.sin(angle) * np.arange(height)[:, None]
    phase = generator.uniform(0, 2 * np.pi)
    stripes = 25 * np.sin(across.astype(np.float32) * (2 * np.pi / wavelength_px) + phase)
    pixels = noise[top : top + height, left : left + width] * generator.uniform(30, 60)
    pixels += stripes[:, :, None] + generator.uniform(90, 160, size=3)
    picture = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
    file = io.BytesIO()
    picture.save(file, format="JPEG", quality=QUALITY)
    return file.getvalue()


def pink_noise(seed: int) -> np.ndarray:
    """Noise with the 1/f amplitudes of natural images, float32 [1024, 1024, 3], about ±1.

    D. J. Field, "Relations between the statistics of natural images and the response
    properties of cortical cells", JOSA A 4 (1987).
    """
    generator = np.random.default_rng([seed, GENERATOR_VERSION])
    rows = np.fft.fftfreq(NOISE_SIDE)[:, None]
    columns = np.fft.rfftfreq(NOISE_SIDE)
    frequency = np.hypot(rows, columns)
    frequency[0, 0] = np.inf
    white = generator.standard_normal((4, NOISE_SIDE, NOISE_SIDE), dtype=np.float32)
    fields = np.fft.irfft2(np.fft.rfft2(white) / frequency, s=(NOISE_SIDE, NOISE_SIDE))
    fields /= fields.std(axis=(1, 2), keepdims=True)
    # Colours of a photo vary together: one field of brightness and three weak ones of hue.
    return np.moveaxis(fields[:1] + 0.4 * fields[1:], 0, -1).astype(np.float32)


def _generate_missing(files: tuple[Path, ...], *, seed: int) -> None:
    """Write the files that are absent, or empty after a crash of the machine."""
    missing = [
        number for number, path in enumerate(files) if not path.exists() or path.stat().st_size == 0
    ]
    if not missing:
        return
    noise = pink_noise(seed)

    def generate(number: int) -> None:
        write_atomically(files[number], photo(number, seed=seed, noise=noise), durable=False)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for _ in pool.map(generate, missing):
            pass
