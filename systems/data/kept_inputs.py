"""Inputs of parts in files: written once, item after item, and read again in batches."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import IO, Self

import numpy as np
import torch
from torch import Tensor

from systems.data.model_inputs import Batch
from systems.data.part_inputs import TrunkOutput, random_batch
from systems.data.row_layout import RowLayout
from systems.data.transform import Transform
from systems.errors import DatasetError

_FACTS = "facts.json"
_LOCK = "lock"
"""Held by the process that writes a folder; free where that process is dead."""
_VERSION = 1


class KeptInputs:
    """Inputs that were computed before, in a folder of one file per tensor.

    The files are read by system calls, not mapped: pages of a mapped file cannot be put out
    of memory for a cold start. They are opened when the first batch is asked for.

    Args:
        folder: written by ``InputsWriter``.
        trunk: names what made the inputs.
        base: the transform that it read.
        item_order: int64 [items], the dataset indexes of the rows.
        device: where batches go.

    Raises:
        DatasetError: the folder is not there or does not hold so many items.
    """

    def __init__(
        self, folder: Path, *, trunk: str, base: Transform, item_order: np.ndarray, device: str
    ) -> None:
        self._layouts = _read_facts(folder, items=len(item_order))
        self._device = torch.device(device)
        self._place = np.argsort(item_order)  # the row of each item: indexes are 0 … items − 1
        self._is_read = np.zeros(len(item_order), dtype=bool)
        self._opened: list[IO[bytes]] = []
        self.files = tuple(folder / f"{number}.rows" for number in range(len(self._layouts)))
        self.form = TrunkOutput.after(trunk, base, self._layouts)

    def batch(self, items: np.ndarray) -> Batch:
        """The inputs of these items, on the device, with the bits that they were kept with.

        Raises:
            DatasetError: a file cannot be read.
        """
        if not self._opened:
            self._opened = [_opened(path) for path in self.files]
        places = self._place[items]
        self._is_read[places] = True
        inputs, *side = (
            self._read(file, layout, places)
            for file, layout in zip(self._opened, self._layouts, strict=True)
        )
        return Batch(inputs=inputs, side=tuple(side), items=items)

    def random(self, items: int) -> Batch:
        """Random numbers of the same shape and layout, for so many items."""
        return random_batch(self._layouts, items=items, device=self._device)

    def read_bytes(self) -> int:
        """Of the files' bytes, how many batches have asked for so far, each counted once."""
        return int(self._is_read.sum()) * self.form.item_bytes

    def _read(self, file: IO[bytes], layout: RowLayout, places: np.ndarray) -> Tensor:
        on_gpu = self._device.type == "cuda"
        rows = torch.empty((len(places), layout.row_bytes), dtype=torch.uint8, pin_memory=on_gpu)
        room = rows.numpy()
        # Batches are runs of rows, for rows lie in the order in which items are used.
        breaks = np.flatnonzero(np.diff(places) != 1) + 1
        for first, last in zip([0, *breaks], [*breaks, len(places)], strict=True):
            _read_into(file, room[first:last], offset=int(places[first]) * layout.row_bytes)
        return layout.batch(rows).to(self._device, non_blocking=True)


