"""From compact items to what a model's first block takes, on its device."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from systems.data.transform import Transform

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
"""Of red, green and blue in 0 … 1; what the published models were trained with."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """What a model's first block takes."""

    inputs: Tensor
    """[B, 3, H, W] in the search's number type, or int64 [B, L] token ids."""
    side: tuple[Tensor, ...]
    """() for images; (attention mask int64 [B, L],) for text."""
    items: np.ndarray
    """int64 [B], the dataset indexes of the rows."""


class InputMaker:
    """Makes batches of compact items; ``memory_format`` and ``number_type`` are of images."""

    def __init__(
        self,
        *,
        device: torch.device | str,
        memory_format: torch.memory_format,
        number_type: torch.dtype = torch.float32,
    ) -> None:
        self._device = torch.device(device)
        self._number_type = number_type
        self._channels_last = memory_format == torch.channels_last
        self._normalisations: dict[Transform, tuple[Tensor, Tensor]] = {}

    def rows(self, items: int, transform: Transform) -> Tensor:
        """Room for compact items, [items, *transform.shape], of uint8 or int32, on the host.

        For a GPU it is pinned memory: decoders write where the copy engine reads
        (unmeasured: no GPU has run this yet).
        """
        dtype = torch.uint8 if transform.resolution is not None else torch.int32
        on_gpu = self._device.type == "cuda"
        return torch.empty((items, *transform.shape), dtype=dtype, pin_memory=on_gpu)

    def batch(self, items: np.ndarray, transform: Transform, rows: Tensor) -> Batch:
        """Move rows to the device, as compact as they are, and make inputs of them."""
        raw = rows.to(self._device, non_blocking=True)
        if transform.resolution is not None:
            # Normalised in float32 and rounded once.
            images = self._normalise(raw, transform).to(self._number_type)
            return Batch(inputs=images, side=(), items=items)
        identifiers = raw.to(torch.int64)
        is_token = identifiers != 0
        if transform.padding_id != 0:
            identifiers = identifiers.where(is_token, transform.padding_id)
        return Batch(inputs=identifiers, side=(is_token.long(),), items=items)

    def _normalise(self, images: Tensor, transform: Transform) -> Tensor:
        """uint8 [B, H, W, 3] to float32 [B, 3, H, W] in the chosen memory format.

        A product and a sum, each rounded on its own: a fused or vectorised form with another
        tail could round otherwise and make a row depend on its place in the batch.
        """
        count, height, width, channels = images.shape
        if transform not in self._normalisations:
            self._normalisations[transform] = self._normalisation(transform, width=width)
        scale, offset = self._normalisations[transform]
        if self._channels_last:
            # Rows of W·3 numbers vectorise; an innermost dimension of 3 does not.
            flat = images.view(count, height, width * channels).to(torch.float32)
            flat.mul_(scale).add_(offset)
            return flat.view(images.shape).permute(0, 3, 1, 2)
        planes = images.permute(0, 3, 1, 2).contiguous().to(torch.float32)
        return planes.mul_(scale).add_(offset)

    def _normalisation(self, transform: Transform, *, width: int) -> tuple[Tensor, Tensor]:
        """(x / 255 − mean) / std as x · scale + offset, shaped for the memory format."""
        mean = torch.tensor(transform.mean or IMAGENET_MEAN, dtype=torch.float64)
        std = torch.tensor(transform.deviation or IMAGENET_STD, dtype=torch.float64)
        scale = (1.0 / (255.0 * std)).to(self._device, torch.float32)
        offset = (-mean / std).to(self._device, torch.float32)
        if self._channels_last:
            return scale.repeat(width), offset.repeat(width)
        return scale.view(3, 1, 1), offset.view(3, 1, 1)
