"""scikit-learn's handwritten digits: real labelled images that need no download."""

from __future__ import annotations

import importlib.util
from functools import cache, cached_property
from pathlib import Path

import numpy as np

from systems.data.content import content_hash
from systems.data.datasets import Dataset, DatasetSpec, Modality
from systems.data.sampling import choose_items
from systems.data.transform import Transform
from systems.errors import ConfigurationError

SIDE = 8
"""Pixels per side of the originals."""
LARGEST_VALUE = 16
"""Of a pixel of the originals."""
_TABLE = Path("datasets", "data", "digits.csv.gz")
LARGEST_PRODUCT = 2**17
"""Multiplications in one matrix product; from about 2^18 on OpenBLAS wakes its threads, which
on busy cores makes a resize five times slower."""


class Digits(Dataset):
    """Handwritten digits (8 × 8, E. Alpaydin and C. Kaynak, UCI), upscaled to RGB.

    Reading one gives the original; fitting resizes it: bilinear with half-pixel centres, as
    PIL does it.
    """

    modality: Modality = "image"
    timing_only = False
    files: tuple[Path, ...] = ()

    def __init__(self, spec: DatasetSpec) -> None:
        resolution = spec.resolution or 0
        if resolution < SIDE:
            raise ConfigurationError(
                f"resolution is {resolution}; digits are {SIDE} × {SIDE} and only scaled up, so "
                f"it must be at least {SIDE}."
            )
        images, labels = originals()
        self.classes: tuple[str, ...] = tuple(str(name) for name in np.unique(labels))
        self._places = choose_items(labels, self.classes, items=spec.items, seed=spec.seed)
        self.labels = labels[self._places]
        self.transform = Transform(resolution=resolution)
        self._originals = images[self._places]

    @cached_property
    def content_id(self) -> str:
        """Hex digest of originals, labels and resolution."""
        return content_hash(
            [
                "digits, bilinear",
                self.transform.shape[0],
                self._originals.tobytes(),
                self.labels.tobytes(),
            ]
        )

    def describe(self, index: int) -> str:
        """Name item ``index`` by its place in scikit-learn's collection."""
        return f"digit {self._places[index]} of sklearn.datasets.load_digits"

    def read(self, index: int) -> np.ndarray:
        """Original ``index``, uint8 [8, 8], of values up to 16."""
        return self._originals[index]

    def fit(self, source: np.ndarray, transform: Transform) -> np.ndarray:
        """Resize an original to uint8 [R, R, 3]."""
        rows, columns, brightness = _resize_tables(transform.shape[0])
        # Exact in [strips, rows of a strip, 3R]; the last strip may reach below the picture.
        stretched = (rows @ source.astype(rows.dtype)) @ columns
        stretched *= brightness
        stretched += 0.5
        pixels = stretched.astype(np.uint8).reshape(-1, *transform.shape[1:])
        return pixels[: transform.shape[0]]


def open_digits(spec: DatasetSpec, *, cache_dir: Path) -> Digits:
    """Open the digits; nothing is cached on disk."""
    return Digits(spec)


@cache
def _resize_tables(resolution: int) -> tuple[np.ndarray, np.ndarray, np.floating]:
    """Interpolation as two matrix products, exact in floating point.

    A weight of bilinear interpolation is a multiple of 1 / (2 · resolution). Kept as whole
    numbers, weights and products have no rounding, so that the result cannot depend on the
    order of summation or the number of BLAS threads.

    Returns:
        rows [strips, rows of a strip, 8], padded with zeros to whole strips; columns [8, 3R],
        each column thrice, for red, green and blue; and the factor from their product to
        brightness 0 … 255.
    """
    unit = 2 * resolution
    exact_in_single = LARGEST_VALUE * unit**2 <= 2**24
    dtype = np.float32 if exact_in_single else np.float64
    centres = (2 * np.arange(resolution) + 1) * SIDE - resolution  # in units of a source pixel
    centres = np.clip(centres, 0, (SIDE - 1) * unit)
    rows = np.maximum(0, unit - np.abs(centres[:, None] - np.arange(SIDE) * unit)).astype(dtype)
    columns = np.ascontiguousarray(np.repeat(rows, 3, axis=0).T)
    strip = max(1, min(resolution, LARGEST_PRODUCT // columns.size))
    padded = np.pad(rows, ((0, -resolution % strip), (0, 0))).reshape(-1, strip, SIDE)
    return padded, columns, dtype(255 / (LARGEST_VALUE * unit**2))


def originals() -> tuple[np.ndarray, np.ndarray]:
    """All digits: images uint8 [n, 8, 8], values up to 16; labels int64 [n].

    From scikit-learn's own file: to import its loader takes a second, and every run would.
    """
    found = importlib.util.find_spec("sklearn")  # of a top-level package: imports nothing
    table = Path(found.origin if found and found.origin else "").parent / _TABLE
    if table.is_file():
        rows = np.loadtxt(table, delimiter=",", dtype=np.int64)
        return rows[:, :-1].reshape(-1, SIDE, SIDE).astype(np.uint8), rows[:, -1]
    from sklearn.datasets import load_digits

    source = load_digits()
    return source.images.astype(np.uint8), source.target.astype(np.int64)
