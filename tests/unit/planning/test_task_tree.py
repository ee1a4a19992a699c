"""Laying models together along their shared prefixes, and taking some out again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from systems.planning.task_tree import ROOT, TaskTree, build_task_tree, prune, tree_of_rows

ARRAYS = ("parent", "block", "child_start", "size_bytes", "level_start", "model_vertex")

# Few blocks: models share beginnings, equal blocks stand below several vertices, some models
# are equal, some are the beginning of another.
MODELS = st.dictionaries(
    st.text("mn", min_size=1, max_size=4),
    st.lists(st.sampled_from("abcd"), min_size=1, max_size=6).map(tuple),
    min_size=1,
    max_size=8,
)


def build(models: dict[str, tuple[str, ...]]) -> TaskTree:
    return build_task_tree(
        models, output_bytes={block: ord(block) for block in "abcdxyz"}, input_bytes=1000
    )


def rows_of(models: dict[str, tuple[str, ...]]) -> np.ndarray:
    rows = np.full((len(models), max(map(len, models.values()))), -1)
    for row, blocks in zip(rows, models.values(), strict=True):
        row[: len(blocks)] = [ord(block) - ord("a") for block in blocks]
    return rows


def path_to(tree: TaskTree, vertex: int) -> tuple[str, ...]:
    path = []
    while vertex != ROOT:
        path.append(tree.hash_of(vertex))
        vertex = int(tree.parent[vertex])
    return tuple(reversed(path))


def assert_equal_arrays(tree: TaskTree, other: TaskTree) -> None:
    for name in ARRAYS:
        one, two = getattr(tree, name), getattr(other, name)
        assert one.dtype == two.dtype, name
        assert one.tolist() == two.tolist(), name
    for_one, for_two = tree.scratch_bytes, other.scratch_bytes
    assert (for_one is None) == (for_two is None)
    assert for_one is None or for_one.tolist() == for_two.tolist()  # type: ignore[union-attr]


def test_a_shared_prefix_stands_once() -> None:
    tree = build({"m": ("a", "b", "x"), "n": ("a", "b", "y"), "o": ("a", "z", "x")})
    assert len(tree) == 1 + 2 + 2 + 2  # root; a, b; x, y below b; z and its own x
    assert {path_to(tree, v): names for v, names in tree.models_at().items()} == {
        ("a", "b", "x"): ("m",),
        ("a", "b", "y"): ("n",),
        ("a", "z", "x"): ("o",),
    }


def test_the_arrays() -> None:
    tree = build({"m": ("a", "b", "x"), "n": ("a", "y"), "o": ("a", "b", "z")})
    assert tree.block_hashes == ("a", "b", "x", "y", "z")
    assert tree.parent.tolist() == [-1, 0, 1, 1, 2, 2]
    assert tree.block.tolist() == [-1, 0, 1, 3, 2, 4]
    assert tree.child_start.tolist() == [1, 2, 4, 6, 6, 6, 6]
    assert tree.level_start.tolist() == [0, 1, 2, 4, 6]
    assert tree.size_bytes.tolist() == [0, *map(ord, "abyxz")]
    assert tree.model_vertex.tolist() == [4, 3, 5]
    assert [list(tree.children(v)) for v in range(3)] == [[1], [2, 3], [4, 5]]
    assert tree.size_bytes.dtype == np.int64
    assert {getattr(tree, name).dtype for name in ARRAYS if name != "size_bytes"} == {
        np.dtype(np.int32)
    }


def test_the_input_costs_memory_only_where_several_blocks_read_it() -> None:
    assert build({"m": ("a", "b"), "n": ("a", "c")}).size_bytes[ROOT] == 0
    tree = build({"m": ("a", "b"), "n": ("b", "c")})
    assert tree.size_bytes[ROOT] == 1000
    left = prune(tree, np.array([False, True]), input_bytes=1000)
    assert left.size_bytes[ROOT] == 0


def test_equal_models_and_prefixes_share_a_vertex() -> None:
    tree = build({"m": ("a", "b"), "n": ("a", "b"), "o": ("a",)})
    assert tree.models_at() == {2: ("m", "n"), 1: ("o",)}
    assert len(tree) == 3


def test_equal_blocks_below_many_vertices_are_told_apart() -> None:
    # Each of 50 models has a first block of its own and the same second one.
    rows = np.stack([np.arange(50), np.full(50, 50), np.arange(50) % 3 + 51], axis=1)
    tree = tree_of_rows(rows, output_bytes=np.ones(54, np.int64), input_bytes=1)
    assert len(tree) == 1 + 3 * 50
    assert tree.block[51:101].tolist() == [50] * 50
    assert tree.parent[51:101].tolist() == list(range(1, 51))


def test_numbers_are_names() -> None:
    tree = tree_of_rows(np.array([[7, 3], [7, 5]]), output_bytes=np.arange(8), input_bytes=1)
    assert tree.hash_of(1) == "7"
    assert tree.models_at() == {2: ("0",), 3: ("1",)}
    assert list(tree.model_ids) == ["0", "1"]
    assert list(tree.block_hashes[2:4]) == ["2", "3"]
    left = prune(tree, np.array([False, True]), input_bytes=1)
    assert left.models_at() == {2: ("1",)}
    assert left.hash_of(2) == "5"


@pytest.mark.parametrize("shape", [(0, 3), (3, 0)])
def test_nothing_to_lay_together(shape: tuple[int, int]) -> None:
    rows = np.zeros(shape, np.int32)
    tree = tree_of_rows(rows, output_bytes=np.ones(1, np.int64), input_bytes=1)
    assert len(tree) == 1
    assert tree.child_start.tolist() == [1, 1]
    assert tree.level_start.tolist() == [0, 1]
    assert tree.model_vertex.tolist() == [ROOT] * shape[0]


@given(MODELS)
def test_the_tree_is_the_set_of_prefixes(models: dict[str, tuple[str, ...]]) -> None:
    tree = build(models)
    prefixes = {blocks[:n] for blocks in models.values() for n in range(1, len(blocks) + 1)}
    assert {path_to(tree, v) for v in range(1, len(tree))} == prefixes
    assert len(tree) == 1 + len(prefixes)
    found = {name: path_to(tree, v) for v, names in tree.models_at().items() for name in names}
    assert found == models
    assert list(tree.model_ids) == list(models)
    for v in range(1, len(tree)):
        assert tree.size_bytes[v] == ord(tree.hash_of(v))
        assert v in tree.children(int(tree.parent[v]))


def test_a_streamed_input_stands_while_the_one_block_that_reads_it_runs() -> None:
    sizes = {"output_bytes": dict.fromkeys("abc", 1), "scratch_bytes": dict.fromkeys("abc", 5)}
    alone = build_task_tree({"m": "ab", "n": "ac"}, input_bytes=1000, **sizes)
    assert alone.size_bytes[ROOT] == 0
    assert alone.scratch_bytes.tolist() == [0, 1005, 5, 5]  # type: ignore[union-attr]
    kept = build_task_tree({"m": "ab", "n": "bc"}, input_bytes=1000, **sizes)
    assert kept.size_bytes[ROOT] == 1000
    assert kept.scratch_bytes.tolist() == [0, 5, 5, 5, 5]  # type: ignore[union-attr]
    assert kept.computing_bytes([1, 2]).tolist() == [6, 6]


@given(MODELS)
def test_vertices_stand_level_by_level_siblings_in_a_row(
    models: dict[str, tuple[str, ...]],
) -> None:
    tree = build(models)
    assert tree.parent[0] == -1
    assert (np.diff(tree.parent) >= 0).all()
    depths = [len(path_to(tree, v)) for v in range(len(tree))]
    assert depths == sorted(depths)
    for depth, level in enumerate(tree.levels()):
        assert {depths[v] for v in range(level.start, level.stop)} == {depth}
        is_straight = all(len(tree.children(v)) == 1 for v in range(level.start, level.stop))
        assert tree.is_straight(level) == is_straight
    assert level.stop == len(tree)
    for v in range(len(tree)):
        blocks = [int(tree.block[c]) for c in tree.children(v)]
        assert blocks == sorted(blocks)


@given(MODELS, st.data())
def test_a_pruned_tree_is_that_of_the_models_left(
    models: dict[str, tuple[str, ...]], data: st.DataObject
) -> None:
    count = len(models)
    is_left = np.array(data.draw(st.lists(st.booleans(), min_size=count, max_size=count)), bool)
    output_bytes = np.array([10, 20, 30, 40])
    rows = rows_of(models)
    for scratch in (None, np.array([5, 6, 7, 8])):
        tree = tree_of_rows(
            rows, output_bytes=output_bytes, input_bytes=1000, scratch_bytes=scratch
        )
        pruned = prune(tree, is_left, input_bytes=1000)
        anew = tree_of_rows(
            rows[is_left], output_bytes=output_bytes, input_bytes=1000, scratch_bytes=scratch
        )
        assert_equal_arrays(pruned, anew)

    left = {name: blocks for (name, blocks), stays in zip(models.items(), is_left, strict=True)
            if stays}  # fmt: skip
    by_name = prune(build(models), is_left, input_bytes=1000)
    assert list(by_name.model_ids) == list(left)
    found = {n: path_to(by_name, v) for v, names in by_name.models_at().items() for n in names}
    assert found == left
