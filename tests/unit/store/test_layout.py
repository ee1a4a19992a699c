"""Convolution weights lie channels-last in block files; files of earlier versions did not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from systems.store.block_files import BlockFiles
from systems.store.blocks import BlockContent, block_hash, decode, encode
from systems.store.catalogue import BlockRow
from systems.store.checksum import checksum


def _content(**tensors: torch.Tensor) -> BlockContent:
    return BlockContent(architecture="x", tensors=tensors)


def _stored(content: BlockContent) -> Mapping[str, torch.Tensor]:
    return decode(torch.from_numpy(encode(content, block_hash(content)))).tensors


def _written_row_by_row(content: BlockContent) -> np.ndarray:
    """A file as earlier versions wrote it."""
    header: dict[str, object] = {"__metadata__": {"architecture": "x", "hash": "h"}}
    data = b""
    for name, tensor in content.tensors.items():
        raw = tensor.contiguous().numpy().tobytes()
        offsets = [len(data), len(data) + len(raw)]
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": offsets}
        data += raw
    head = json.dumps(header, separators=(",", ":")).encode()
    head += b" " * (-(8 + len(head)) % 64)
    return np.frombuffer(len(head).to_bytes(8, "little") + head + data, dtype=np.uint8).copy()


@pytest.mark.parametrize("shape", [(8, 4, 3, 3), (8, 4, 1, 3), (1, 4, 3, 3)])
def test_convolution_weights_come_back_channels_last(shape: tuple[int, ...]) -> None:
    weight = torch.randn(shape)
    found = _stored(_content(w=weight))["w"]
    assert torch.equal(found, weight)
    assert found.stride() == weight.to(memory_format=torch.channels_last).stride()


@pytest.mark.parametrize("shape", [(), (7,), (3, 5), (2, 3, 4), (2, 3, 4, 5, 6)])
def test_other_tensors_lie_row_by_row(shape: tuple[int, ...]) -> None:
    tensor = torch.randn(shape)
    assert _stored(_content(w=tensor))["w"].stride() == tensor.stride()


@given(st.lists(st.integers(0, 4), min_size=4, max_size=4))
def test_every_four_dimensional_shape_comes_back(shape: list[int]) -> None:
    weight = torch.randn(shape)
    assert torch.equal(_stored(_content(w=weight))["w"], weight)


def test_blocks_without_convolutions_have_the_files_of_earlier_versions() -> None:
    content = _content(w=torch.randn(16, 8))
    ours = encode(content, "h")
    assert ours.tobytes() == _written_row_by_row(content).tobytes()


def test_files_of_earlier_versions_are_read(tmp_path: Path) -> None:
    content = _content(weight=torch.randn(8, 4, 3, 3), bias=torch.randn(16))
    encoded = _written_row_by_row(content)
    name = block_hash(content)
    (tmp_path / f"{name}.safetensors").write_bytes(encoded.tobytes())
    row = BlockRow(
        hash=name,
        architecture="x",
        file_bytes=encoded.size,
        tensor_bytes=sum(tensor.nbytes for tensor in content.tensors.values()),
        checksum=checksum(encoded),
    )
    files = BlockFiles(tmp_path)
    found = files.read(row)
    assert all(torch.equal(found[key], tensor) for key, tensor in content.tensors.items())
    assert found["weight"].is_contiguous()
    files.verify_name(row)


def test_other_programs_see_shapes_as_they_lie_in_the_file(tmp_path: Path) -> None:
    weight = torch.randn(8, 4, 3, 3)
    content = _content(w=weight)
    path = tmp_path / "block.safetensors"
    path.write_bytes(encode(content, block_hash(content)).tobytes())
    assert torch.equal(load_file(path)["w"], weight.permute(0, 2, 3, 1))
