"""Decoded items, kept for models and rounds to come: in memory, and beyond a budget on disk."""

from __future__ import annotations

import os
import tempfile
import threading
from pathlib import Path
from typing import IO

import numpy as np

from systems.data.transform import Transform
from systems.errors import DatasetError

Key = tuple[int, Transform]


class DecodedItems:
    """Compact items (uint8 pictures, int32 tokens) by item and transform, each put in once.

    Transforms that differ in padding only have the same compact items: ask for them by
    ``Transform.compact``.

    What the budget has no room for goes to a temporary file. The file has no name from the
    moment it is open, so that nothing of it is left however the process ends. It is written
    and read by system calls instead of being mapped: a full disk is then an error, where a
    mapped file would end the process by a signal. Several threads may use one object.

    Args:
        budget_bytes: of items in memory.
        folder: where the temporary file is opened, once it is needed; created if absent.
    """

    def __init__(self, *, budget_bytes: int, folder: Path) -> None:
        self._budget_bytes = budget_bytes
        self._folder = folder
        self._lock = threading.Lock()
        self._in_memory: dict[Key, np.ndarray] = {}
        self._in_file: dict[Key, int] = {}
        """Offset of the item's bytes."""
        self._file: IO[bytes] | None = None
        self.memory_bytes = 0
        """Of the items that are in memory now."""
        self.spilled_bytes = 0
        """Written to the temporary file so far."""

    def holds(self, item: int, transform: Transform) -> bool:
        """Whether the item is here in that form."""
        return (item, transform) in self._in_memory or (item, transform) in self._in_file

    def read_into(self, item: int, transform: Transform, out: np.ndarray) -> bool:
        """Copy an item into ``out`` (contiguous, of the transform's shape); False if unknown.

        Raises:
            DatasetError: the temporary file cannot be read.
        """
        key = (item, transform)
        kept = self._in_memory.get(key)
        if kept is not None:
            out[...] = kept
            return True
        offset = self._in_file.get(key)
        if offset is None:
            return False
        self._read_file(offset, out)
        return True

    def put(self, item: int, transform: Transform, value: np.ndarray) -> None:
        """Keep ``value``, which must not be changed afterwards.

        Raises:
            DatasetError: the disk of the temporary file is full.
        """
        key = (item, transform)
        with self._lock:
            fits = self.memory_bytes + value.nbytes <= self._budget_bytes
            if fits:
                self.memory_bytes += value.nbytes
            else:
                offset = self.spilled_bytes
                self.spilled_bytes += value.nbytes
        if fits:
            self._in_memory[key] = _without_surplus(value)
        else:
            self._write_file(offset, np.ascontiguousarray(value))
            self._in_file[key] = offset

    def forget(self, item: int, transform: Transform) -> None:
        """Give up an item's memory; where it lies in the file, its place is not used again."""
        kept = self._in_memory.pop((item, transform), None)
        if kept is not None:
            with self._lock:
                self.memory_bytes -= kept.nbytes

    def close(self) -> None:
        """Forget everything; the temporary file is gone."""
        self._in_memory.clear()
        self._in_file.clear()
        self.memory_bytes = 0
        if self._file is not None:
            self._file.close()
            self._file = None

    def _write_file(self, offset: int, value: np.ndarray) -> None:
        left = value.data.cast("B")
        try:
            while left:
                written = os.pwrite(self._descriptor(), left, offset)
                left, offset = left[written:], offset + written
        except OSError as error:
            raise DatasetError(
                f"Decoded items cannot be written to a temporary file in {self._folder} "
                f"({error.strerror}): free some space there, or give decoded_budget more memory "
                f"than its {self._budget_bytes:,} bytes."
            ) from error

    def _read_file(self, offset: int, out: np.ndarray) -> None:
        left = out.data.cast("B")
        try:
            while left:
                read = os.preadv(self._descriptor(), [left], offset)
                if read == 0:
                    raise OSError(0, "the file has been cut short")
                left, offset = left[read:], offset + read
        except OSError as error:
            raise DatasetError(
                f"Decoded items cannot be read back from the temporary file in {self._folder} "
                f"({error.strerror}): check the disk, or switch decode_once off."
            ) from error

    def _descriptor(self) -> int:
        with self._lock:
            if self._file is None:
                self._folder.mkdir(parents=True, exist_ok=True)
                self._file = tempfile.TemporaryFile(dir=self._folder, buffering=0)  # noqa: SIM115
            return self._file.fileno()


def _without_surplus(value: np.ndarray) -> np.ndarray:
    """``value``, copied where it is a part of a larger array that it would keep alive."""
    owner = value.base
    return value.copy() if isinstance(owner, np.ndarray) and owner.size > value.size else value
