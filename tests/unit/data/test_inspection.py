import csv
import dataclasses
import io
from pathlib import Path

import numpy as np
import pytest

from systems.data.datasets import DATASETS, DatasetSpec, open_dataset
from systems.data.inspection import complaints, inspect, read_labelled
from systems.data.published.catalogue import PUBLISHED, PublishedDataset
from systems.data.split import split_items
from systems.data.split_table import split_table
from systems.errors import ConfigurationError
from tests.unit.data import layouts


def miniature(name: str) -> PublishedDataset:
    """The facts as if the miniature had been published."""
    parts = {part: 3 * items for part, items in (("train", layouts.TRAIN), ("test", layouts.TEST))}
    return dataclasses.replace(PUBLISHED[name], classes=3, parts=parts, class_items=(6, 6))


def test_what_differs_from_the_published_counts_is_said(tmp_path: Path):
    layouts.food(tmp_path)
    kind, facts = DATASETS["food_101"], miniature("food_101")
    assert inspect(read_labelled(kind, tmp_path), facts=facts).problems == ()
    (tmp_path / "images" / "cheesecake" / "4.jpg").unlink()
    problems = inspect(read_labelled(kind, tmp_path), facts=facts).problems
    assert [sentence.split(":")[0] for sentence in problems] == [
        "Files that its own lists name are not there",
        "The part 'test' has 5 items; 6 were published.",
        "Classes were published with 6 items each",
    ]
    assert "Cheesecake (5)." in problems[2]
    problems = inspect(read_labelled(kind, tmp_path), facts=PUBLISHED["food_101"]).problems
    assert "There are 3 classes; 101 were published." in problems


def test_small_classes_are_noted_and_lonely_items_refused(image_root: Path):
    kind = DATASETS["image_folder"]
    findings = inspect(read_labelled(kind, image_root), facts=None)
    assert findings.problems == ()
    assert findings.notes == ("cat, dog, owl have fewer than 10 items.",)
    for file in ("b.PNG", "c.gif", "deep/d.bmp"):
        (image_root / "owl" / file).unlink()
    findings = inspect(read_labelled(kind, image_root), facts=None)
    assert len(findings.problems) == 1
    assert findings.problems[0].startswith("owl has fewer than two items")
    assert findings.notes == ("cat, dog have fewer than 10 items.",)


def test_every_damaged_file_is_named(image_root: Path, review_root: Path):
    damaged = [image_root / "cat" / "a.jpg", image_root / "dog" / "deep" / "d.bmp"]
    for file in damaged:
        file.write_bytes(file.read_bytes()[:60])
    files = read_labelled(DATASETS["image_folder"], image_root)
    found = list(complaints(files, "image"))
    assert len(found) == 12
    named = [sentence for sentence in found if sentence]
    assert len(named) == 2
    assert all(str(file) in sentence for file, sentence in zip(damaged, named, strict=True))
    (review_root / "pos" / "3.txt").write_bytes(b"  \n")
    texts = read_labelled(DATASETS["text_folder"], review_root)
    assert [c for c in complaints(texts, "text") if c] == [
        f"The text {review_root}/pos/3.txt is empty: replace or remove the file."
    ]


def test_a_dataset_without_a_folder_has_nothing_to_check(tmp_path: Path):
    with pytest.raises(ConfigurationError, match="'digits' does not lie in a folder"):
        read_labelled(DATASETS["digits"], tmp_path)


@pytest.mark.parametrize("items", [None, 12])
def test_the_written_split_is_the_one_that_a_search_uses(items: int | None, tmp_path: Path):
    layouts.cub(tmp_path)
    files = read_labelled(DATASETS["cub_200"], tmp_path)
    text, counts = split_table(files.folders, items=items, seed=5, test_fraction=0.25)
    rows = list(csv.DictReader(io.StringIO(text)))
    spec = DatasetSpec(name="cub_200", path=str(tmp_path), items=items or 18, seed=5, resolution=16)
    dataset = open_dataset(spec, cache_dir=tmp_path)
    split = split_items(dataset.labels, test_fraction=0.25, seed=5)
    assert counts == {"test": len(split.test), "train": len(split.train)}
    for part, places in (("test", split.test), ("train", split.train)):
        written = [row for row in rows if row["part"] == part]
        assert [int(row["order"]) for row in written] == list(range(len(places)))
        assert [tmp_path / row["file"] for row in written] == [dataset.files[i] for i in places]
        labels = [dataset.classes.index(row["class"]) for row in written]
        assert (np.array(labels) == dataset.labels[places]).all()
