from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from systems.errors import StoreError
from systems.store.blocks import BlockContent, block_hash
from systems.store.store import BlockStore
from tests.small_disk import small_file_system

_DISK_BYTES = 1 << 20
_PAGE_BYTES = 4096


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 1 MiB."""
    with small_file_system(tmp_path / "disk", size=str(_DISK_BYTES)) as folder:
        yield folder


def _fill(disk: Path, *, free_bytes: int) -> Path:
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(_PAGE_BYTES)) == _PAGE_BYTES:
                pass
        except OSError:
            pass
        file.truncate(max(0, file.tell() - free_bytes))
    return ballast


def test_a_full_disk_is_explained_and_survived(
    disk: Path, block: Callable[..., BlockContent]
) -> None:
    small, large = block(0, size=1_000), block(1, size=20_000)  # 36 kB, 720 kB
    larger = block(2, size=20_000)
    with BlockStore.open(disk / "store") as store:
        store.add_model("fits", architecture="tiny", blocks=[small, large], metadata={})
        before = sorted(store.root.rglob("*"))
        with pytest.raises(StoreError, match=r"was not written: No space left.*disk is full: free"):
            store.add_model(
                "too-big", architecture="tiny", blocks=[small, block(3), larger], metadata={}
            )
        # The one new block that did fit is gone, too.
        assert sorted(store.root.rglob("*")) == before
        assert store.model_ids() == ("fits",)
        assert store.verify() == []
        store.add_model("small", architecture="tiny", blocks=[small, block(3)], metadata={})
        tensors = store.read_block(block_hash(large))
        assert torch.equal(tensors["conv.weight"], large.tensors["conv.weight"])


def test_wherever_the_disk_becomes_full(disk: Path, block: Callable[..., BlockContent]) -> None:
    # From no room at all, over the block file, to the journal and the tables' last page.
    outcomes = []
    with BlockStore.open(disk / "store") as store:
        store.add_model("first", architecture="tiny", blocks=[block(0)], metadata={})
        for pages in range(24):
            model_id = f"m{pages}"
            model = {"architecture": "tiny", "blocks": [block(pages + 1)], "metadata": {}}
            ballast = _fill(disk, free_bytes=pages * _PAGE_BYTES)
            outcomes.append(_outcome(lambda: store.add_model(model_id, **model)))  # noqa: B023
            assert (model_id in store.model_ids()) == (outcomes[-1] == "added")
            ballast.unlink()
            assert store.verify() == []
            store.add_model(model_id, **model)
        assert len(store.model_ids()) == 25
        assert len(list(store.root.glob("blocks/*"))) == 25
    assert set(outcomes) == {"refused by a file", "refused by the catalogue", "added"}


def _outcome(add: Callable[[], object]) -> str:
    try:
        add()
    except StoreError as error:
        message = str(error)
    else:
        return "added"
    assert "disk is full" in message or "Free some space" in message
    return "refused by the catalogue" if "catalogue" in message else "refused by a file"
