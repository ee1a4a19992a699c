"""The published datasets of the paper: what is known of each, and how it is laid out.

Facts only: importing this module opens nothing and imports no library. Nothing is ever
downloaded; a person fetches an archive from its page and unpacks it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """One way in which the files of a dataset are laid out."""

    marks: tuple[str, ...]
    """Paths below the folder that are there in this layout, and together in no other."""
    reader: str
    """``module:function``, called with the folder; gives ``PublishedFiles``."""
    tree: tuple[str, ...]
    """The layout for a person, a line for each kind of file."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PublishedDataset:
    """A dataset as its authors publish it."""

    name: str
    """As a scenario names it."""
    title: str
    modality: Literal["image", "text"]
    about: str
    """What the items are, in a few words."""
    classes: int
    parts: Mapping[str, int]
    """Items of each published part; a search uses all parts together and splits them anew."""
    class_items: tuple[int, int] | None = None
    """Items of the smallest and the largest class; None where they are not known here."""
    page: str
    download: str
    """Sizes of the archives, for a person."""
    terms: str
    layouts: tuple[Layout, ...]
    note: str = ""

    @property
    def items(self) -> int:
        """Items of all parts."""
        return sum(self.parts.values())

    @property
    def summary(self) -> str:
        """One line for a list."""
        return f"{self.title}: {self.about}; {self.items:,} items, {self.classes} classes."


def _wordnet_layout(first_class: str) -> Layout:
    return Layout(
        marks=(f"train/{first_class}", f"val/{first_class}"),
        reader="systems.data.published.folders:read_wordnet_folders",
        tree=(f"train/{first_class}/*.JPEG  (one folder per class)", f"val/{first_class}/*.JPEG"),
    )


WORDNET_NOTE = (
    "Smaller archives hold the same photos at 320 px (0.3 GB) and at 160 px (0.1 GB). The counts "
    "are version 2's; in version 1 the parts are cut otherwise."
)
IMAGENET_TERMS = "ImageNet's: non-commercial research and education"

PUBLISHED: Mapping[str, PublishedDataset] = MappingProxyType(
    {
        item.name: item
        for item in (
            PublishedDataset(
                name="imagenette",
                title="Imagenette",
                modality="image",
                about="photos of ten easy classes of ImageNet",
                classes=10,
                parts={"train": 9469, "val": 3925},
                class_items=(1244, 1350),
                page="https://github.com/fastai/imagenette",
                download="1.5 GB",
                terms=IMAGENET_TERMS,
                layouts=(_wordnet_layout("n01440764"),),
                note=WORDNET_NOTE,
            ),
            PublishedDataset(
                name="imagewoof",
                title="ImageWoof",
                modality="image",
                about="photos of ten dog breeds of ImageNet",
                classes=10,
                parts={"train": 9025, "val": 3929},
                page="https://github.com/fastai/imagenette",
                download="1.3 GB",
                terms=IMAGENET_TERMS,
                layouts=(_wordnet_layout("n02086240"),),
                note=WORDNET_NOTE,
            ),
            PublishedDataset(
                name="stanford_dogs",
                title="Stanford Dogs",
                modality="image",
                about="photos of dog breeds",
                classes=120,
                parts={"Images": 20580},
                class_items=(148, 252),
                page="http://vision.stanford.edu/aditya86/ImageNetDogs/",
                download="0.8 GB",
                terms=IMAGENET_TERMS,
                layouts=(
                    Layout(
                        marks=("Images/n02085620-Chihuahua",),
                        reader="systems.data.published.folders:read_dogs",
                        tree=("Images/n02085620-Chihuahua/*.jpg  (one folder per class)",),
                    ),
                ),
                note="images.tar is enough; the annotations and lists are not needed.",
            ),
            PublishedDataset(
                name="stanford_cars",
                title="Stanford Cars",
                modality="image",
                about="photos of cars by make, model and year",
                classes=196,
                parts={"train": 8144, "test": 8041},
                page="https://ai.stanford.edu/~jkrause/cars/car_dataset.html",
                download="1.9 GB",
                terms=IMAGENET_TERMS,
                layouts=(
                    Layout(
                        marks=("cars_train", "cars_test"),
                        reader="systems.data.published.cars:read_cars_parts",
                        tree=(
                            "cars_train/00001.jpg …",
                            "cars_test/00001.jpg …",
                            "devkit/cars_meta.mat, devkit/cars_train_annos.mat",
                            "cars_test_annos_withlabels.mat  (here or in devkit/)",
                        ),
                    ),
                    Layout(
                        marks=("car_ims", "cars_annos.mat"),
                        reader="systems.data.published.cars:read_cars_together",
                        tree=("car_ims/000001.jpg …", "cars_annos.mat"),
                    ),
                    Layout(
                        marks=("train/Acura TL Sedan 2012", "test/Acura TL Sedan 2012"),
                        reader="systems.data.published.cars:read_cars_folders",
                        tree=(
                            "train/Acura TL Sedan 2012/*.jpg  (one folder per class)",
                            "test/Acura TL Sedan 2012/*.jpg",
                        ),
                    ),
                ),
                note=(
                    "The authors' files have been offline since 2023; copies of all three layouts "
                    "are in use."
                ),
            ),
            PublishedDataset(
                name="cub_200",
                title="CUB-200-2011",
                modality="image",
                about="photos of bird species",
                classes=200,
                parts={"train": 5994, "test": 5794},
                class_items=(41, 60),
                page="https://www.vision.caltech.edu/datasets/cub_200_2011/",
                download="1.1 GB",
                terms="non-commercial research and education; the photos are their owners'",
                layouts=(
                    Layout(
                        marks=("images.txt", "image_class_labels.txt", "classes.txt", "images"),
                        reader="systems.data.published.lists:read_cub",
                        tree=(
                            "images/001.Black_footed_Albatross/*.jpg  (one folder per class)",
                            "images.txt, image_class_labels.txt, classes.txt",
                            "train_test_split.txt",
                        ),
                    ),
                ),
            ),
            PublishedDataset(
                name="food_101",
                title="Food-101",
                modality="image",
                about="photos of dishes",
                classes=101,
                parts={"train": 75750, "test": 25250},
                class_items=(1000, 1000),
                page="https://data.vision.ee.ethz.ch/cvl/datasets_extra/food-101/",
                download="5.0 GB",
                terms="scientific fair use; the photos are their owners' (Foodspotting)",
                layouts=(
                    Layout(
                        marks=("meta/classes.txt", "meta/train.txt", "meta/test.txt", "images"),
                        reader="systems.data.published.lists:read_food",
                        tree=(
                            "images/apple_pie/*.jpg  (one folder per class)",
                            "meta/classes.txt, meta/labels.txt, meta/train.txt, meta/test.txt",
                        ),
                    ),
                ),
            ),
            PublishedDataset(
                name="imdb",
                title="Large Movie Review",
                modality="text",
                about="film reviews, negative or positive",
                classes=2,
                parts={"train": 25000, "test": 25000},
                class_items=(25000, 25000),
                page="https://ai.stanford.edu/~amaas/data/sentiment/",
                download="0.1 GB",
                terms="none stated; cite the paper",
                layouts=(
                    Layout(
                        marks=("train/neg", "train/pos", "test/neg", "test/pos"),
                        reader="systems.data.published.folders:read_reviews",
                        tree=("train/neg/*.txt, train/pos/*.txt", "test/neg/*.txt, test/pos/*.txt"),
                    ),
                ),
                note="The reviews without labels (train/unsup) are left out.",
            ),
        )
    }
)
"""All of them by name."""
