"""From a run's specification to what the simulator has to know of it.

Block profiles need torch (its meta device, no memory): it is imported when they are asked
for, in the process that predicts, never where runs are supervised.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.inputs import ModelGroup, model_groups
from scenarios.parameter import AUTO
from systems.api import SearchOptions
from systems.data.published.catalogue import PUBLISHED
from systems.errors import ConfigurationError
from systems.execution.memory import SHARE
from systems.models.architectures import architecture
from systems.models.lineage import distribution, owner, snapshot_lineage
from systems.models.parts import PARTS
from systems.planning.search import BlockSizes, SearchShape, Strategy
from systems.search_shape import strategy_of

if TYPE_CHECKING:
    from systems.precision import Precision

CLASSES = 10
"""Of datasets whose classes are not known before they are opened."""
TYPICAL_BATCH = 32
"""Items of a batch where the scenario leaves it to measurements that were not made yet."""


def search_shape(spec: Mapping[str, Any]) -> SearchShape:
    """The search that a canonical specification asks for.

    Raises:
        ConfigurationError: the specification cannot be predicted.
    """
    rows: list[np.ndarray] = []
    kinds: list[np.ndarray] = []
    profiles: list[BlockSizes] = []
    for group in model_groups(spec):
        of_blocks = _profiles(group, precision=spec["precision"])
        own = model_rows(len(of_blocks), spec=spec, count=group.models)
        first = PARTS[spec["part"]].first_block(len(of_blocks))
        of_blocks, own = of_blocks[first:], _renumbered(own[:, first:])
        rows.append(own + sum(map(len, kinds)))
        kind = np.empty(own.max() + 1, np.int32)
        kind[own] = len(profiles) + np.arange(len(of_blocks), dtype=np.int32)
        kinds.append(kind)
        profiles += of_blocks
    test_items = round(spec["test_fraction"] * spec["items"])
    return SearchShape(
        rows=_padded(rows),
        kind=np.concatenate(kinds),
        profiles=profiles,
        test_items=test_items,
        train_items=spec["items"] - test_items,
        batch_size=TYPICAL_BATCH if spec["batch_size"] == AUTO else spec["batch_size"],
        features=max(architecture(g.architecture).feature_size for g in model_groups(spec)),
        classes=_classes(spec),
        data_workers=None if spec["data_workers"] == AUTO else spec["data_workers"],
    )


def strategy(
    system: str, options: SearchOptions, *, memory_limit_bytes: int | None = None
) -> Strategy:
    """What a built-in system does, with at most so much memory.

    Raises:
        ConfigurationError: the system is none of ours; how it works is not known.
    """
    if system not in ("baseline", "joint", "shift", "alsatian-paper", "alsatian"):
        raise ConfigurationError(
            f"The system '{system}' cannot be predicted: only how Base, Joint, SHiFT and Alsatian "
            "work is known. Leave it out with --filter system=…"
        )
    shares = system == "joint" or system.startswith("alsatian")
    return strategy_of(
        options,
        halves=system not in ("baseline", "joint"),
        shares=shares,
        limit_bytes=None if memory_limit_bytes is None else int(SHARE * memory_limit_bytes),
    )


def model_rows(blocks: int, *, spec: Mapping[str, Any], count: int) -> np.ndarray:
    """int32 [count, blocks]: a number for each block of each model of a synthetic set.

    Equal numbers are equal blocks; they run from 0 without gaps.
    """
    origins = snapshot_lineage(
        blocks,
        count=count,
        distribution=distribution(spec["distribution"]),
        seed=spec["model_seed"],
    )
    owners = [
        [owner(origins, model, block=place, blocks=blocks) for place in range(blocks)]
        for model in range(count)
    ]
    return _renumbered(np.array(owners) * blocks + np.arange(blocks))


def _renumbered(rows: np.ndarray) -> np.ndarray:
    """The same rows with numbers from 0 without gaps."""
    _, numbers = np.unique(rows, return_inverse=True)
    return numbers.reshape(rows.shape).astype(np.int32)


def _profiles(group: ModelGroup, *, precision: Precision) -> tuple[BlockSizes, ...]:
    import systems  # noqa: F401  (makes torchvision importable beside any build of torch)
    from systems.models.profile import profile_model
    from systems.precision import number_type

    transform = group.transform
    return profile_model(
        group.shape,
        resolution=transform.resolution,
        sequence_length=transform.sequence_length,
        number_type=number_type(precision),
    )


def _padded(rows: list[np.ndarray]) -> np.ndarray:
    width = max(part.shape[1] for part in rows)
    return np.concatenate(
        [np.pad(part, ((0, 0), (0, width - part.shape[1])), constant_values=-1) for part in rows]
    ).astype(np.int32)


def _classes(spec: Mapping[str, Any]) -> int:
    if spec["head_classes"] is not None:
        return spec["head_classes"]
    if spec["dataset"] in PUBLISHED:
        return PUBLISHED[spec["dataset"]].classes
    if spec["path"] is None:
        return CLASSES
    folders = [entry for entry in Path(spec["path"]).iterdir() if entry.is_dir()]
    return max(2, len(folders))
