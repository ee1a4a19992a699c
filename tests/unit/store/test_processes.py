from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from systems.store.blocks import BlockContent, block_hash
from systems.store.store import BlockStore
from tests.unit.store.writer import add, blocks_of

_ROOT = Path(__file__).parents[3]
_SIZE = 64
_LARGE = 60_000  # 2 MB per block: long enough to be killed in


def _writer(store: Path, prefix: str, *numbers: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.unit.store.writer", str(store), prefix]
    return subprocess.Popen(
        command + [str(number) for number in numbers],
        cwd=_ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _assert_model(store: BlockStore, model_id: str, size: int) -> None:
    contents = blocks_of(model_id, size)
    refs = store.model(model_id).blocks
    assert [ref.hash for ref in refs] == [block_hash(content) for content in contents]
    for ref, content in zip(refs, contents, strict=True):
        tensors = store.read_block(ref.hash)
        assert all(torch.equal(tensors[name], tensor) for name, tensor in content.tensors.items())


def test_two_writers_and_a_reader_at_once(tmp_path: Path) -> None:
    # Both make the folder and the tables; 'same' models both add; of the others they write
    # two thirds of the blocks in common.
    writers = [
        _writer(tmp_path / "store", f"{prefix},same", 12, _SIZE) for prefix in ("left", "right")
    ]
    assert writers[0].stdout is not None
    assert writers[0].stdout.readline() == "ready\n"
    with BlockStore.open(tmp_path / "store") as store:
        seen: set[str] = set()
        while any(writer.poll() is None for writer in writers):
            for model_id in set(store.model_ids()) - seen:
                _assert_model(store, model_id, _SIZE)
                seen.add(model_id)
        output = [writer.communicate()[0] for writer in writers]
        assert [writer.returncode for writer in writers] == [0, 0], output
        assert "error" not in "".join(output)
        prefixes = ("left", "right", "same")
        expected = [f"{prefix}-{number}" for prefix in prefixes for number in range(12)]
        assert sorted(store.model_ids()) == sorted(expected)
        for model_id in expected:
            _assert_model(store, model_id, _SIZE)
        assert store.sizes().blocks == 1 + 12 + 3 * 12
        assert len(list(store.root.glob("blocks/*"))) == 1 + 12 + 3 * 12
        assert store.verify() == []


@pytest.mark.parametrize("delay_ms", [0, 13])
def test_a_killed_writer_leaves_the_store_whole(
    tmp_path: Path, delay_ms: int, block: Callable[..., BlockContent]
) -> None:
    root = tmp_path / "store"
    writer = _writer(root, "killed", 500, _LARGE)
    assert writer.stdout is not None
    done = [writer.stdout.readline().strip() for _ in range(3)][1:]
    time.sleep(delay_ms / 1000)
    writer.send_signal(signal.SIGKILL)
    rest, _ = writer.communicate()
    assert writer.returncode == -signal.SIGKILL
    done += rest.split()
    with BlockStore.open(root, create=False) as store:
        # A model may be in the store although its writer could not say so any more.
        assert set(done) <= set(store.model_ids())
        assert len(store.model_ids()) <= len(done) + 1
        for model_id in store.model_ids():
            _assert_model(store, model_id, _LARGE)
        assert store.verify() == []
        # The lock went with its holder, and what was half-written goes with the next writer.
        add(store, f"killed-{len(done)}", _LARGE)
        store.add_model("next", architecture="tiny", blocks=[block(1)], metadata={})
        assert list(root.rglob("*.partial")) == []
        assert store.verify() == []


def test_a_file_size_limit_is_explained_and_survived(tmp_path: Path) -> None:
    # The stand-in for a full disk where no small file system can be mounted.
    root = tmp_path / "store"
    output, _ = _writer(root, "big", 1, _LARGE, 1 << 20).communicate(timeout=60)
    assert "was not written" in output
    assert "ulimit -f" in output
    assert list(root.glob("blocks/*")) == []
    with BlockStore.open(root, create=False) as store:
        assert store.model_ids() == ()
        assert store.verify() == []
        add(store, "big-0", _LARGE)
        _assert_model(store, "big-0", _LARGE)
