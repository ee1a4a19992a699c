"""The sizes of architectures: table 1 of the Alsatian paper."""

from __future__ import annotations

import math
from collections.abc import Sequence

from systems.api import SearchRequest
from systems.models.architectures import ARCHITECTURES
from systems.probes import Reading
from systems.probes.subject import subjects
from systems.store.store import BlockRef, StoredModel
from systems.substrate import Substrate


class SizesProbe:
    """A row per architecture; nothing is timed."""

    def measure(self, request: SearchRequest, substrate: Substrate) -> Sequence[Reading]:
        """Blocks, parameters, and bytes as they lie in the store.

        ``published_parameters`` are those of the whole published model with its classifier,
        None where nobody published it; ``parameters`` those of its blocks, which have none.
        ``store_bytes`` are those of all tensors, running statistics included; ``file_bytes``
        those of the files.
        """
        return [_row(model, substrate) for model in subjects(request, substrate)]


def parameter_count(ref: BlockRef, substrate: Substrate) -> int:
    """Numbers in a block that training changes."""
    slots = substrate.skeletons.skeleton(ref.architecture).slots
    return sum(math.prod(slot.shape) for slot in slots if slot.trainable)


def _row(model: StoredModel, substrate: Substrate) -> Reading:
    published = ARCHITECTURES.get(model.architecture.partition("@")[0])
    return {
        "architecture": model.architecture,
        "blocks": len(model.blocks),
        "published_parameters": published.parameter_count if published else None,
        "parameters": sum(parameter_count(ref, substrate) for ref in model.blocks),
        "store_bytes": sum(ref.tensor_bytes for ref in model.blocks),
        "file_bytes": sum(p.stat().st_size for p in substrate.store.block_files([model.id])),
        "largest_block_bytes": max(ref.tensor_bytes for ref in model.blocks),
    }
