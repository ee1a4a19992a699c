from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from systems.errors import StoreError
from systems.store.blocks import BlockContent, block_hash, encode
from systems.store.checksum import checksum
from systems.store.store import BlockStore
from systems.store.stored import Added, Sizes

MakeBlock = Callable[..., BlockContent]


def _add(store: BlockStore, model_id: str, *blocks: BlockContent) -> Added:
    return store.add_model(model_id, architecture="tiny", blocks=blocks, metadata={"seed": 1})


def _bytes(*blocks: BlockContent) -> int:
    return sum(tensor.nbytes for block in blocks for tensor in block.tensors.values())


def test_a_model_comes_back_as_it_was_added(store: BlockStore, block: MakeBlock) -> None:
    blocks = [block(seed) for seed in range(3)]
    added = store.add_model(
        "m", architecture="tiny", blocks=blocks, metadata={"parent": None, "depth": 3}
    )
    assert added == Added(new_blocks=3, new_bytes=_bytes(*blocks), shared_blocks=0)
    model = store.model("m")
    assert (model.id, model.architecture) == ("m", "tiny")
    assert model.metadata == {"parent": None, "depth": 3}
    for ref, content in zip(model.blocks, blocks, strict=True):
        assert ref.hash == block_hash(content)
        assert (ref.architecture, ref.tensor_bytes) == (content.architecture, _bytes(content))
        tensors = store.read_block(ref.hash)
        assert tensors.keys() == content.tensors.keys()
        assert all(torch.equal(tensors[name], tensor) for name, tensor in content.tensors.items())


def test_only_new_blocks_are_written(store: BlockStore, block: MakeBlock) -> None:
    _add(store, "a", block(0), block(1), block(2))
    before = {path: path.stat().st_mtime_ns for path in store.root.glob("blocks/*")}
    assert _add(store, "b", block(0), block(1), block(7)) == Added(
        new_blocks=1, new_bytes=_bytes(block(7)), shared_blocks=2
    )
    after = {path: path.stat().st_mtime_ns for path in store.root.glob("blocks/*")}
    assert before.items() < after.items()
    assert len(after) == 4
    assert store.model("a").blocks[:2] == store.model("b").blocks[:2]
    unique = (block(0), block(1), block(2), block(7))
    file_bytes = sum(path.stat().st_size for path in after)
    assert store.sizes() == Sizes(
        models=2, blocks=4, tensor_bytes=_bytes(*unique), file_bytes=file_bytes
    )


def test_the_same_model_again_is_no_work(store: BlockStore, block: MakeBlock) -> None:
    _add(store, "a", block(0), block(1))
    assert _add(store, "a", block(0), block(1)) == Added(new_blocks=0, new_bytes=0, shared_blocks=2)


def test_blocks_in_the_store_can_be_named_instead_of_given(
    store: BlockStore, block: MakeBlock
) -> None:
    _add(store, "parent", block(0), block(1))
    parent = store.model("parent")
    added = store.add_model(
        "child", architecture="tiny", blocks=[parent.blocks[0], block(9)], metadata={}
    )
    assert (added.new_blocks, added.shared_blocks) == (1, 1)
    assert store.model("child").blocks[0] == parent.blocks[0]


def test_a_named_block_must_be_in_the_store(
    store: BlockStore, block: MakeBlock, tmp_path: Path
) -> None:
    with BlockStore.open(tmp_path / "other") as other:
        _add(other, "m", block(0))
        foreign = other.model("m").blocks
    with pytest.raises(StoreError, match=f"has no block '{foreign[0].hash}'. Add its model first"):
        store.add_model("m", architecture="tiny", blocks=[block(1), *foreign], metadata={})
    assert store.model_ids() == ()
    assert list(store.root.glob("blocks/*")) == []


def test_a_block_may_occur_twice_in_a_model(store: BlockStore, block: MakeBlock) -> None:
    added = _add(store, "m", block(0), block(1), block(0))
    assert (added.new_blocks, added.shared_blocks) == (2, 0)
    blocks = store.model("m").blocks
    assert len(blocks) == 3
    assert blocks[0] == blocks[2] != blocks[1]


def test_a_block_without_parameters_is_a_block(store: BlockStore) -> None:
    _add(store, "m", BlockContent(architecture="tiny/pool", tensors={}))
    (ref,) = store.model("m").blocks
    assert ref.tensor_bytes == 0
    assert store.read_block(ref.hash) == {}
    assert store.verify() == []


@pytest.mark.parametrize("part", ["architecture", "blocks", "metadata"])
def test_a_stored_model_never_changes(store: BlockStore, block: MakeBlock, part: str) -> None:
    model = {"architecture": "tiny", "blocks": [block(0), block(1)], "metadata": {"a": 1}}
    store.add_model("m", **model)
    other = {"architecture": "small", "blocks": [block(1), block(0)], "metadata": {"a": 2}}
    with pytest.raises(StoreError, match=rf"another model 'm' \(different: {part}\)"):
        store.add_model("m", **(model | {part: other[part]}))
    assert [ref.hash for ref in store.model("m").blocks] == [
        block_hash(content) for content in model["blocks"]
    ]


