"""Decoding an image file of any size to a square of pixels, within bounds."""

from __future__ import annotations

import math
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from systems.errors import DatasetError

IMAGE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"}
)
FORMATS = ("JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
"""Decoders that may be tried; PIL has many more that no image folder needs."""
LARGEST_IMAGE_PIXELS = 89_478_485
"""A quarter of a gibibyte of RGB, PIL's own limit: a small file may claim any size."""
CROP = 224 / 256
"""Share of the shorter side that is kept, as the published models were evaluated."""
DAMAGE = (OSError, SyntaxError, ValueError, EOFError, IndexError, struct.error, zlib.error)
"""What PIL's decoders raise for damaged files."""


def read_photo(path: Path, *, resolution: int) -> Image.Image:
    """Read an image, large enough for ``fit_photo`` to a resolution up to ``resolution``.

    JPEG files far larger than needed are decoded at a half, a quarter or an eighth of their
    size, never below what the crop needs.

    Args:
        path: an image file in one of ``FORMATS``.
        resolution: side in pixels of the largest result.

    Returns:
        The whole picture in RGB.

    Raises:
        DatasetError: the file is missing, damaged, or claims no pixels or too many.
    """
    try:
        with Image.open(path, formats=FORMATS) as image:
            width, height = image.size
            if not 0 < width * height <= LARGEST_IMAGE_PIXELS:
                raise DatasetError(_unfit_size(path, f"{width} × {height} pixels"))
            needed = math.ceil(resolution / CROP)
            image.draft("RGB", (needed, needed))
            if image.mode == "RGB":
                image.load()
                return image
            return image.convert("RGB")
    except DatasetError:
        raise
    except Image.DecompressionBombError as error:
        raise DatasetError(_unfit_size(path, str(error))) from None
    except DAMAGE as error:
        raise DatasetError(
            f"The image {path} cannot be decoded ({error}): replace or remove the file."
        ) from error


def fit_photo(image: Image.Image, *, resolution: int) -> np.ndarray:
    """Cut the central square of an RGB image and resize it (bilinear, antialiased).

    Returns:
        uint8 [resolution, resolution, 3].
    """
    width, height = image.size
    side = min(width, height) * CROP
    left, top = (width - side) / 2, (height - side) / 2
    box = (left, top, left + side, top + side)
    return np.asarray(image.resize((resolution, resolution), Image.Resampling.BILINEAR, box=box))


def _unfit_size(path: Path, size: str) -> str:
    return (
        f"The image {path} claims {size}; at most {LARGEST_IMAGE_PIXELS:,} pixels are decoded, "
        "and at least one: scale it down or remove the file."
    )
