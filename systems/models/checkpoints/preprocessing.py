"""What a checkpoint says about its inputs: size and colours, from ``preprocessor_config.json``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from systems.models.checkpoints.finding import PREPROCESSING, CheckpointError, read_json
from systems.models.snapshot_families import SnapshotFamily

Colours = tuple[float, float, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Preprocessing:
    """What a model wants pictures to be made into; all None for text."""

    resolution: int | None = None
    """Its own, in pixels."""
    mean: Colours | None = None
    deviation: Colours | None = None
    """Of red, green and blue in 0 … 1."""


def preprocessing(
    folder: Path, family: SnapshotFamily, *, default_resolution: int | None
) -> Preprocessing:
    """What the checkpoint in ``folder`` asks for, or its family's where it says nothing.

    Raises:
        CheckpointError: the file is there, but cannot be understood.
    """
    if family.modality == "text" or family.colours is None:
        return Preprocessing()
    path = folder / PREPROCESSING
    found = read_json(path) if path.is_file() else {}
    mean, deviation = family.colours
    if found.get("do_normalize", True):
        mean = _colours(found, "image_mean", mean, path)
        deviation = _colours(found, "image_std", deviation, path)
    else:
        mean, deviation = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    if not all(deviation):
        raise CheckpointError(f"{path} has an image_std of 0: no number can be divided by it.")
    cropped = found.get("crop_size") if found.get("do_center_crop", False) else None
    side = _side(cropped) or _side(found.get("size")) or default_resolution or family.resolution
    return Preprocessing(resolution=side, mean=mean, deviation=deviation)


def _colours(found: Mapping[str, Any], key: str, default: Colours, path: Path) -> Colours:
    value = found.get(key)
    if value is None:
        return default
    is_number = isinstance(value, list) and all(isinstance(v, int | float) for v in value)
    if not is_number or len(value) != 3 or not all(abs(v) <= 255 for v in value):
        raise CheckpointError(f"{path} has the {key} {value!r}: it has to be three numbers.")
    red, green, blue = (float(v) for v in value)
    return red, green, blue


def _side(size: object) -> int | None:
    """Height and width, where they are one number; the shorter side where only it is given."""
    if isinstance(size, Mapping):
        size = size.get("height", size.get("shortest_edge"))
    return size if isinstance(size, int) and not isinstance(size, bool) and size > 0 else None
