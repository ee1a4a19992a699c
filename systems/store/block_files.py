"""The folder of block files: one file per block, verified whenever it is read."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from systems.errors import StoreError
from systems.store.blocks import BlockContent, block_hash, decode, encode
from systems.store.catalogue import BlockRow
from systems.store.checksum import checksum
from systems.store.files import map_file, sync_folder, write_whole

if TYPE_CHECKING:
    import torch

_FIX = (
    "Remove the file and add the block's models again (for generated snapshots, run the same "
    "command again: they are generated again)."
)


class BlockFiles:
    """Reads, writes and checks the files ``folder/<hash>.safetensors``.

    Files are only written by a caller that holds the writer's lock of the store.
    ``fetch`` gives the first so many bytes of a file (uint8, one-dimensional): mapped, or
    copied into memory.
    """

    def __init__(
        self, folder: Path, *, fetch: Callable[[Path, int], torch.Tensor] = map_file
    ) -> None:
        self.folder = folder
        self._fetch = fetch

    def path(self, block_hash: str) -> Path:
        """Where the file of a block is; the hash comes from ``blocks`` or the catalogue."""
        return self.folder / f"{block_hash}.safetensors"

    def write(self, content: BlockContent, *, name: str) -> BlockRow:
        """Write the block whose hash is ``name``, in place of any file of that name."""
        encoded = encode(content, name)
        write_whole(self.path(name), encoded)
        return BlockRow(
            hash=name,
            architecture=content.architecture,
            file_bytes=encoded.size,
            tensor_bytes=sum(tensor.nbytes for tensor in content.tensors.values()),
            checksum=checksum(encoded),
        )

    def read(self, row: BlockRow) -> dict[str, torch.Tensor]:
        """The block's tensors: views of its fetched file, all of which has been verified."""
        return dict(decode(self._fetch_verified(row)).tensors)

    def is_whole(self, row: BlockRow) -> bool:
        """Whether ``read`` would succeed; reads the whole file."""
        try:
            self._fetch_verified(row)
        except StoreError:
            return False
        return True

    def has_size(self, row: BlockRow) -> bool:
        """Whether the file is there and not cut; reads nothing of it."""
        return self._size_fault(row) is None

    def verify_name(self, row: BlockRow) -> None:
        """Recompute the block's hash from its file; raise ``StoreError`` if it differs."""
        actual = block_hash(decode(self._fetch_verified(row)))
        if actual != row.hash:
            raise self._damaged(row, f"its content is that of the block {actual}")

    def remove(self, rows: Iterable[BlockRow]) -> None:
        """Remove the files of blocks, where they are."""
        for row in rows:
            self.path(row.hash).unlink(missing_ok=True)

    def sync(self) -> None:
        """Make the names of written files durable, before the catalogue relies on them."""
        sync_folder(self.folder)

    def _fetch_verified(self, row: BlockRow) -> torch.Tensor:
        # The size comes first: touching a page behind the end of a cut file kills a process.
        fault = self._size_fault(row)
        if fault is not None:
            raise self._damaged(row, fault)
        try:
            fetched = self._fetch(self.path(row.hash), row.file_bytes)
        except (OSError, RuntimeError) as error:
            if getattr(error, "errno", None) == errno.ENOMEM or "allocate memory" in str(error):
                raise MemoryError(
                    f"there is no room for a block of {row.file_bytes} bytes"
                ) from error
            raise self._damaged(row, f"it cannot be read ({error})") from error
        actual = checksum(fetched.numpy())
        if actual != row.checksum:
            raise self._damaged(
                row, f"its content has changed (checksum {actual} instead of {row.checksum})"
            )
        return fetched

    def _size_fault(self, row: BlockRow) -> str | None:
        try:
            actual_bytes = self.path(row.hash).stat().st_size
        except FileNotFoundError:
            return "it is missing"
        except OSError as error:
            return f"it cannot be read ({error.strerror})"
        if actual_bytes != row.file_bytes:
            return f"it has {actual_bytes} bytes instead of {row.file_bytes}"
        return None

    def _damaged(self, row: BlockRow, fault: str) -> StoreError:
        return StoreError(f"The block file {self.path(row.hash)} is damaged: {fault}. {_FIX}")
