from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from systems.errors import StoreError
from systems.store.blocks import BlockContent
from systems.store.store import BlockStore

MakeBlock = Callable[..., BlockContent]
_FIX = "Remove the file and add the block's models again"


@pytest.fixture
def path(store: BlockStore, block: MakeBlock) -> Path:
    """The file of the first of two blocks of the model 'm', a set of its own."""
    _add(store, block)
    store.put_model_set("s", {}, ["m"])
    return store.root / "blocks" / f"{store.model('m').blocks[0].hash}.safetensors"


def _add(store: BlockStore, block: MakeBlock) -> int:
    blocks = [block(0), block(1)]
    added = store.add_model("m", architecture="tiny", blocks=blocks, metadata={})
    return added.new_blocks


def _read(store: BlockStore) -> dict[str, torch.Tensor]:
    return store.read_block(store.model("m").blocks[0].hash)


def _assert_damaged(store: BlockStore, path: Path, fault: str) -> None:
    with pytest.raises(StoreError, match=f"{re.escape(str(path))} is damaged: {fault}.*{_FIX}"):
        _read(store)
    (found,) = store.verify()
    assert str(path) in found


def _assert_repaired(store: BlockStore, block: MakeBlock) -> None:
    assert _add(store, block) == 1
    assert torch.equal(_read(store)["conv.weight"], block(0).tensors["conv.weight"])
    assert store.model_set("s") == ("m",)
    assert store.verify() == []
    assert _add(store, block) == 0


def test_a_missing_file(store: BlockStore, path: Path, block: MakeBlock) -> None:
    path.unlink()
    _assert_damaged(store, path, "it is missing")
    assert store.model_set("s") is None
    _assert_repaired(store, block)


@pytest.mark.parametrize("kept", [0.0, 0.001, 0.5, 0.999])
def test_a_cut_file(store: BlockStore, path: Path, block: MakeBlock, kept: float) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept)])
    _assert_damaged(store, path, f"it has {int(len(data) * kept)} bytes instead of {len(data)}")
    assert store.model_set("s") is None
    _assert_repaired(store, block)


def test_a_file_that_has_grown(store: BlockStore, path: Path, block: MakeBlock) -> None:
    path.write_bytes(path.read_bytes() + b"\0")
    _assert_damaged(store, path, r"it has \d+ bytes instead of")
    _assert_repaired(store, block)


# Header length, header text, header padding, first tensor, last byte.
@pytest.mark.parametrize("region", ["length", "header", "padding", "data", "end"])
def test_a_flipped_bit(store: BlockStore, path: Path, block: MakeBlock, region: str) -> None:
    data = bytearray(path.read_bytes())
    data_start = 8 + int.from_bytes(data[:8], "little")
    places = {
        "length": 7,
        "header": 8 + data[8:].index(b"shape"),
        "padding": data_start - 1,
        "data": data_start,
        "end": len(data) - 1,
    }
    data[places[region]] ^= 1
    path.write_bytes(data)
    _assert_damaged(store, path, "its content has changed")
    _assert_repaired(store, block)


def test_every_bit_counts(store: BlockStore, path: Path) -> None:
    whole = path.read_bytes()

    @given(position=st.integers(0, len(whole) - 1), bit=st.integers(0, 7))
    def flip(position: int, bit: int) -> None:
        data = bytearray(whole)
        data[position] ^= 1 << bit
        path.write_bytes(data)
        with pytest.raises(StoreError, match="its content has changed"):
            _read(store)

    flip()


def test_a_lost_page(store: BlockStore, path: Path, block: MakeBlock) -> None:
    data = bytearray(path.read_bytes())
    data[4096:8192] = bytes(4096)
    path.write_bytes(data)
    _assert_damaged(store, path, "its content has changed")
    _assert_repaired(store, block)


def test_the_file_of_another_block(store: BlockStore, path: Path, block: MakeBlock) -> None:
    other = store.root / "blocks" / f"{store.model('m').blocks[1].hash}.safetensors"
    shutil.copy(other, path)
    _assert_damaged(store, path, "its (content has changed|checksum)|it has")
    _assert_repaired(store, block)


def test_a_folder_in_place_of_the_file(store: BlockStore, path: Path, block: MakeBlock) -> None:
    path.unlink()
    path.mkdir()
    with pytest.raises(StoreError, match="is damaged"):
        _read(store)
    with pytest.raises(StoreError, match=r"was not written: Is a directory"):
        _add(store, block)
    path.rmdir()
    _assert_repaired(store, block)


def test_tensors_in_use_survive_a_repair(store: BlockStore, path: Path, block: MakeBlock) -> None:
    tensors = _read(store)
    # Replaced, as a copy tool or an editor does it; not cut in place.
    broken = path.with_name("broken")
    broken.write_bytes(b"broken")
    broken.replace(path)
    _assert_repaired(store, block)
    assert torch.equal(tensors["conv.weight"], block(0).tensors["conv.weight"])


