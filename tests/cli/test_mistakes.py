"""The mistakes that users make: a sentence, a fitting exit code, nothing lost."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.cli.conftest import SCENARIO, Project
from tests.small_disk import small_file_system

FOLDER_SCENARIO = SCENARIO.replace("dataset: digits", "dataset: image_folder\n  path: photos")


def photos(folder: Path, *, classes: int = 3, each: int = 40) -> Path:
    """An image folder with something different in each class."""
    for number in range(classes):
        place = folder / "photos" / f"class_{number}"
        place.mkdir(parents=True)
        for index in range(each):
            colour = (80 * number, 40 + index, 200 - 60 * number)
            Image.new("RGB", (40, 30), colour).save(place / f"{index}.png")
    return folder / "photos"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("matrix:", "matrx:", ["small.yaml:3:", "matrx", "Did you mean 'matrix'?"]),
        ("items: 100", "itmes: 100", ["small.yaml:10:", "itmes", "Did you mean 'items'?"]),
        ("resnet18", "resnet81", ["small.yaml:6:", "resnet81", "Did you mean 'resnet18'?"]),
        ("alsatian]", "alsation]", ["small.yaml:4:", "alsation", "Did you mean 'alsatian'?"]),
        ("items: 100", "items: many", ["small.yaml:10:", "items", "many"]),
        ("resolution: 32", "resolution: 8", ["resolution", "8", "at least"]),
        ("dataset: digits", "dataset: docstrings", ["resnet18", "image", "docstrings"]),
        ("title: A", "title: [", ["small.yaml:"]),
    ],
)
def test_a_mistake_in_the_file_is_named_with_its_line(
    project: Project, old: str, new: str, expected: list[str]
) -> None:
    project.write(SCENARIO.replace(old, new))
    for verb in ("validate", "run"):
        result = project.look(verb, "small.yaml")
        assert result.code == 2
        for part in expected:
            assert part in result.err
    assert project.records() == []


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["run", "quik"], "quick"),
        (["run", "absent.yaml"], "absent.yaml"),
        (["run", "small.yaml", "--filter", "sytem=alsatian"], "Did you mean 'system'?"),
        (["run", "small.yaml", "--filter", "system=alsation"], "alsatian"),
        (["run", "small.yaml", "--filter", "system"], "="),
        (["run", "small.yaml", "--scale", "huge"], "huge"),
        (["run", "small.yaml", "--rounds", "0"], "--rounds"),
        (["run", "small.yaml", "--fitler", "x=y"], "--fitler"),
        (["list", "sytems"], "sytems"),
    ],
)
def test_a_mistake_in_the_command_is_named(
    project: Project, arguments: list[str], expected: str
) -> None:
    project.write(SCENARIO)
    result = project.look(*arguments)
    assert result.code == 2
    assert expected in result.err


def test_too_few_items_for_a_fair_first_round_are_refused_before_any_model_runs(
    project: Project,
) -> None:
    project.write(SCENARIO.replace("  allow_tiny: true\n", "").replace("models: 3", "models: 12"))
    result = project.run("run", "small.yaml")
    assert result.code == 2
    assert "allow_tiny: true" in result.err
    assert project.records() == []


def test_a_missing_folder_of_images(project: Project) -> None:
    project.write(FOLDER_SCENARIO)
    result = project.look("run", "small.yaml")
    assert result.code == 2
    assert "photos" in result.err
    assert "small.yaml:9:" in result.err


def test_a_corrupt_image_is_named_before_any_model_runs(project: Project) -> None:
    folder = photos(project.folder)
    (folder / "class_1" / "7.png").write_bytes(b"\x89PNG\r\n\x1a\nnot really")
    project.write(FOLDER_SCENARIO.replace("items: 100", "items: 120"))
    result = project.run("run", "small.yaml")
    assert result.code == 2
    assert "class_1/7.png" in result.err
    assert project.records() == []


@pytest.mark.parametrize(("classes", "expected"), [(1, "class"), (0, "class")])
def test_one_class_is_no_question(project: Project, classes: int, expected: str) -> None:
    (project.folder / "photos").mkdir()
    photos(project.folder, classes=classes) if classes else None
    project.write(FOLDER_SCENARIO.replace("items: 100", "items: 30"))
    result = project.run("run", "small.yaml")
    assert result.code == 2
    assert expected in result.err


def test_a_budget_below_one_batch_names_the_smallest_that_would_do(project: Project) -> None:
    project.write(SCENARIO.replace("[shift, alsatian]", "['alsatian-paper+cache_budget=1 KiB']"))
    result = project.run(
        "run", "small.yaml", "--filter", "system=alsatian-paper+cache_budget=1 KiB"
    )
    assert result.code == 3
    record = json.loads(project.records()[0].read_text())
    assert record["status"] == "failed"
    assert "set cache_budget to at least" in record["reason"]
    assert "set cache_budget to at least" in result.out + result.err


def test_nothing_to_compare_names_the_command_that_makes_runs(project: Project) -> None:
    result = project.look("compare", "runs")
    assert result.code == 3
    assert "alsatian-bench run" in result.err


@pytest.mark.usefixtures("measured")
def test_a_wrong_answer_is_never_a_speed_up(project: Project, measured: Project) -> None:
    shutil.copytree(measured.folder / "runs", project.folder / "runs")
    path = next(p for p in project.records() if p.parent.name.startswith("alsatian"))
    record = json.loads(path.read_text())
    model = next(iter(record["answer"]["models"].values()))
    model["segments"]["test"]["digest"] = "0" * 32
    path.write_text(json.dumps(record))
    result = project.look("compare", "runs")
    assert result.code == 3
    assert "differ" in result.out


def test_a_damaged_record_is_named_and_the_others_are_compared(
    project: Project, measured: Project
) -> None:
    shutil.copytree(measured.folder / "runs", project.folder / "runs")
    path = next(p for p in project.records() if p.parent.name.startswith("shift"))
    path.write_text('{"schema": 1, "sta')
    result = project.look("compare", "runs")
    assert str(path.relative_to(project.folder)) in result.err
    assert "Alsatian" in result.out


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 40 MB."""
    with small_file_system(tmp_path / "disk", size="40m") as folder:
        yield folder


def test_a_full_disk_is_a_sentence_and_the_store_stays_usable(
    project: Project, small_disk: Path
) -> None:
    project.write(SCENARIO)
    result = project.run("run", "small.yaml", cache=small_disk / "cache")
    assert result.code == 3
    assert "full" in result.out or "No space left" in result.out
    assert {json.loads(path.read_text())["status"] for path in project.records()} == {"failed"}
    subprocess.run(["mount", "-o", "remount,size=400m", str(small_disk)], check=True)
    assert project.run("run", "small.yaml", cache=small_disk / "cache").code == 0
