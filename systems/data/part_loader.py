"""Batches for models of which only a part is run: intermediates, instead of decoded items."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

import numpy as np

from systems.data.loader import BatchLoader
from systems.data.model_inputs import Batch
from systems.data.part_inputs import PartInputs
from systems.data.transform import Transform
from systems.tracing import Tracer


class PartLoader:
    """A loader that gives the inputs of parts, and decoded items to models that run in full.

    Inputs of parts are read in line, anew for each use: there is nothing to decode, and the
    operating system keeps what it has room for.

    Args:
        items: for the transforms that are no outputs of trunks.
        inputs: by what the models of a part want items to be made into.
        tracer: gets a ``prepare_data`` span per batch, and the counters ``items_decoded``
            (0) and ``input_bytes_read``.
    """

    def __init__(
        self, items: BatchLoader, inputs: Mapping[Transform, PartInputs], *, tracer: Tracer
    ) -> None:
        self._items = items
        self._inputs = inputs
        self._tracer = tracer

    def retain(self, transforms: Collection[Transform]) -> None:
        """From now on, nobody asks for other transforms any more."""
        self._items.retain([each for each in transforms if each not in self._inputs])

    def batch(self, items: np.ndarray, *, transform: Transform, is_last_use: bool = False) -> Batch:
        """One batch, in line.

        Raises:
            DatasetError: an item is damaged, or a file of inputs cannot be read.
        """
        inputs = self._inputs.get(transform)
        if inputs is None:
            return self._items.batch(items, transform=transform, is_last_use=is_last_use)
        with self._tracer.span("prepare_data", items=len(items), transform=transform.text):
            batch = inputs.batch(items)
        self._tracer.count("items_decoded", 0)
        self._tracer.count("input_bytes_read", len(items) * transform.input_bytes)
        return batch

    def batches(
        self, cuts: Sequence[np.ndarray], *, transform: Transform, is_last_use: bool = False
    ) -> Iterator[Batch]:
        """Batches in order; see ``BatchLoader.batches``."""
        if transform not in self._inputs:
            yield from self._items.batches(cuts, transform=transform, is_last_use=is_last_use)
            return
        for items in cuts:
            yield self.batch(items, transform=transform)