def test_a_forged_file_with_a_matching_checksum_is_found_by_verify(
    store: BlockStore, path: Path
) -> None:
    first, second = (ref.hash for ref in store.model("m").blocks)
    shutil.copy(store.root / "blocks" / f"{second}.safetensors", path)
    _change(
        store.root,
        "UPDATE blocks SET (file_bytes, checksum) = "
        f"(SELECT file_bytes, checksum FROM blocks WHERE hash = '{second}') "
        f"WHERE hash = '{first}'",
    )
    (found,) = store.verify()
    assert f"its content is that of the block {second}" in found


def _change(root: Path, statement: str) -> None:
    connection = sqlite3.connect(root / "catalogue.sqlite3")
    with connection:
        connection.execute(statement)
    connection.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE model_blocks SET block = (SELECT block FROM model_blocks WHERE position = 1)",
        "UPDATE model_blocks SET position = 2 WHERE position = 0",
        "DELETE FROM model_blocks WHERE position = 0",
        "DELETE FROM model_blocks",
        "UPDATE model_blocks SET block = 'no such block' WHERE position = 1",
        "UPDATE blocks SET architecture = 'tiny/7' WHERE architecture = 'tiny/0'",
        "UPDATE models SET architecture = 'other'",
        "UPDATE models SET metadata = '{\"depth\": 1}'",
    ],
)
def test_a_changed_entry_never_gives_another_model(
    store: BlockStore, path: Path, statement: str
) -> None:
    _change(store.root, statement)
    with pytest.raises(StoreError, match=r"its entry of the model 'm' has changed. Restore"):
        store.model("m")
    assert any("its entry of the model 'm' has changed" in fault for fault in store.verify())


@pytest.mark.parametrize("version", ["0", "2", "17"])
def test_a_store_of_another_version(store: BlockStore, path: Path, version: str) -> None:
    _change(store.root, f"UPDATE meta SET value = '{version}'")
    before = (store.root / "catalogue.sqlite3").read_bytes()
    with pytest.raises(StoreError, match=f"schema version {version}; .*needs version 1. Use"):
        BlockStore.open(store.root)
    assert (store.root / "catalogue.sqlite3").read_bytes() == before


def test_a_database_of_someone_else(tmp_path: Path) -> None:
    tmp_path.joinpath("blocks").mkdir()
    _change(tmp_path, "CREATE TABLE bookmarks (url TEXT)")
    with pytest.raises(StoreError, match="not the catalogue of a block store"):
        BlockStore.open(tmp_path)


def test_a_catalogue_that_is_no_database(store: BlockStore, path: Path) -> None:
    store.close()
    (store.root / "catalogue.sqlite3").write_bytes(b"anything else" * 500)
    with pytest.raises(StoreError, match=r"catalogue.sqlite3 failed \(file is not a database\). R"):
        BlockStore.open(store.root)


def test_a_damaged_catalogue_gives_an_error_or_the_right_answer(tmp_path: Path) -> None:
    contents = [_small(0), _small(1)]
    with BlockStore.open(tmp_path) as store:
        store.add_model("m", architecture="tiny", blocks=contents, metadata={"a": 1})
        store.put_model_set("s", {"b": 2}, ["m"])
        model, sizes = store.model("m"), store.sizes()
    file = tmp_path / "catalogue.sqlite3"
    whole = file.read_bytes()
    used = [index for index, byte in enumerate(whole) if byte]

    def ask() -> str | None:
        try:
            with BlockStore.open(tmp_path) as store:
                assert [store.model(name) for name in store.model_ids()] in ([model], [])
                if store.sizes().models == sizes.models:
                    assert store.sizes().blocks == sizes.blocks
                assert store.model_set("s") in {("m",), None}
                assert store.model("m") == model
                for ref, content in zip(model.blocks, contents, strict=True):
                    assert torch.equal(store.read_block(ref.hash)["w"], content.tensors["w"])
        except StoreError as error:
            return str(error)
        return None

    @given(
        place=st.sampled_from(used) | st.integers(0, len(whole) - 1),
        mask=st.sampled_from([1 << bit for bit in range(8)]) | st.integers(1, 255),
        cut=st.booleans(),
    )
    @settings(max_examples=200, deadline=None)
    def damage(place: int, mask: int, cut: bool) -> None:
        catalogue = bytearray(whole)
        if cut:
            del catalogue[place:]
        else:
            catalogue[place] ^= mask
        file.write_bytes(catalogue)
        message = ask()
        assert message is None or str(tmp_path) in message

    damage()


def _small(seed: int) -> BlockContent:
    return BlockContent(architecture=f"tiny/{seed}", tensors={"w": torch.full((4,), seed)})


def test_a_locked_catalogue(store: BlockStore, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("systems.store.database._BUSY_TIMEOUT_S", 0.05)
    other = sqlite3.connect(store.root / "catalogue.sqlite3", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StoreError, match=r"database is locked.*kept it locked for more than"):
        BlockStore.open(store.root)
    other.execute("ROLLBACK")
    other.close()
    BlockStore.open(store.root).close()


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StoreError, match=r"file/store cannot be made: Not a directory"):
        BlockStore.open(tmp_path / "file" / "store")
