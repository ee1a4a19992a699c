"""Which blocks a part of a model has, and what models have to share before it."""

from __future__ import annotations

import pytest

from systems.errors import ConfigurationError
from systems.models.parts import PARTS, common_trunk, cut
from systems.store.stored import BlockRef, StoredModel


def model(name: str, blocks: str) -> StoredModel:
    refs = tuple(
        BlockRef(hash=letter, architecture=f"net/{place}", tensor_bytes=4)
        for place, letter in enumerate(blocks)
    )
    return StoredModel(id=name, architecture="net", blocks=refs, metadata={})


@pytest.mark.parametrize(
    ("blocks", "counts"),
    # full, last 50%, last 25%, last 3, last 1
    [(9, [9, 5, 3, 3, 1]), (25, [25, 13, 7, 3, 1]), (51, [51, 26, 13, 3, 1]),
     (3, [3, 2, 1, 3, 1]), (2, [2, 1, 1, 2, 1]), (1, [1, 1, 1, 1, 1])],
)  # fmt: skip
def test_how_many_blocks_a_part_has(blocks: int, counts: list[int]) -> None:
    assert [part.last_blocks(blocks) for part in PARTS.values()] == counts
    assert [part.first_block(blocks) for part in PARTS.values()] == [blocks - n for n in counts]


def test_a_part_is_the_last_blocks_in_order() -> None:
    part = cut(model("m", "abcdefghi"), PARTS["last_3"])
    assert [ref.hash for ref in part.blocks] == ["g", "h", "i"]
    assert part.id == "m"


def test_models_that_share_all_that_is_left_out_have_a_trunk() -> None:
    models = {"m": model("m", "abcde"), "n": model("n", "abcxe"), "o": model("o", "abyyy")}
    assert [ref.hash for ref in common_trunk(models, PARTS["last_3"])] == ["a", "b"]
    assert common_trunk(models, PARTS["full"]) == ()
    alone = {"m": models["m"]}
    assert len(common_trunk(alone, PARTS["last_1"])) == 4


def test_models_that_share_less_are_refused_with_both_names_and_what_to_do() -> None:
    models = {"m": model("m", "abcde"), "n": model("n", "abcdx"), "o": model("o", "abyyy")}
    with pytest.raises(ConfigurationError) as refusal:
        common_trunk(models, PARTS["last_1"])
    message = str(refusal.value)
    assert "part is last_1: of 5 blocks, the first 4 are left out" in message
    assert "m and o share only their first 2" in message
    assert "distribution: joint_1" in message
