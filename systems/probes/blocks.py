"""What each block of a model holds, takes in, gives out and costs: fig 12 of the paper."""

from __future__ import annotations

from collections.abc import Sequence

from systems.api import SearchRequest
from systems.data.model_inputs import Batch
from systems.execution.blocks import RunnableBlock
from systems.probes import Reading
from systems.probes.sizes import parameter_count
from systems.probes.subject import full_batch, resident_blocks, subjects
from systems.probes.timing import Stopwatch, repeated
from systems.store.store import StoredModel
from systems.substrate import Substrate


class BlocksProbe:
    """A row per block of one model of each architecture."""

    def measure(self, request: SearchRequest, substrate: Substrate) -> Sequence[Reading]:
        """Sizes, operations and time of each block.

        ``input_bytes``, ``output_bytes`` and ``operations`` are those of one item;
        ``item_time_s`` is the time of a batch of ``batch_items`` divided by them. Blocks are
        timed as they follow one another in whole passes through the model, as in a search.
        """
        models = subjects(request, substrate)
        rows: list[Reading] = []
        for number, model in enumerate(models):
            what = f"blocks of {model.architecture}"
            substrate.tracer.progress(step=number, steps=len(models), what=what)
            rows += _rows(model, substrate)
        return rows


def _rows(model: StoredModel, substrate: Substrate) -> list[Reading]:
    batch = full_batch(model, substrate)
    with resident_blocks(model, substrate) as blocks:
        watch = Stopwatch(substrate.settings.device)
        with substrate.tracer.span("inference", items=len(batch.items)):
            times = repeated(lambda: _pass_s(blocks, batch, watch))
    rows: list[Reading] = []
    for number, (ref, taken) in enumerate(zip(model.blocks, times, strict=True)):
        profile = substrate.profile(ref)
        rows.append(
            {
                "architecture": model.architecture,
                "block": number,
                "parameters": parameter_count(ref, substrate),
                "store_bytes": ref.tensor_bytes,
                "input_bytes": profile.input_bytes,
                "output_bytes": profile.output_bytes,
                "operations": profile.operations,
                "batch_items": len(batch.items),
                **taken.columns("item_time_s", per=len(batch.items)),
            }
        )
    return rows


def _pass_s(blocks: Sequence[RunnableBlock], batch: Batch, watch: Stopwatch) -> list[float]:
    """Seconds of each block, in one pass."""
    x = batch.inputs
    watch.mark()
    for block in blocks:
        x = block(x, *batch.side)
        watch.mark()
    return watch.laps_s()
