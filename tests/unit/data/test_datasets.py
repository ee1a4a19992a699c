import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from systems.data.datasets import DATASETS, DatasetSpec, dataset_kind, open_dataset
from systems.errors import ConfigurationError, DatasetError

DIGITS = DatasetSpec(name="digits", items=100, resolution=32)
REVIEWS = DatasetSpec(name="text_folder", path="reviews", items=8, sequence_length=16)


def test_the_registry_needs_neither_torch_nor_numpy():
    heavy = "{'torch', 'torchvision', 'numpy', 'PIL', 'sklearn', 'tokenizers'}"
    code = f"import sys, systems.data.datasets; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_only_fake_data_is_for_timing_only():
    assert [name for name, kind in DATASETS.items() if kind.timing_only] == ["fake"]
    assert all(name == kind.name for name, kind in DATASETS.items())


def test_a_misspelt_name_is_answered_with_the_nearest():
    with pytest.raises(ConfigurationError, match="Did you mean 'digits'"):
        dataset_kind("digit")


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        (replace(DIGITS, items=0), "items is 0"),
        (replace(DIGITS, seed=-1), "seed is -1"),
        (replace(DIGITS, path="/data"), "takes no path"),
        (replace(DIGITS, resolution=None), "resolution is missing"),
        (replace(DIGITS, resolution=5000), "resolution is 5000"),
        (replace(DIGITS, resolution=7), "at least 8"),
        (replace(DIGITS, sequence_length=64), "remove sequence_length"),
        (replace(DIGITS, items=1798), "at most 1797"),
        (replace(DIGITS, items=19), "at least 20"),
        (replace(REVIEWS, path=None), "needs a path"),
        (replace(REVIEWS, resolution=64), "remove resolution"),
        (replace(REVIEWS, sequence_length=1000), "from 3 to 512"),
    ],
)
def test_a_contradictory_specification_is_refused(spec, sentence, tmp_path):
    with pytest.raises(ConfigurationError, match=sentence):
        open_dataset(spec, cache_dir=tmp_path)


@pytest.mark.parametrize("resolution", [8, 9, 32, 64, 97, 224, 600])
def test_digits_are_resized_as_pil_does_it(resolution, tmp_path):
    from sklearn.datasets import load_digits

    dataset = open_dataset(replace(DIGITS, items=1797, resolution=resolution), cache_dir=tmp_path)
    source = load_digits()
    assert (dataset.labels == source.target).all()
    for index in (0, 1, 777, 1796):
        decoded = dataset.decode(index)
        grey = Image.fromarray(np.round(source.images[index] * (255 / 16)).astype(np.uint8))
        size = (resolution, resolution)
        expected = np.asarray(grey.resize(size, Image.Resampling.BILINEAR), dtype=int)
        assert decoded.shape == (*size, 3)
        assert decoded.dtype == np.uint8
        assert np.abs(decoded - expected[:, :, None]).max() <= 1


def test_digits_are_those_of_scikit_learn_with_and_without_its_loader(monkeypatch):
    from systems.data import digits

    images, labels = digits.originals()
    monkeypatch.setattr(digits, "_TABLE", Path("no", "such", "table"))
    slowly = digits.originals()
    for fast, slow in zip((images, labels), slowly, strict=True):
        assert fast.dtype == slow.dtype
        assert np.array_equal(fast, slow)
    assert images.shape == (len(labels), digits.SIDE, digits.SIDE)


def test_digits_are_stratified_and_identified(tmp_path):
    dataset = open_dataset(DIGITS, cache_dir=tmp_path)
    assert np.bincount(dataset.labels).tolist() == [10] * 10
    assert dataset.classes == tuple("0123456789")
    ids = {
        open_dataset(spec, cache_dir=tmp_path).content_id
        for spec in (
            DIGITS,
            DIGITS,
            replace(DIGITS, seed=1),
            replace(DIGITS, items=110),
            replace(DIGITS, resolution=64),
        )
    }
    assert len(ids) == 4
    assert "load_digits" in dataset.describe(3)


def test_a_missing_folder_names_its_neighbour(image_root, tmp_path):
    spec = DatasetSpec(name="image_folder", path=f"{tmp_path}/animal", items=6, resolution=32)
    with pytest.raises(DatasetError, match=r"animal does not exist\. Did you mean 'animals'"):
        open_dataset(spec, cache_dir=tmp_path)
    spec = replace(spec, path="/nowhere/at/all")
    with pytest.raises(DatasetError, match="Nor does /nowhere/at"):
        open_dataset(spec, cache_dir=tmp_path)
    file = Path(tmp_path, "list.txt")
    file.write_text("")
    with pytest.raises(DatasetError, match="is a file"):
        open_dataset(replace(spec, path=str(file)), cache_dir=tmp_path)
