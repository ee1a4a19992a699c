"""How a specification wants blocks to compute."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from systems.models.skeleton import SkeletonPool
from systems.precision import number_type


def skeleton_pool(spec: Mapping[str, Any]) -> SkeletonPool:
    """An empty pool of skeletons for a canonical specification."""
    return SkeletonPool(
        fold_batch_norm=spec["fold_batch_norm"],
        number_type=number_type(spec["precision"]),
        is_compiled=spec["compile"],
    )
