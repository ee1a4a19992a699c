"""Parts of models: how many of its last blocks a part has, and what models share before it.

The bottleneck experiments of the Alsatian paper run models in full, and their last 50% or
25% of the blocks, last 3 and last 1. Torch-free.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from systems.errors import ConfigurationError
from systems.store.stored import BlockRef, StoredModel


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """The last blocks of a model; exactly one of ``share`` and ``blocks`` is given."""

    name: str
    share: float | None = None
    """Of the model's blocks."""
    blocks: int | None = None

    def last_blocks(self, of: int) -> int:
        """How many blocks the part has of a model of ``of`` blocks: 1 at least, ``of`` at most.

        A share is rounded up: of 9 blocks, 50% are 5, and 25% are 3.
        """
        wanted = self.blocks if self.share is None else math.ceil(self.share * of)
        return max(1, min(wanted or 1, of))

    def first_block(self, of: int) -> int:
        """The position, from 0, of the part's first block in a model of ``of`` blocks."""
        return of - self.last_blocks(of)


PARTS: Mapping[str, Part] = {
    part.name: part
    for part in (
        Part(name="full", share=1.0),
        Part(name="last_50", share=0.50),
        Part(name="last_25", share=0.25),
        Part(name="last_3", blocks=3),
        Part(name="last_1", blocks=1),
    )
}
"""By the name that scenarios use."""


def cut(model: StoredModel, part: Part) -> StoredModel:
    """The model without the blocks before the part."""
    return replace(model, blocks=model.blocks[part.first_block(len(model.blocks)) :])


def common_trunk(models: Mapping[str, StoredModel], part: Part) -> tuple[BlockRef, ...]:
    """The blocks before the part, which all ``models`` (one or more) must share.

    Raises:
        ConfigurationError: two models differ in a block before the part.
    """
    (first_id, first), *others = models.items()
    start = part.first_block(len(first.blocks))
    trunk = first.blocks[:start]
    shared = min((_shared_prefix(first, model) for _, model in others), default=start)
    if shared < start:
        different = next(name for name, model in others if _shared_prefix(first, model) == shared)
        raise ConfigurationError(
            f"part is {part.name}: of {len(first.blocks)} blocks, the first {start} are left out "
            f"and their output is computed once for all models. But {first_id} and {different} "
            f"share only their first {shared}: choose a smaller part to leave out, models that "
            f"share more (such as distribution: joint_{part.name.removeprefix('last_')}), or "
            "'part_input: generated'."
        )
    return trunk


def _shared_prefix(a: StoredModel, b: StoredModel) -> int:
    count = 0
    for ours, theirs in zip(a.blocks, b.blocks, strict=False):
        if ours.hash != theirs.hash:
            break
        count += 1
    return count
