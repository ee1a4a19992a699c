from pathlib import Path

import pytest

from harness.dataset_paths import DATA_FOLDER, dataset_path
from systems.data.datasets import DATASETS
from systems.errors import ConfigurationError
from tests.unit.data import layouts


def test_a_published_dataset_has_one_path_however_it_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    root = tmp_path / "sets" / "imagenette2-160"
    layouts.imagenette(root)
    layouts.food(tmp_path / "sets" / "food-101")
    kind = DATASETS["imagenette"]
    monkeypatch.delenv(DATA_FOLDER, raising=False)
    with pytest.raises(ConfigurationError, match="data list imagenette"):
        dataset_path(kind, None)
    assert dataset_path(kind, str(root)) == str(root)
    assert dataset_path(kind, str(root.parent)) == str(root)
    monkeypatch.setenv(DATA_FOLDER, str(root.parent))
    assert dataset_path(kind, None) == str(root)
    assert dataset_path(DATASETS["food_101"], None) == str(root.parent / "food-101")
    with pytest.raises(ConfigurationError, match=r"is not CUB-200-2011.*caltech\.edu"):
        dataset_path(DATASETS["cub_200"], None)


def test_ones_own_folder_is_never_looked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv(DATA_FOLDER, str(tmp_path))
    with pytest.raises(ConfigurationError, match="holds one sub-folder per class"):
        dataset_path(DATASETS["image_folder"], None)
