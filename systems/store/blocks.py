"""Blocks as content: what a block is, its name, and its bytes in a safetensors file."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from systems.errors import StoreError

if TYPE_CHECKING:
    import torch

_HASH_BYTES = 20
_ALIGNMENT_BYTES = 64
_TURNED = "channels_last"
"""Metadata key: JSON list of the tensors that are stored channels-last."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BlockContent:
    """One block: the printable id of its architecture and its parameters and buffers.

    ``tensors`` are dense and may lie on any device except ``meta``, in any memory layout;
    their values are what counts. Their order in the mapping does not matter.
    """

    architecture: str
    tensors: Mapping[str, torch.Tensor]


def block_hash(content: BlockContent) -> str:
    """The name of a block: 40 hexadecimal digits, equal for equal contents only.

    BLAKE2b over its architecture and each tensor's name, dtype, shape and row-major bytes,
    in the order of names. Raises ``StoreError`` for a tensor that has no bytes to store
    (meta, sparse, quantised).
    """
    dtype_names = _dtype_names()
    tensors = sorted(content.tensors.items())
    described = [
        [name, _dtype_name(name, tensor, dtype_names), list(tensor.shape)]
        for name, tensor in tensors
    ]
    head = json.dumps([content.architecture, described], separators=(",", ":")).encode()
    # Shapes and dtypes fix every length that follows, so no two contents read alike.
    digest = hashlib.blake2b(len(head).to_bytes(8, "little") + head, digest_size=_HASH_BYTES)
    for _, tensor in tensors:
        digest.update(_bytes_of(tensor).data)
    return digest.hexdigest()


def encode(content: BlockContent, name: str) -> np.ndarray:
    """The block ``name`` as the bytes of a safetensors file (uint8, one-dimensional).

    Equal contents give equal files. Convolution weights [O, I, H, W] are stored as
    [O, H, W, I], the layout in which they run, so that binding one copies nothing; the
    metadata says which. Tensors whose size is a multiple of 64 bytes come first, so that
    they start at multiples of 64 bytes in the mapped file, as they would in memory that
    torch has allocated: some matrix kernels round differently elsewhere.
    """
    dtype_names = _dtype_names()
    metadata = {"architecture": content.architecture, "hash": name}
    turned = sorted(name for name, tensor in content.tensors.items() if _turns(tensor.shape))
    if turned:
        metadata[_TURNED] = json.dumps(turned, separators=(",", ":"))
    header: dict[str, object] = {"__metadata__": metadata}
    ordered = sorted(
        content.tensors.items(),
        key=lambda item: (
            item[1].nbytes % _ALIGNMENT_BYTES != 0,
            -item[1].element_size(),
            item[0],
        ),
    )
    end = 0
    for tensor_name, tensor in ordered:
        begin, end = end, end + tensor.nbytes
        header[tensor_name] = {
            "dtype": _dtype_name(tensor_name, tensor, dtype_names),
            "shape": list(_as_stored(tensor).shape),
            "data_offsets": [begin, end],
        }
    head = json.dumps(header, separators=(",", ":")).encode()
    head += b" " * (-(8 + len(head)) % _ALIGNMENT_BYTES)
    data_start = 8 + len(head)
    encoded = np.empty(data_start + end, dtype=np.uint8)
    encoded[:8] = np.frombuffer(len(head).to_bytes(8, "little"), dtype=np.uint8)
    encoded[8:data_start] = np.frombuffer(head, dtype=np.uint8)
    position = data_start
    for _, tensor in ordered:
        encoded[position : position + tensor.nbytes] = _bytes_of(_as_stored(tensor))
        position += tensor.nbytes
    return encoded


def decode(encoded: torch.Tensor) -> BlockContent:
    """The block in the bytes of a file that ``encode`` made.

    ``encoded`` is uint8, one-dimensional, and already verified by its checksum; the
    block's tensors are views of it. Convolution weights have channels-last strides, except
    in files of earlier versions, which stored all tensors row by row.
    """
    dtypes = _dtypes_by_name()
    data_start = 8 + int.from_bytes(encoded[:8].numpy().tobytes(), "little")
    header = json.loads(encoded[8:data_start].numpy().tobytes())
    metadata = header.pop("__metadata__")
    turned = frozenset(json.loads(metadata.get(_TURNED, "[]")))
    data = encoded[data_start:]
    bases: dict[torch.dtype, torch.Tensor] = {}
    tensors = {}
    for name, entry in header.items():
        dtype, begin = dtypes[entry["dtype"]], entry["data_offsets"][0]
        if dtype not in bases:
            whole = len(data) // dtype.itemsize * dtype.itemsize
            bases[dtype] = data[:whole].view(dtype)
        shape, strides = _shape_and_strides(tuple(entry["shape"]), is_turned=name in turned)
        # One step from the file to a tensor: a chain of views costs more than small tensors do.
        tensors[name] = bases[dtype].as_strided(
            shape, strides, bases[dtype].storage_offset() + begin // dtype.itemsize
        )
    return BlockContent(architecture=metadata["architecture"], tensors=tensors)


def _turns(shape: Sequence[int]) -> bool:
    """Whether a tensor of this shape has other bytes channels-last than row by row."""
    return len(shape) == 4 and shape[1] > 1 and shape[2] * shape[3] > 1


def _as_stored(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.permute(0, 2, 3, 1) if _turns(tensor.shape) else tensor


@functools.lru_cache(maxsize=4096)
def _shape_and_strides(
    stored: tuple[int, ...], *, is_turned: bool
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Shape and strides (in elements) of a tensor that lies row by row in its file."""
    strides, size = [], 1
    for length in reversed(stored):
        strides.append(size)
        size *= max(length, 1)
    strides.reverse()
    order = (0, 3, 1, 2) if is_turned else range(len(stored))
    return tuple(stored[i] for i in order), tuple(strides[i] for i in order)


@functools.cache
def _dtypes_by_name() -> dict[str, torch.dtype]:
    return {name: dtype for dtype, name in _dtype_names().items()}


@functools.cache
def _dtype_names() -> dict[torch.dtype, str]:
    """The safetensors names of dtypes; complex and sub-byte ones are not stored."""
    import torch

    return {
        torch.float64: "F64",
        torch.float32: "F32",
        torch.float16: "F16",
        torch.bfloat16: "BF16",
        torch.float8_e4m3fn: "F8_E4M3",
        torch.float8_e5m2: "F8_E5M2",
        torch.int64: "I64",
        torch.int32: "I32",
        torch.int16: "I16",
        torch.int8: "I8",
        torch.uint8: "U8",
        torch.bool: "BOOL",
    }


def _dtype_name(name: str, tensor: torch.Tensor, dtype_names: dict[torch.dtype, str]) -> str:
    import torch

    if tensor.layout is not torch.strided or tensor.is_meta or tensor.dtype not in dtype_names:
        raise StoreError(
            f"The tensor '{name}' ({tensor.dtype}, {tensor.layout}, on {tensor.device}) cannot be "
            f"stored: blocks hold dense tensors of {', '.join(sorted(dtype_names.values()))} that "
            "lie on a real device. Convert it, or load its weights first."
        )
    return dtype_names[tensor.dtype]


def _bytes_of(tensor: torch.Tensor) -> np.ndarray:
    """The values of a tensor in row-major order: uint8, one-dimensional."""
    import torch

    return tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
