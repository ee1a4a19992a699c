"""Preparing data and snapshots: what is refused, and what must not be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harness.preparation import prepare
from scenarios.parameters import PARAMETERS
from systems.errors import ConfigurationError
from tests.searching import DEFAULTS, Searches


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


def test_models_of_several_architectures_are_made_and_counted_together(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []

    def emit(_: str, *, number: int, of: int, what: str) -> None:
        if what == "snapshots":
            told.append((number, of))

    def prepared(**parameters: object) -> dict:
        defaults = {parameter.name: parameter.default for parameter in PARAMETERS.values()}
        spec = {**defaults, **DEFAULTS, "items": 60, **parameters}
        return prepare({"spec": spec, "cache": str(tmp_path)}, emit=emit)["prepared"]

    both = prepared(architecture="vit_ti_16@16+resnet18@32", resolution=None, models=3)
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert [name.partition("-")[0] for name in both["model_ids"]] == 2 * ["vit_ti_16"] + [
        "resnet18"
    ]
    assert len(set(both["model_ids"])) == 3
    assert both["ingest"]["generated"]
    alone = prepared(architecture="resnet18", resolution=32, models=1)
    assert alone["model_ids"] == both["model_ids"][2:]
    assert not alone["ingest"]["generated"]  # it is in the store already
