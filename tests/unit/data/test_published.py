import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from systems.data.datasets import DATASETS, DatasetSpec, open_dataset
from systems.data.published.catalogue import PUBLISHED
from systems.data.published.files import read_published
from systems.data.validation import validate_items
from systems.errors import DatasetError
from tests.unit.data import layouts
from tests.unit.data.layouts import CLASSES, TEST, TRAIN, brightness

CARS = ("Acura TL Sedan 2012", "Ram C/V Cargo Van Minivan 2012", "Audi S5 Coupe 2012")
BIRDS = ("Black footed Albatross", "Laysan Albatross", "Red winged Blackbird")


def opened(name: str, root: Path, **changes):
    spec = DatasetSpec(name=name, path=str(root), items=18, resolution=16)
    return open_dataset(dataclasses.replace(spec, **changes), cache_dir=root.parent / ".cache")


@pytest.mark.parametrize(
    ("name", "make", "classes"),
    [
        ("imagenette", layouts.imagenette, ("tench", "English springer", "parachute")),
        ("imagewoof", layouts.imagewoof, ("Shih-Tzu", "beagle", "n99999999")),
        ("stanford_dogs", layouts.dogs, ("Chihuahua", "Scotch terrier", "a-b c")),
        ("stanford_cars", layouts.cars_parts, CARS),
        ("stanford_cars", layouts.cars_nested, CARS),
        ("stanford_cars", layouts.cars_together, CARS),
        ("stanford_cars", layouts.cars_folders, (CARS[0], CARS[2], CARS[1].replace("/", "-"))),
        ("cub_200", layouts.cub, BIRDS),
        ("food_101", layouts.food, ("Apple pie", "Cheesecake", "Cheese plate")),
    ],
)
def test_every_picture_has_the_class_that_it_shows(
    name: str, make: Callable[[Path], None], classes: tuple[str, ...], tmp_path: Path
):
    root = tmp_path / "unpacked" / "inner"
    make(root)
    for place in (root, root.parent):  # the folder itself, and the one it was unpacked in
        dataset = opened(name, place)
        assert dataset.classes == classes
        shown = [dataset.decode(index).mean() for index in range(len(dataset.labels))]
        expected = [brightness(label) for label in dataset.labels]
        np.testing.assert_allclose(shown, expected, atol=3)
    files = read_published(name, root)
    one_part = name == "stanford_dogs"
    expected_counts = [[TRAIN + TEST] if one_part else [TRAIN, TEST]] * CLASSES
    assert files.counts().tolist() == expected_counts
    assert set(files.parts) == set(PUBLISHED[name].parts)
    assert np.bincount(opened(name, root, items=9, seed=4).labels).tolist() == [3, 3, 3]


def test_reviews_are_negative_or_positive_and_never_unlabelled(tmp_path: Path):
    layouts.reviews(tmp_path / "aclImdb")
    spec = DatasetSpec(name="imdb", path=str(tmp_path), items=12, sequence_length=16)
    dataset = open_dataset(spec, cache_dir=tmp_path / ".cache")
    assert dataset.classes == ("negative", "positive")
    assert np.bincount(dataset.labels).tolist() == [6, 6]
    for index, label in enumerate(dataset.labels):
        assert ("dreadful", "wonderful")[label] in dataset.read(index)
    validate_items(dataset)
    assert read_published("imdb", tmp_path).counts().tolist() == [[TRAIN, TEST]] * 2


def test_the_facts_are_consistent():
    for name, facts in PUBLISHED.items():
        assert DATASETS[name].modality == facts.modality
        assert DATASETS[name].needs_path
        if facts.class_items:
            low, high = facts.class_items
            assert low * facts.classes <= facts.items <= high * facts.classes


def test_a_damaged_picture_is_named(tmp_path: Path):
    layouts.imagenette(tmp_path)
    file = tmp_path / "val" / "n02102040" / "n02102040_1.JPEG"
    file.write_bytes(file.read_bytes()[:300])
    with pytest.raises(DatasetError, match=f"{file} cannot be decoded"):
        validate_items(opened("imagenette", tmp_path))


def test_a_folder_that_is_not_there_or_not_whole(tmp_path: Path):
    with pytest.raises(DatasetError, match=r"absent does not exist\. Imagenette comes from http"):
        opened("imagenette", tmp_path / "absent")
    (tmp_path / "imagenette2.tgz").write_bytes(b"")
    with pytest.raises(DatasetError, match=r"is not Imagenette.*\(imagenette2\.tgz\): unpack"):
        opened("imagenette", tmp_path)
    layouts.imagenette(tmp_path / "a")
    (tmp_path / "a" / "val").rename(tmp_path / "kept")
    with pytest.raises(DatasetError, match=r"/a is not whole: it lacks val/n01440764\."):
        opened("imagenette", tmp_path)
    (tmp_path / "kept").rename(tmp_path / "a" / "val")
    layouts.imagenette(tmp_path / "b")
    with pytest.raises(DatasetError, match=r"holds Imagenette more than once \(a, b\)"):
        opened("imagenette", tmp_path)
    with pytest.raises(DatasetError, match=r"is not ImageWoof: .* train/n02086240 and val/"):
        opened("imagewoof", tmp_path)


def test_files_that_lists_name_must_be_there(tmp_path: Path):
    layouts.food(tmp_path)
    for number in (0, 3):
        (tmp_path / "images" / "apple_pie" / f"{number}.jpg").unlink()
    with pytest.raises(DatasetError, match=r"apple_pie/0\.jpg is named by .* nor are 1 others"):
        opened("food_101", tmp_path)


@pytest.mark.parametrize(
    ("name", "make", "file", "content", "sentence"),
    [
        ("cub_200", layouts.cub, "images.txt", "1 a/b.jpg\n1 a/c.jpg", "Line 2 of .*images.txt"),
        ("cub_200", layouts.cub, "images.txt", "1 ../../x.jpg", "'../../x.jpg', which is no path"),
        ("cub_200", layouts.cub, "image_class_labels.txt", "1 7", "has no class in"),
        ("cub_200", layouts.cub, "classes.txt", b"\xff\xfe\xff", "is no text"),
        ("food_101", layouts.food, "meta/train.txt", "pizza/1", "names 'pizza/1', whose class"),
        ("food_101", layouts.food, "meta/test.txt", "apple_pie//etc/../../../x", "is no path"),
        ("food_101", layouts.food, "meta/labels.txt", "Apple pie", "has 1 names and classes.txt 3"),
        ("stanford_cars", layouts.cars_together, "cars_annos.mat", b"MATLAB 5.0", "as a MATLAB"),
        ("stanford_cars", layouts.cars_parts, "devkit/cars_meta.mat", None, "lacks cars_meta.mat"),
    ],
)
def test_damaged_lists_are_named(name, make, file, content, sentence, tmp_path: Path):
    make(tmp_path)
    path = tmp_path / file
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DatasetError, match=sentence):
        opened(name, tmp_path)


def test_cars_without_labels_or_names(tmp_path: Path):
    layouts.cars_parts(tmp_path / "a", labelled=False)
    with pytest.raises(DatasetError, match=r"withlabels\.mat says nothing of class"):
        opened("stanford_cars", tmp_path / "a")
    layouts.cars_parts(tmp_path / "b")
    names = np.array(["one", "two"], dtype=object)
    savemat(tmp_path / "b" / "devkit" / "cars_meta.mat", {"class_names": names})
    with pytest.raises(DatasetError, match="has the class 3, but 2 classes have names"):
        opened("stanford_cars", tmp_path / "b")
