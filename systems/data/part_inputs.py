"""What parts of models read instead of items: intermediates that are there before the search.

Either what the blocks before the part make of the items, computed beforehand and kept in
files (``systems.data.kept_inputs``), or random numbers of the same shape.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch

from systems.data.model_inputs import Batch
from systems.data.row_layout import RowLayout
from systems.data.transform import Transform


@dataclass(frozen=True, kw_only=True, slots=True)
class TrunkOutput(Transform):
    """What the models of a part want an item to be made into: what their trunk makes of it.

    Models of equal ones read the same intermediates, like those of equal transforms the same
    pictures. The inherited fields say what the trunk wants.
    """

    trunk: str
    """Names the blocks before the part; different for different ones."""
    item_bytes: int
    """Of one item's intermediate and side inputs."""

    @classmethod
    def after(cls, trunk: str, base: Transform, layouts: Sequence[RowLayout]) -> TrunkOutput:
        """What a trunk that reads ``base`` makes, with a layout for each of its tensors."""
        return cls(
            resolution=base.resolution,
            sequence_length=base.sequence_length,
            padding_id=base.padding_id,
            trunk=trunk,
            item_bytes=sum(layout.row_bytes for layout in layouts),
        )

    @property
    def input_bytes(self) -> int:
        """Bytes of one input."""
        return self.item_bytes

    @property
    def text(self) -> str:
        """For a person."""
        return f"output of {self.trunk}"


class PartInputs(Protocol):
    """Inputs of one trunk's parts, by item."""

    form: TrunkOutput
    files: tuple[Path, ...]
    """That batches are read from; empty where they lie in memory."""

    def batch(self, items: np.ndarray) -> Batch:
        """The inputs of these items, on the device."""
        ...

    def random(self, items: int) -> Batch:
        """Random numbers of the same shape and layout, for so many items; reads nothing."""
        ...

    def read_bytes(self) -> int:
        """Of the files' bytes, how many batches have asked for so far, each counted once."""
        ...


class RandomInputs:
    """Seeded random numbers: an item always has the same ones, whatever batch it is in.

    Made once, on the device, for so many items; further ones have those of earlier ones.
    """

    def __init__(
        self,
        layouts: Sequence[RowLayout],
        *,
        trunk: str,
        base: Transform,
        items: int,
        device: str,
    ) -> None:
        self._layouts = tuple(layouts)
        self._device = torch.device(device)
        self.files: tuple[Path, ...] = ()
        self.form = TrunkOutput.after(trunk, base, layouts)
        made = random_batch(self._layouts, items=items, device=torch.device("cpu"))
        self._rows = [
            layout.rows(tensor).to(self._device)
            for layout, tensor in zip(self._layouts, (made.inputs, *made.side), strict=True)
        ]

    def batch(self, items: np.ndarray) -> Batch:
        """The numbers of these items."""
        places = torch.from_numpy(items % len(self._rows[0])).to(self._device)
        inputs, *side = (
            layout.batch(rows.index_select(0, places))
            for layout, rows in zip(self._layouts, self._rows, strict=True)
        )
        return Batch(inputs=inputs, side=tuple(side), items=items)

    def random(self, items: int) -> Batch:
        """Other random numbers of the same shape and layout, for so many items."""
        return random_batch(self._layouts, items=items, device=self._device)

    def read_bytes(self) -> int:
        """Nothing: there are no files."""
        return 0


def random_batch(layouts: Sequence[RowLayout], *, items: int, device: torch.device) -> Batch:
    """Normally distributed intermediates; side inputs (masks) are ones."""
    generator = torch.Generator().manual_seed(0)
    made = []
    for number, layout in enumerate(layouts):
        values = torch.ones(items, *layout.shape)
        if number == 0:
            values.normal_(generator=generator)
        dtype = getattr(torch, layout.dtype)
        made.append(layout.batch(layout.rows(values.to(dtype))).to(device))
    inputs, *side = made
    return Batch(inputs=inputs, side=tuple(side), items=np.arange(items))
