"""Batches of a dataset as tensors: decoding, normalising, and keeping what was decoded."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch

from systems.data.datasets import Dataset
from systems.tracing import Tracer

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
"""Of red, green and blue in 0 … 1; what the published models were trained with."""

BATCHES_AHEAD = 2
"""Batches that may be decoded before they are asked for; bounds the memory of prefetching."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """What a model's first block takes."""

    inputs: torch.Tensor
    """float32 [B, 3, H, W], or int64 [B, L] token ids."""
    side: tuple[torch.Tensor, ...]
    """() for images; (attention mask int64 [B, L],) for text."""
    items: np.ndarray
    """int64 [B], the dataset indexes of the rows."""


class BatchLoader:
    """Turns item indexes into batches on a device, the same bits whatever the options.

    Args:
        dataset: where items come from.
        decode_once: keep every decoded item in memory (compact: uint8 or int32) and decode
            none twice; otherwise each batch decodes all of its items.
        workers: threads that ``batches`` decodes ahead with; 0 decodes in line.
        device: where the batches go.
        memory_format: of image batches.
        tracer: gets a ``prepare_data`` span per batch and the counter ``items_decoded``.
    """

    def __init__(
        self,
        dataset: Dataset,
        *,
        decode_once: bool,
        workers: int,
        device: torch.device | str,
        memory_format: torch.memory_format,
        tracer: Tracer,
    ) -> None:
        self._dataset = dataset
        self._workers = workers
        self._device = torch.device(device)
        self._channels_last = memory_format == torch.channels_last
        self._tracer = tracer
        self._dtype = np.uint8 if dataset.modality == "image" else np.int32
        shape = (len(dataset.labels), *dataset.item_shape)
        self._kept = np.empty(shape, dtype=self._dtype) if decode_once else None
        self._known = np.zeros(len(dataset.labels), dtype=bool)
        if dataset.modality == "image":
            self._scale, self._offset = self._normalisation(width=dataset.item_shape[1])

    def batch(self, items: np.ndarray) -> Batch:
        """Prepare one batch in line.

        Raises:
            DatasetError: an item is damaged.
        """
        with self._tracer.span("prepare_data", items=len(items)):
            decoded = np.empty((len(items), *self._dataset.item_shape), dtype=self._dtype)
            self._tracer.count("items_decoded", self._decode(items, decoded))
            return self._finish(items, decoded)

    def batches(self, cuts: Sequence[np.ndarray]) -> Iterator[Batch]:
        """Prepare batches in order; with workers, later ones are decoded meanwhile.

        Raises:
            DatasetError: an item is damaged; raised when its batch is due.
        """
        if self._workers == 0:
            yield from map(self.batch, cuts)
            return
        pool = ThreadPoolExecutor(self._workers, thread_name_prefix="decode")
        upcoming = iter(cuts)
        pending: deque[_Pending] = deque()
        try:
            while True:
                for items in itertools.islice(upcoming, 1 + BATCHES_AHEAD - len(pending)):
                    pending.append(self._submit(pool, items))
                if not pending:
                    return
                current = pending.popleft()
                with self._tracer.span("prepare_data", items=len(current.items)):
                    count = sum(part.result() for part in current.parts)
                    self._tracer.count("items_decoded", count)
                    batch = self._finish(current.items, current.decoded)
                del current
                yield batch
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _submit(self, pool: ThreadPoolExecutor, items: np.ndarray) -> _Pending:
        """Hand a batch to the pool, a slice for each worker."""
        decoded = np.empty((len(items), *self._dataset.item_shape), dtype=self._dtype)
        bounds = np.linspace(0, len(items), min(self._workers, len(items)) + 1).astype(int)
        parts = [
            pool.submit(self._decode, items[start:stop], decoded[start:stop])
            for start, stop in itertools.pairwise(bounds)
        ]
        return _Pending(items=items, decoded=decoded, parts=parts)

    def _decode(self, items: np.ndarray, decoded: np.ndarray) -> int:
        """Fill ``decoded`` [B, …] with the items and return how many were really decoded."""
        count = 0
        for row, item in enumerate(items.tolist()):
            if self._known[item] and self._kept is not None:
                decoded[row] = self._kept[item]
                continue
            decoded[row] = self._dataset.decode(item)
            count += 1
            if self._kept is not None:
                self._kept[item] = decoded[row]
                self._known[item] = True
        return count

    def _finish(self, items: np.ndarray, decoded: np.ndarray) -> Batch:
        """Move decoded items to the device, as compact as they are, and make inputs of them."""
        raw = torch.from_numpy(decoded)
        if self._device.type == "cuda":
            raw = raw.pin_memory().to(self._device, non_blocking=True)
        if self._dataset.modality == "text":
            identifiers = raw.to(torch.int64)
            return Batch(inputs=identifiers, side=((identifiers != 0).long(),), items=items)
        return Batch(inputs=self._normalise(raw), side=(), items=items)

    def _normalise(self, images: torch.Tensor) -> torch.Tensor:
        """uint8 [B, H, W, 3] to float32 [B, 3, H, W] in the chosen memory format.

        A product and a sum, each rounded on its own: a fused or vectorised form with another
        tail could round otherwise and make a row depend on its place in the batch.
        """
        count, height, width, channels = images.shape
        if self._channels_last:
            # Rows of W·3 numbers vectorise; an innermost dimension of 3 does not.
            flat = images.view(count, height, width * channels).to(torch.float32)
            flat.mul_(self._scale).add_(self._offset)
            return flat.view(images.shape).permute(0, 3, 1, 2)
        planes = images.permute(0, 3, 1, 2).contiguous().to(torch.float32)
        return planes.mul_(self._scale).add_(self._offset)

    def _normalisation(self, *, width: int) -> tuple[torch.Tensor, torch.Tensor]:
        """(x / 255 − mean) / std as x · scale + offset, shaped for the memory format."""
        mean = torch.tensor(IMAGENET_MEAN, dtype=torch.float64)
        std = torch.tensor(IMAGENET_STD, dtype=torch.float64)
        scale = (1.0 / (255.0 * std)).to(self._device, torch.float32)
        offset = (-mean / std).to(self._device, torch.float32)
        if self._channels_last:
            return scale.repeat(width), offset.repeat(width)
        return scale.view(3, 1, 1), offset.view(3, 1, 1)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Pending:
    """A batch that is being decoded."""

    items: np.ndarray
    decoded: np.ndarray
    parts: list[Future[int]]
    """One per worker's slice; the result is the number of items really decoded."""
