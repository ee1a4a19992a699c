"""How much models share, on numbers that were worked out by hand."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from rich.console import Console

from reports.figures.overlap import draw_overlap
from reports.overlap import (
    ModelBlocks,
    in_order,
    overlaps,
    prefix_lengths,
    print_overlaps,
    write_overlaps,
)


def model(name: str, blocks: str, family: str = "hf_vit") -> ModelBlocks:
    """A letter is a block of 10 bytes; a capital one of 100."""
    return ModelBlocks(
        name=name,
        family=family,
        architecture=f"{family}:{len(blocks)}",
        blocks=tuple(blocks),
        block_bytes=tuple(100 if block.isupper() else 10 for block in blocks),
    )


MODELS = (
    model("base", "Abcd"),
    model("tuned", "Abxy"),
    model("other", "Ebcd"),  # the same blocks later on are no prefix
    model("short", "Ab", family="hf_resnet"),
)


def test_prefixes_end_at_the_first_difference() -> None:
    assert prefix_lengths(MODELS).tolist() == [
        [4, 2, 0, 2],
        [2, 4, 0, 2],
        [0, 0, 4, 0],
        [2, 2, 0, 2],
    ]


def test_each_family_and_all_are_counted() -> None:
    vit, resnet, whole = overlaps(MODELS, prefix_lengths(MODELS))

    assert (vit.models, vit.blocks, vit.unique_blocks) == (3, 12, 7)  # A b c d x y E
    assert (vit.bytes, vit.unique_bytes, vit.saved_bytes) == (390, 250, 140)
    assert vit.mean_prefix == pytest.approx(2 / 3)
    assert vit.mean_prefix_share == pytest.approx(2 / 4 / 3)
    assert (resnet.models, resnet.saved_bytes, resnet.mean_prefix) == (1, 0, None)
    assert (whole.family, whole.models, whole.architectures) == ("all", 4, 2)
    assert (whole.blocks, whole.unique_blocks) == (14, 7)
    assert whole.mean_prefix == pytest.approx((2 + 0 + 2 + 0 + 2 + 0) / 6)


def test_models_that_share_much_stand_beside_each_other() -> None:
    names = [each.name for each in in_order([MODELS[0], MODELS[2], MODELS[3], MODELS[1]])]
    assert names == ["short", "base", "tuned", "other"]


def test_files_say_what_the_table_says(tmp_path: Path) -> None:
    lengths = prefix_lengths(MODELS)
    found = overlaps(MODELS, lengths)

    table, whole = write_overlaps(found, MODELS, lengths, tmp_path)

    with table.open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["family"], row["saved_bytes"]) for row in rows] == [
        ("hf_vit", "140"), ("hf_resnet", "0"), ("all", "250"),
    ]  # fmt: skip
    content = json.loads(whole.read_text())
    assert content["prefix_lengths"] == lengths.tolist()
    assert [each["name"] for each in content["models"]] == ["base", "tuned", "other", "short"]
    with (tmp_path / "out").open("w") as out:
        print_overlaps(Console(file=out, width=120), found)
    assert "ViT (HF)" in (tmp_path / "out").read_text()


def test_the_heat_map_is_the_same_every_time(tmp_path: Path) -> None:
    lengths = prefix_lengths(MODELS)
    first = [path.read_bytes() for path in draw_overlap(MODELS, lengths, tmp_path / "a")]
    again = [path.read_bytes() for path in draw_overlap(MODELS, lengths, tmp_path / "b")]
    assert first == again
    assert first[0].startswith(b"\x89PNG")
