"""What a block store tells about its content."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class BlockRef:
    """A block in the store: its hash, its architecture, the bytes of its tensors."""

    hash: str
    architecture: str
    tensor_bytes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredModel:
    """A model in the store: its blocks in the order in which they run."""

    id: str
    architecture: str
    blocks: tuple[BlockRef, ...]
    metadata: Mapping[str, object]


@dataclass(frozen=True, kw_only=True, slots=True)
class Added:
    """What adding a model has written: blocks (and their bytes) that the store did not have."""

    new_blocks: int
    new_bytes: int
    shared_blocks: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Sizes:
    """How much a store holds, every block counted once."""

    models: int
    blocks: int
    tensor_bytes: int
    file_bytes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadRate:
    """Bytes copied from block files, and the seconds during which that was going on."""

    bytes: int
    seconds: float

    @property
    def bytes_per_s(self) -> float:
        """The achieved rate."""
        return self.bytes / self.seconds
