"""Preparing data and snapshots: what is refused, and what must not be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from systems.errors import ConfigurationError
from tests.searching import Searches


def test_more_classes_than_calibration_items(search: Searches, tmp_path: Path) -> None:
    noise = np.random.default_rng(0)
    for label in range(40):
        folder = tmp_path / f"class_{label:02}"
        folder.mkdir()
        for index in range(6):
            pixels = noise.integers(0, 255, (12, 12, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"{index}.png")
    found = search(
        "alsatian", dataset="image_folder", path=str(tmp_path), items=240, models=2,
    )  # fmt: skip
    assert found["dataset"]["classes"] == 40
    assert found["dataset"]["items"] == 240
    assert len(found["answer"]["ranking"]) == 2


def test_a_device_that_is_not_there_is_refused_before_any_work(search: Searches) -> None:
    with pytest.raises(ConfigurationError, match="cuda:97"):
        search("alsatian", device="cuda:97", model_seed=12345)
