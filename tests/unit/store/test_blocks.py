from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import load_file

from systems.errors import StoreError
from systems.store.blocks import BlockContent, block_hash, decode, encode

_DTYPES = [
    torch.float64,
    torch.float32,
    torch.float16,
    torch.bfloat16,
    torch.float8_e4m3fn,
    torch.float8_e5m2,
    torch.int64,
    torch.int32,
    torch.int16,
    torch.int8,
    torch.uint8,
    torch.bool,
]


@st.composite
def _tensors(draw: st.DrawFn) -> torch.Tensor:
    dtype = draw(st.sampled_from(_DTYPES))
    shape = draw(st.lists(st.integers(0, 9), max_size=4))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
    if dtype is torch.bool:
        return torch.randint(0, 2, shape, generator=generator).bool()
    size_bytes = torch.Size(shape).numel() * dtype.itemsize
    # Any bit pattern is a value: NaN payloads and negative zeros are kept, too.
    data = torch.randint(0, 256, (size_bytes,), dtype=torch.uint8, generator=generator)
    return data.view(dtype).view(shape)


_contents = st.builds(
    lambda architecture, tensors: BlockContent(architecture=architecture, tensors=tensors),
    st.text(max_size=12),
    st.dictionaries(
        st.text(min_size=1, max_size=8).filter(lambda name: name != "__metadata__"),
        _tensors(),
        max_size=5,
    ),
)


def _same_bits(first: torch.Tensor, second: torch.Tensor) -> bool:
    return (
        first.dtype == second.dtype
        and first.shape == second.shape
        and torch.equal(
            first.contiguous().reshape(-1).view(torch.uint8),
            second.contiguous().reshape(-1).view(torch.uint8),
        )
    )


@given(_contents)
def test_encoding_loses_nothing(content: BlockContent) -> None:
    encoded = encode(content, block_hash(content))
    decoded = decode(torch.from_numpy(encoded))
    assert decoded.architecture == content.architecture
    assert decoded.tensors.keys() == content.tensors.keys()
    for name, tensor in content.tensors.items():
        assert _same_bits(decoded.tensors[name], tensor)
    assert block_hash(decoded) == block_hash(content)


@given(_contents)
def test_order_in_the_mapping_does_not_matter(content: BlockContent) -> None:
    turned = BlockContent(
        architecture=content.architecture, tensors=dict(reversed(content.tensors.items()))
    )
    name = block_hash(content)
    assert block_hash(turned) == name
    assert encode(turned, name).tobytes() == encode(content, name).tobytes()


def test_safetensors_reads_the_files(tmp_path: Path) -> None:
    content = BlockContent(
        architecture="tiny@64/0",
        tensors={dtype_name(dtype): torch.ones(3, 5).to(dtype) for dtype in _DTYPES}
        | {"count": torch.tensor(7), "nothing": torch.empty(0, 4)},
    )
    name = block_hash(content)
    path = tmp_path / "block.safetensors"
    path.write_bytes(encode(content, name).tobytes())
    loaded = load_file(path)
    assert loaded.keys() == content.tensors.keys()
    assert all(_same_bits(loaded[key], tensor) for key, tensor in content.tensors.items())
    with safe_open(path, "pt") as file:
        assert file.metadata() == {"architecture": "tiny@64/0", "hash": name}


def dtype_name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def test_every_part_of_the_content_enters_the_hash() -> None:
    weight = torch.zeros(4, 6)
    variants = [
        ("a", {"w": weight}),
        ("b", {"w": weight}),
        ("a", {"v": weight}),
        ("a", {"w": weight, "v": weight}),
        ("a", {"w": torch.zeros(6, 4)}),
        ("a", {"w": torch.zeros(24)}),
        ("a", {"w": torch.zeros(4, 6, dtype=torch.int32)}),
        ("a", {"w": -weight}),  # negative zeros: other bytes
        ("a", {"w": torch.zeros(4, 6).index_fill(1, torch.tensor(5), 1e-45)}),
        ("a", {}),
    ]
    hashes = {block_hash(BlockContent(architecture=a, tensors=t)) for a, t in variants}
    assert len(hashes) == len(variants)


def test_pieces_cannot_move_from_one_tensor_to_the_next() -> None:
    data = torch.arange(8, dtype=torch.uint8)
    cuts = [{"a": data[:cut], "b": data[cut:]} for cut in range(9)]
    hashes = {block_hash(BlockContent(architecture="x", tensors=tensors)) for tensors in cuts}
    assert len(hashes) == 9


def test_memory_layout_and_gradients_do_not_matter() -> None:
    weight = torch.randn(8, 4, 3, 3)
    layouts = [
        weight,
        weight.to(memory_format=torch.channels_last),
        weight.transpose(0, 1).contiguous().transpose(0, 1),
        torch.nn.Parameter(weight),
        torch.cat([weight, weight])[:8],
    ]
    contents = [BlockContent(architecture="x", tensors={"w": layout}) for layout in layouts]
    name = block_hash(contents[0])
    assert {block_hash(content) for content in contents} == {name}
    assert len({encode(content, name).tobytes() for content in contents}) == 1


def test_large_tensors_start_at_multiples_of_64_bytes() -> None:
    content = BlockContent(
        architecture="x",
        tensors={
            "batches": torch.tensor(3),
            "bias": torch.randn(3),
            "running_mean": torch.randn(64),
            "weight": torch.randn(64, 3, 7, 7),
            "mask": torch.zeros(128, dtype=torch.bool),
        },
    )
    encoded = torch.from_numpy(encode(content, "x"))
    tensors = decode(encoded).tensors
    offsets = {name: tensor.data_ptr() - encoded.data_ptr() for name, tensor in tensors.items()}
    assert [offsets[name] % 64 for name in ("running_mean", "weight", "mask")] == [0, 0, 0]
    assert all(offsets[name] % tensor.element_size() == 0 for name, tensor in tensors.items())


def test_the_hash_is_part_of_the_stores_format() -> None:
    # A changed value renames every block: raise SCHEMA_VERSION with it.
    content = BlockContent(
        architecture="resnet18/0",
        tensors={"w": torch.arange(6.0).view(2, 3), "n": torch.tensor(4)},
    )
    assert block_hash(content) == "7332c0b4ebed6566631a12d7ee03ea991db4d954"


@pytest.mark.parametrize(
    ("tensor", "said"),
    [
        (torch.empty(2, device="meta"), "on meta"),
        (torch.eye(2).to_sparse(), "torch.sparse_coo"),
        (torch.zeros(2, dtype=torch.complex64), "torch.complex64"),
    ],
)
def test_tensors_without_plain_bytes_are_refused(tensor: torch.Tensor, said: str) -> None:
    with pytest.raises(StoreError, match=f"'odd' .*{said}.*dense tensors of"):
        block_hash(BlockContent(architecture="x", tensors={"odd": tensor}))