def test_an_unknown_model_or_block_is_named(store: BlockStore, block: MakeBlock) -> None:
    _add(store, "resnet18-000", block(0))
    with pytest.raises(StoreError, match=r"no model 'resnet18-00'. Did you mean 'resnet18-000'?"):
        store.model("resnet18-00")
    with pytest.raises(StoreError, match=r"no block '../../etc/passwd'"):
        store.read_block("../../etc/passwd")


@pytest.mark.parametrize("model_id", ["../../up", "/root", "a b'; DROP TABLE models; --", "模型"])
def test_ids_are_never_paths_or_statements(
    store: BlockStore, block: MakeBlock, model_id: str
) -> None:
    before = set(store.root.parent.iterdir())
    _add(store, model_id, block(0))
    assert store.model(model_id).id == model_id
    assert set(store.root.parent.iterdir()) == before


@pytest.mark.parametrize("model_id", ["", "two\nlines", "folder-\udcff"])
def test_ids_that_cannot_be_shown_are_refused(
    store: BlockStore, block: MakeBlock, model_id: str
) -> None:
    with pytest.raises(StoreError, match="printable"):
        _add(store, model_id, block(0))


def test_a_model_needs_a_block(store: BlockStore) -> None:
    with pytest.raises(StoreError, match="at least one block"):
        _add(store, "m")


def test_a_set_keeps_its_order(store: BlockStore, block: MakeBlock) -> None:
    for name in "abc":
        _add(store, name, block(ord(name)))
    assert store.model_set("s") is None
    store.put_model_set("s", {"count": 3}, ["c", "a", "b"])
    assert store.model_set("s") == ("c", "a", "b")
    store.put_model_set("s", {"count": 2}, ["b", "a"])
    assert store.model_set("s") == ("b", "a")
    with pytest.raises(StoreError, match=r"not in the store .*: x, z. Add them first"):
        store.put_model_set("s", {}, ["z", "a", "x"])
    assert store.model_set("s") == ("b", "a")


def test_a_store_is_there_when_opened_again(tmp_path: Path, block: MakeBlock) -> None:
    with BlockStore.open(tmp_path / "deep" / "store") as store:
        _add(store, "m", block(0))
        tensors = store.read_block(store.model("m").blocks[0].hash)
    with BlockStore.open(tmp_path / "deep" / "store", create=False) as store:
        assert store.model_ids() == ("m",)
    assert torch.equal(tensors["norm.bias"], block(0).tensors["norm.bias"])


def test_a_store_that_is_not_there_is_not_made_by_looking(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"no block store in .*typo"):
        BlockStore.open(tmp_path / "typo", create=False)
    assert not (tmp_path / "typo").exists()


def test_reading_leaves_no_descriptor_open_and_files_unchanged(
    store: BlockStore, block: MakeBlock
) -> None:
    _add(store, "m", block(0))
    (ref,) = store.model("m").blocks
    before = _open_descriptors()
    kept = [store.read_block(ref.hash) for _ in range(50)]
    assert _open_descriptors() == before
    for tensors in kept:
        tensors["conv.weight"].zero_()
    assert store.verify() == []
    again = store.read_block(ref.hash)
    assert torch.equal(again["conv.weight"], block(0).tensors["conv.weight"])


def _open_descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_threads_share_a_store(store: BlockStore, block: MakeBlock) -> None:
    def work(seed: int) -> bool:
        _add(store, f"m{seed}", block(0), block(seed))
        refs = store.model(f"m{seed}").blocks
        return torch.equal(
            store.read_block(refs[1].hash)["norm.bias"], block(seed).tensors["norm.bias"]
        )

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(1, 17)))
    assert store.sizes().blocks == 17
    assert store.verify() == []


def test_importing_the_store_does_not_import_torch() -> None:
    code = "import sys, systems.store.store; sys.exit('torch' in sys.modules)"
    root = Path(__file__).parents[3]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0


def test_a_file_that_another_process_wrote_again_is_read(
    store: BlockStore, block: MakeBlock
) -> None:
    _add(store, "m", block(0))
    (ref,) = store.model("m").blocks
    store.read_block(ref.hash)
    # As if by another version, which lays the same content out in another way.
    path = store.root / "blocks" / f"{ref.hash}.safetensors"
    encoded = encode(block(0), "other")
    path.write_bytes(encoded.tobytes())
    with sqlite3.connect(store.root / "catalogue.sqlite3") as connection:
        connection.execute(
            "UPDATE blocks SET checksum = ?, file_bytes = ?", (checksum(encoded), encoded.size)
        )
    assert torch.equal(store.read_block(ref.hash)["norm.bias"], block(0).tensors["norm.bias"])
