"""Inputs of parts: kept in files and read again, or made up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from systems.data.kept_inputs import InputsWriter, KeptInputs, is_kept
from systems.data.part_inputs import RandomInputs
from systems.data.row_layout import RowLayout
from systems.data.transform import Transform
from systems.errors import DatasetError

BASE = Transform(sequence_length=5)
ORDER = np.array([4, 0, 3, 1, 5, 2])
"""Items in the order in which they are used, test items first."""


def hidden(items: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    """Of each item other numbers: hidden states [B, 5, 4] and a mask [B, 5]."""
    states = torch.arange(20.0).view(1, 5, 4) + 100 * torch.from_numpy(items).view(-1, 1, 1)
    return states, torch.from_numpy(items % 2).view(-1, 1).expand(-1, 5).contiguous()


def keep(folder: Path) -> None:
    with InputsWriter(folder, items=len(ORDER)) as writer:
        for items in (ORDER[:4], ORDER[4:]):
            writer.add(*hidden(items))
        writer.commit()


def kept(folder: Path) -> KeptInputs:
    return KeptInputs(folder, trunk="t", base=BASE, item_order=ORDER, device="cpu")


def test_each_item_is_found_again_in_batches_of_any_kind(tmp_path: Path) -> None:
    keep(tmp_path / "inputs")
    inputs = kept(tmp_path / "inputs")
    for items in (ORDER[:3], ORDER[2:5], np.array([2]), np.array([5, 5, 0, 4]), ORDER):
        batch = inputs.batch(items)
        states, mask = hidden(items)
        assert torch.equal(batch.inputs, states)
        assert torch.equal(batch.side[0], mask)
        assert batch.side[0].dtype == torch.int64
        np.testing.assert_array_equal(batch.items, items)


def test_what_was_read_is_counted_once(tmp_path: Path) -> None:
    keep(tmp_path / "inputs")
    inputs = kept(tmp_path / "inputs")
    assert inputs.form.item_bytes == 4 * 20 + 8 * 5
    assert inputs.read_bytes() == 0
    inputs.batch(ORDER[:2])
    inputs.batch(ORDER[1:3])
    assert inputs.read_bytes() == 3 * inputs.form.item_bytes
    inputs.batch(ORDER)
    assert inputs.read_bytes() == sum(file.stat().st_size for file in inputs.files)


def test_a_folder_is_there_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    folder = tmp_path / "inputs"
    with pytest.raises(KeyboardInterrupt), InputsWriter(folder, items=6) as writer:
        writer.add(*hidden(ORDER[:4]))
        raise KeyboardInterrupt
    assert not is_kept(folder)
    assert list(tmp_path.iterdir()) == []
    keep(folder)
    assert is_kept(folder)
    leftover = tmp_path / ".killed"
    leftover.mkdir()
    (leftover / "lock").touch()
    keep(folder)  # another process was faster: no matter
    assert [path.name for path in tmp_path.iterdir()] == ["inputs"]


def test_damage_is_an_error_that_says_what_to_remove(tmp_path: Path) -> None:
    folder = tmp_path / "inputs"
    with pytest.raises(DatasetError, match=r"cannot be read.*Remove"):
        kept(folder)
    keep(folder)
    inputs = kept(folder)
    (folder / "0.rows").write_bytes(b"short")
    with pytest.raises(DatasetError, match="cut short"):
        inputs.batch(ORDER)
    with pytest.raises(DatasetError, match="not of 6 items"):
        kept(folder)


def test_a_disk_that_is_too_small_is_refused_before_it_is_full(tmp_path: Path) -> None:
    with (
        InputsWriter(tmp_path / "inputs", items=10**15) as writer,
        pytest.raises(DatasetError, match="free some space"),
    ):
        writer.add(*hidden(ORDER))


def test_made_up_items_are_the_same_in_every_batch() -> None:
    layouts = [
        RowLayout(dtype="float32", shape=(8, 3, 3), order=(0, 2, 3, 1)),
        RowLayout(dtype="int64", shape=(5,), order=(0, 1)),
    ]
    inputs = RandomInputs(layouts, trunk="t", base=BASE, items=4, device="cpu")
    whole = inputs.batch(np.arange(10))
    assert whole.inputs.is_contiguous(memory_format=torch.channels_last)
    assert whole.inputs.std() == pytest.approx(1.0, abs=0.2)
    assert bool((whole.side[0] == 1).all())
    part = inputs.batch(np.array([7, 2]))
    assert torch.equal(part.inputs, whole.inputs[[7, 2]])
    again = RandomInputs(layouts, trunk="t", base=BASE, items=4, device="cpu")
    assert torch.equal(again.batch(np.arange(10)).inputs, whole.inputs)
    assert not torch.equal(whole.inputs[0], whole.inputs[1])
