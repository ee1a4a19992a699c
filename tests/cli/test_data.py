"""The verbs about datasets, on a miniature of a published one."""

from __future__ import annotations

import csv

from tests.cli.conftest import SCENARIO, Project
from tests.unit.data import layouts

PUBLISHED_SCENARIO = SCENARIO.replace("digits", "food_101").replace("items: 100", "items: 18")


def test_a_published_dataset_is_checked_split_and_found(project: Project, monkeypatch) -> None:
    layouts.food(project.folder / "sets" / "food-101")
    result = project.run("data", "check", "food_101", "sets")
    assert result.code == 3
    assert "problem: There are 3 classes; 101 were published." in result.out
    assert "Apple pie" in result.out

    result = project.run("data", "split", "food_101", "sets", "--items", "15", "-o", "split.csv")
    assert result.code == 0, result.err
    rows = list(csv.DictReader((project.folder / "split.csv").read_text().splitlines()))
    assert len(rows) == 15
    assert all((project.folder / "sets" / "food-101" / row["file"]).is_file() for row in rows)

    project.write(PUBLISHED_SCENARIO)
    result = project.run("validate", "small.yaml")
    assert result.code == 2
    assert "small.yaml:8:" in result.err
    assert "ALSATIAN_BENCH_DATA" in result.err
    monkeypatch.setenv("ALSATIAN_BENCH_DATA", str(project.folder / "sets"))
    result = project.run("validate", "small.yaml")
    assert result.code == 0, result.err
    assert "2 different runs" in result.out


def test_a_folder_of_ones_own_is_checked(project: Project) -> None:
    for label, name in enumerate(("left", "right")):
        for number in range(12):
            layouts.picture(project.folder / "photos" / name / f"{number}.png", label)
    damaged = project.folder / "photos" / "left" / "4.png"
    damaged.write_bytes(b"\x89PNG\r\n\x1a\nnot really")
    result = project.run("data", "check", "image_folder", "photos")
    assert result.code == 3
    assert str(damaged.relative_to(project.folder)) in result.out
    damaged.unlink()
    result = project.run("data", "check", "image_folder", "photos")
    assert result.code == 0, result.err
    assert "Nothing wrong: every file can be decoded." in result.out
