"""How fast items are read, decoded and batched, by workers and batch size; no model runs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from systems.api import SearchRequest
from systems.data.transform import Transform
from systems.probes import Reading
from systems.probes.timing import in_turns
from systems.substrate import Substrate


class LoadingProbe:
    """A row per transform of the request's models."""

    def measure(self, request: SearchRequest, substrate: Substrate) -> Sequence[Reading]:
        """Items per second over all items of the search, test and train, decoded each time."""
        transforms = dict.fromkeys(substrate.transform_of(m) for m in request.model_ids)
        cuts = [*substrate.cut(substrate.split.test), *substrate.cut(substrate.split.train)]
        return [_row(transform, cuts, substrate) for transform in transforms]


def _row(transform: Transform, cuts: list[np.ndarray], substrate: Substrate) -> Reading:
    loader = substrate.loader({transform}, decode_once=False)
    items = sum(map(len, cuts))

    def load() -> None:
        for _ in loader.batches(cuts, transform=transform):
            pass

    with substrate.tracer.span("prepare_data", items=items, transform=transform.text):
        times = in_turns({"load": load}, device=substrate.settings.device)["load"]
    return {
        "items_as": transform.text,
        "data_workers": substrate.settings.data_workers,
        "batch_size": substrate.settings.batch_size,
        "items": items,
        **times.rate_columns("items_per_s", items),
    }
