"""How fast a whole model extracts features, by the batch size."""

from __future__ import annotations

from collections.abc import Sequence

from systems.api import SearchRequest
from systems.probes import Reading
from systems.probes.subject import forward, full_batch, resident_blocks, subjects
from systems.probes.timing import in_turns
from systems.store.store import StoredModel
from systems.substrate import Substrate


class InferenceProbe:
    """A row per architecture."""

    def measure(self, request: SearchRequest, substrate: Substrate) -> Sequence[Reading]:
        """Items per second from inputs on the device to features on the device.

        ``operations_per_s`` is the rate of floating-point operations that goes with it.
        """
        return [_row(model, substrate) for model in subjects(request, substrate)]


def _row(model: StoredModel, substrate: Substrate) -> Reading:
    batch = full_batch(model, substrate)
    items = len(batch.items)
    operations = sum(substrate.profile(ref).operations for ref in model.blocks)
    with (
        resident_blocks(model, substrate) as blocks,
        substrate.tracer.span("inference", items=items),
    ):
        times = in_turns(
            {"pass": lambda: forward(blocks, batch)}, device=substrate.settings.device
        )["pass"]
    rate = times.rate_columns("items_per_s", items)
    return {
        "architecture": model.architecture,
        "batch_items": items,
        **rate,
        "batch_time_s": times.columns("batch_time_s")["batch_time_s"],
        "operations_per_s": operations * rate["items_per_s"],
    }
