"""Published datasets in miniature: their folders and lists, with pictures that say their class."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from scipy.io import savemat

CLASSES = 3
TRAIN, TEST = 4, 2
"""Items of each class."""


def brightness(label: int) -> int:
    """Of all pixels of a picture of the class with this place in the list of class names."""
    return 40 + 70 * label


def picture(path: Path, label: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (24, 20), (brightness(label),) * 3).save(path)


def wordnet(root: Path, identifiers: tuple[str, ...]) -> None:
    for part, items in (("train", TRAIN), ("val", TEST)):
        for label, identifier in enumerate(identifiers):
            for number in range(items):
                picture(root / part / identifier / f"{identifier}_{number}.JPEG", label)
    (root / "noisy_imagenette.csv").write_text("path,noisy_labels_0\n")


def imagenette(root: Path) -> None:
    wordnet(root, ("n01440764", "n02102040", "n03888257"))


def imagewoof(root: Path) -> None:
    wordnet(root, ("n02086240", "n02088364", "n99999999"))


def dogs(root: Path) -> None:
    for label, breed in enumerate(("n02085620-Chihuahua", "n02097298-Scotch_terrier", "n1-a-b_c")):
        for number in range(TRAIN + TEST):
            picture(root / "Images" / breed / f"{breed[:9]}_{number}.jpg", label)
    (root / "train_list.mat").write_bytes(b"not needed")


CAR_NAMES = ("Acura TL Sedan 2012", "Ram C/V Cargo Van Minivan 2012", "Audi S5 Coupe 2012")


def _shuffled(items: int) -> np.ndarray:
    """Labels in an order that no folder or file name gives away."""
    labels = np.arange(CLASSES * items) % CLASSES
    return np.random.default_rng(items).permutation(labels)


def _annotations(columns: dict[str, list]) -> np.ndarray:
    rows = np.zeros(len(next(iter(columns.values()))), dtype=[(name, object) for name in columns])
    for name, values in columns.items():
        rows[name] = np.array(values, dtype=object)
    return rows


def cars_parts(root: Path, *, nested: bool = False, labelled: bool = True) -> None:
    (root / "devkit").mkdir(parents=True)
    savemat(root / "devkit" / "cars_meta.mat", {"class_names": np.array(CAR_NAMES, dtype=object)})
    for part, items in (("train", TRAIN), ("test", TEST)):
        labels = _shuffled(items)
        names = [f"{number:05d}.jpg" for number in range(1, len(labels) + 1)]
        folder = root / f"cars_{part}" / (f"cars_{part}" if nested else "")
        for name, label in zip(names, labels, strict=True):
            picture(folder / name, label)
        columns: dict[str, list] = {"bbox_x1": [1] * len(names), "fname": names}
        if part == "train" or labelled:
            columns["class"] = [int(label) + 1 for label in labels]
        place = root / "devkit" / "cars_train_annos.mat"
        if part == "test":
            place = root / "cars_test_annos_withlabels.mat"
        savemat(place, {"annotations": _annotations(columns)})


def cars_nested(root: Path) -> None:
    cars_parts(root, nested=True)


def cars_together(root: Path) -> None:
    labels = np.concatenate([_shuffled(TRAIN), _shuffled(TEST)])
    is_test = [0] * CLASSES * TRAIN + [1] * CLASSES * TEST
    names = [f"car_ims/{number:06d}.jpg" for number in range(1, len(labels) + 1)]
    for name, label in zip(names, labels, strict=True):
        picture(root / name, label)
    columns = {
        "relative_im_path": names,
        "class": [int(label) + 1 for label in labels],
        "test": is_test,
    }
    variables = {
        "annotations": _annotations(columns),
        "class_names": np.array(CAR_NAMES, dtype=object),
    }
    savemat(root / "cars_annos.mat", variables)


def cars_folders(root: Path) -> None:
    names = ("Acura TL Sedan 2012", "Audi S5 Coupe 2012", "Ram C-V Cargo Van Minivan 2012")
    for part, items in (("train", TRAIN), ("test", TEST)):
        for label, name in enumerate(names):
            for number in range(items):
                picture(root / part / name / f"{number:05d}.jpg", label)


def cub(root: Path) -> None:
    classes = ("001.Black_footed_Albatross", "002.Laysan_Albatross", "010.Red_winged_Blackbird")
    images, labels, parts, seen = [], [], [], [0] * CLASSES
    for number, label in enumerate(_shuffled(TRAIN + TEST), start=1):
        name = f"{classes[label]}/{classes[label][4:]}_{number:04d}.jpg"
        picture(root / "images" / name, label)
        images.append(f"{number} {name}")
        labels.append(f"{number} {(1, 2, 10)[label]}")
        parts.append(f"{number} {int(seen[label] < TRAIN)}")
        seen[label] += 1
    lists = {
        "images.txt": images,
        "image_class_labels.txt": labels,
        "train_test_split.txt": parts,
        "classes.txt": [
            f"{number} {name}" for number, name in zip((1, 2, 10), classes, strict=True)
        ],
    }
    for name, lines in lists.items():
        (root / name).write_text("\n".join(lines) + "\n")


def food(root: Path) -> None:
    classes = ("apple_pie", "cheesecake", "cheese_plate")  # not in the order of their names
    (root / "meta").mkdir(parents=True)
    for part, first, items in (("train", 0, TRAIN), ("test", TRAIN, TEST)):
        lines = [f"{name}/{number}" for name in classes for number in range(first, first + items)]
        for line in lines:
            picture(root / "images" / f"{line}.jpg", classes.index(line.split("/")[0]))
        (root / "meta" / f"{part}.txt").write_text("\n".join(lines))
    (root / "meta" / "classes.txt").write_text("\n".join(classes))
    (root / "meta" / "labels.txt").write_text("Apple pie\nCheesecake\nCheese plate\n")


def reviews(root: Path) -> None:
    for part, items in (("train", TRAIN), ("test", TEST)):
        for name, word in (("neg", "dreadful"), ("pos", "wonderful"), ("unsup", "unknown")):
            (root / part / name).mkdir(parents=True)
            for number in range(items):
                text = f"A {word} film.<br /><br />I saw it {part} {number} times."
                (root / part / name / f"{number}_7.txt").write_text(text, encoding="utf-8")
        (root / part / "labeledBow.feat").write_text("9 0:9 1:1\n")
