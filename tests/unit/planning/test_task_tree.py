"""Laying models together along their shared prefixes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from systems.planning.task_tree import ROOT, TaskTree, build_task_tree

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


def path_to(tree: TaskTree, vertex: int) -> tuple[str, ...]:
    path = []
    while vertex != ROOT:
        path.append(tree.block[vertex])
        vertex = tree.parent[vertex]
    return tuple(reversed(path))


def test_a_shared_prefix_stands_once() -> None:
    tree = build({"m": ("a", "b", "x"), "n": ("a", "b", "y"), "o": ("a", "z", "x")})
    assert len(tree) == 1 + 2 + 2 + 2  # root; a, b; x, y below b; z and its own x
    assert {path_to(tree, v): list(names) for v, names in tree.models.items()} == {
        ("a", "b", "x"): ["m"],
        ("a", "b", "y"): ["n"],
        ("a", "z", "x"): ["o"],
    }


def test_the_input_costs_memory_only_where_several_blocks_read_it() -> None:
    assert build({"m": ("a", "b"), "n": ("a", "c")}).size_bytes[ROOT] == 0
    assert build({"m": ("a", "b"), "n": ("b", "c")}).size_bytes[ROOT] == 1000


def test_equal_models_and_prefixes_share_a_vertex() -> None:
    tree = build({"m": ("a", "b"), "n": ("a", "b"), "o": ("a",)})
    assert sorted(map(sorted, tree.models.values())) == [["m", "n"], ["o"]]
    assert len(tree) == 3


@given(MODELS)
def test_the_tree_is_the_set_of_prefixes(models: dict[str, tuple[str, ...]]) -> None:
    tree = build(models)
    prefixes = {blocks[:n] for blocks in models.values() for n in range(1, len(blocks) + 1)}
    assert {path_to(tree, v) for v in range(1, len(tree))} == prefixes
    assert len(tree) == 1 + len(prefixes)
    assert all(tree.parent[v] < v for v in range(1, len(tree)))
    assert all(tree.size_bytes[v] == ord(tree.block[v]) for v in range(1, len(tree)))
    found = {name: path_to(tree, v) for v, names in tree.models.items() for name in names}
    assert found == models
