"""The search that stands before a system, as the simulator knows searches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from systems.api import SearchOptions
from systems.planning.search import SearchShape, Strategy

if TYPE_CHECKING:
    from systems.substrate import Substrate


def search_shape(model_ids: Sequence[str], substrate: Substrate) -> SearchShape:
    """Sizes and operations of a search over these models; reads nothing from the store."""
    hashes = substrate.block_hashes(model_ids)
    refs = {ref.hash: ref for m in model_ids for ref in substrate.models[m].blocks}
    number = {block: place for place, block in enumerate(refs)}
    architectures = sorted({ref.architecture for ref in refs.values()})
    kind = {name: place for place, name in enumerate(architectures)}
    rows = np.full((len(model_ids), max(map(len, hashes.values()))), -1, np.int32)
    for row, blocks in zip(rows, hashes.values(), strict=True):
        row[: len(blocks)] = [number[block] for block in blocks]
    last = [substrate.profile(substrate.models[m].blocks[-1]) for m in model_ids]
    return SearchShape(
        rows=rows,
        kind=np.array([kind[ref.architecture] for ref in refs.values()], np.int32),
        profiles=[substrate.profiles[name] for name in architectures],
        test_items=len(substrate.split.test),
        train_items=len(substrate.split.train),
        batch_size=substrate.settings.batch_size,
        features=max(int(np.prod(profile.output_shape)) for profile in last),
        classes=substrate.settings.head_classes or len(substrate.dataset.classes),
        data_workers=substrate.settings.data_workers,
    )


def strategy_of(
    options: SearchOptions, *, halves: bool, shares: bool, limit_bytes: int | None = None
) -> Strategy:
    """What a system does that halves or not, shares or not, and has these options.

    ``limit_bytes`` is what the machine lets it have, which counts where it has a choice.
    """
    memory_bytes = options.memory_budget_bytes
    if memory_bytes is None and options.schedule == "auto":
        memory_bytes = limit_bytes
    return Strategy(
        halves=halves,
        shares=shares,
        planning=options.planning(memory_bytes=memory_bytes),
        keep_blocks=options.keep_blocks,
        decode_once=options.decode_once,
        batched_heads=options.batched_heads,
        prefetch=options.prefetch,
        stop_when_decided=options.stop_when_decided,
    )