class InputsWriter:
    """Writes batches of inputs, in their order, to a folder that is there when all are.

    Args:
        folder: where they go; created by ``commit``.
        items: how many will come, to refuse a disk that is too small before it is full.
    """

    def __init__(self, folder: Path, *, items: int) -> None:
        self._folder = folder
        self._items = items
        self._written = 0
        self._layouts: list[RowLayout] = []
        self._files: list[IO[bytes]] = []
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._folder.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(self._folder.parent)
        self._working = Path(tempfile.mkdtemp(prefix=".", dir=self._folder.parent))
        self._stack.callback(shutil.rmtree, self._working, ignore_errors=True)
        lock = self._stack.enter_context((self._working / _LOCK).open("wb"))
        fcntl.flock(lock, fcntl.LOCK_EX)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def add(self, inputs: Tensor, *side: Tensor) -> None:
        """Append the next items; the first batch says how all lie in memory.

        Raises:
            DatasetError: the disk is full, or would be.
        """
        tensors = (inputs, *side)
        try:
            if not self._layouts:
                self._begin(tensors)
            for file, layout, tensor in zip(self._files, self._layouts, tensors, strict=True):
                file.write(layout.rows(tensor).numpy().data)
        except OSError as error:
            raise DatasetError(
                f"The inputs of the part cannot be kept in {self._folder.parent} "
                f"({error.strerror}): free some space there, choose another --cache, or "
                "'part_input: generated'."
            ) from error
        self._written += len(inputs)

    def commit(self) -> None:
        """All items have come: let the folder appear, unless another process was faster."""
        assert self._written == self._items
        for file in self._files:
            file.close()
        facts = {
            "version": _VERSION,
            "items": self._items,
            "tensors": [asdict(layout) for layout in self._layouts],
        }
        (self._working / _FACTS).write_text(json.dumps(facts), encoding="utf-8")
        (self._working / _LOCK).unlink()
        try:
            self._working.rename(self._folder)
        except OSError:
            if not (self._folder / _FACTS).is_file():
                raise

    def _begin(self, tensors: Sequence[Tensor]) -> None:
        self._layouts = [RowLayout.of(tensor) for tensor in tensors]
        needed_bytes = self._items * sum(layout.row_bytes for layout in self._layouts)
        free_bytes = shutil.disk_usage(self._working).free
        if needed_bytes > free_bytes:
            raise DatasetError(
                f"The inputs of the part take {needed_bytes:,} bytes, but the disk of "
                f"{self._folder.parent} has {free_bytes:,} free: free some space there, choose "
                "another --cache, use fewer items, or 'part_input: generated'."
            )
        self._files = [
            self._stack.enter_context((self._working / f"{number}.rows").open("wb"))
            for number in range(len(self._layouts))
        ]


def is_kept(folder: Path) -> bool:
    """Whether a folder of inputs is there; it is there with all its items or not at all."""
    return (folder / _FACTS).is_file()


def _remove_leftovers(parent: Path) -> None:
    """Remove folders whose writers were killed: they may be large."""
    for lock in parent.glob(f".*/{_LOCK}"):
        try:
            with lock.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(lock.parent, ignore_errors=True)
        except OSError:  # somebody is at work there
            continue


def _read_facts(folder: Path, *, items: int) -> tuple[RowLayout, ...]:
    remedy = f"Remove {folder} and run again."
    try:
        facts = json.loads((folder / _FACTS).read_text(encoding="utf-8"))
        layouts = tuple(
            RowLayout(dtype=t["dtype"], shape=tuple(t["shape"]), order=tuple(t["order"]))
            for t in facts["tensors"]
        )
        sizes = [(folder / f"{number}.rows").stat().st_size for number in range(len(layouts))]
        is_whole = facts["items"] == items
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(
            f"The kept inputs of a part cannot be read ({error}). {remedy}"
        ) from error
    if not is_whole or sizes != [items * layout.row_bytes for layout in layouts]:
        raise DatasetError(f"The kept inputs of a part are not of {items} items. {remedy}")
    return layouts


def _opened(path: Path) -> IO[bytes]:
    try:
        return path.open("rb", buffering=0)
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror}.") from error


def _read_into(file: IO[bytes], rows: np.ndarray, *, offset: int) -> None:
    left = rows.data.cast("B")
    while left:
        try:
            read = os.preadv(file.fileno(), [left], offset)
        except OSError as error:
            raise DatasetError(f"{file.name} cannot be read: {error.strerror}.") from error
        if read == 0:
            raise DatasetError(f"{file.name} has been cut short: remove its folder and run again.")
        left, offset = left[read:], offset + read
