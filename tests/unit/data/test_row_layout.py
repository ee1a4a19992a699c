"""Batches as rows of bytes and back: the same numbers in the same places of memory."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from systems.data.row_layout import RowLayout


def batch(name: str, items: int) -> Tensor:
    generator = torch.Generator().manual_seed(items)
    images = torch.randn(items, 8, 5, 3, generator=generator)
    return {
        "contiguous images": lambda: images,
        "channels-last images": lambda: images.to(memory_format=torch.channels_last),
        "one pixel": lambda: images[:, :, :1, :1].contiguous(memory_format=torch.channels_last),
        "one pixel, contiguous": lambda: images[:, :, :1, :1].contiguous(),
        "tokens": lambda: images.flatten(2),
        # Some attention kernels leave their results like this: token by token.
        "tokens of all items together": lambda: images.flatten(2).transpose(0, 1).contiguous()
        .transpose(0, 1),
        "bfloat16": lambda: images.to(torch.bfloat16),
        "mask": lambda: images.flatten(1)[:, :7].gt(0).long(),
    }[name]()  # fmt: skip


@pytest.mark.parametrize(
    "name",
    ["contiguous images", "channels-last images", "one pixel", "one pixel, contiguous", "tokens",
     "tokens of all items together", "bfloat16", "mask"],
)  # fmt: skip
def test_rows_give_the_same_batch_again(name: str) -> None:
    layout = RowLayout.of(batch(name, 6))
    for items in (6, 2, 1):
        expected = batch(name, items)
        rows = layout.rows(expected)
        assert rows.shape == (items, layout.row_bytes)
        assert rows.dtype == torch.uint8
        found = layout.batch(rows)
        assert torch.equal(found, expected)
        assert found.dtype == expected.dtype
        if items > 1:
            assert found.stride() == expected.stride()


def test_a_row_is_an_item_whatever_batch_it_comes_from() -> None:
    whole = batch("channels-last images", 6)
    layout = RowLayout.of(whole)
    assert torch.equal(layout.rows(whole[2:4]), layout.rows(whole)[2:4])


def test_batches_of_another_shape_or_type_are_refused() -> None:
    layout = RowLayout.of(batch("tokens", 4))
    for other in (batch("tokens", 4)[:, :4], batch("tokens", 4).double()):
        with pytest.raises(ValueError, match="does not fit rows of float32"):
            layout.rows(other)
