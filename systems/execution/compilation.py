"""Compiling the blocks of a search before it begins."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from systems.data.model_inputs import Batch
from systems.errors import ConfigurationError
from systems.execution.probe_model import ProbeModel
from systems.substrate import Substrate

CACHE_VARIABLE = "TORCHINDUCTOR_CACHE_DIR"


def compile_blocks(substrate: Substrate) -> None:
    """Compile what the search will run, in the phase ``compile``; where nothing is to be
    compiled, do nothing.

    All systems compile the same blocks, whatever they share, and each run does from scratch:
    nothing is taken over from an earlier one.

    Raises:
        ConfigurationError: a block cannot be compiled, or there is no compiler for it.
    """
    if not substrate.skeletons.is_compiled:
        return
    alike: dict[tuple[str, ...], str] = {}
    for model_id, model in substrate.models.items():
        alike.setdefault(tuple(ref.architecture for ref in model.blocks), model_id)
    with substrate.tracer.span("compile"), _fresh_cache(substrate.scratch):
        for blocks, model_id in alike.items():
            probe = ProbeModel(
                blocks,
                substrate.transform_of(model_id),
                skeletons=substrate.skeletons,
                device=substrate.settings.device,
                memory_format=substrate.torch_memory_format,
            )
            for batch in _batches(probe, model_id, substrate):
                _run(probe, batch)
    compiled = {block for blocks in alike for block in blocks}
    substrate.tracer.decide("compile", value=len(compiled), reason="Block architectures compiled.")


def _batches(probe: ProbeModel, model_id: str, substrate: Substrate) -> Iterator[Batch]:
    """One batch of each kind for which there is code of its own."""
    split = substrate.split
    schedule = substrate.schedule(len(substrate.models))
    segments = [split.train, split.test, *(split.train[c.start : c.stop] for c in schedule.chunks)]
    sizes = {len(items) for segment in segments for items in substrate.cut(segment)}
    inputs = substrate.part_inputs.get(substrate.transform_of(model_id))
    for items in ({1} & sizes) | {max(sizes)}:
        batch = probe.batch(items) if inputs is None else inputs.random(items)
        yield batch
        if batch.side:  # the code for masks is not that for batches without padding
            (mask,) = (side.clone() for side in batch.side)
            mask[:, -1] = 0
            yield Batch(inputs=batch.inputs, side=(mask,), items=batch.items)


def _run(probe: ProbeModel, batch: Batch) -> None:
    from torch._dynamo.exc import TorchDynamoException  # takes a second to import

    try:
        probe.pass_s(batch)
    except TorchDynamoException as error:
        first = str(error).strip().splitlines()[0]
        raise ConfigurationError(
            f"compile is true, but torch.compile failed ({type(error).__name__}: {first}). It "
            "needs a C++ compiler (a GPU: Triton) and blocks that it can follow: set "
            "'compile: false'."
        ) from error


@contextmanager
def _fresh_cache(folder: Path) -> Iterator[None]:
    """An empty folder for what the compiler keeps, gone afterwards."""
    folder.mkdir(parents=True, exist_ok=True)
    before = os.environ.get(CACHE_VARIABLE)
    with tempfile.TemporaryDirectory(prefix="compiled-", dir=folder) as fresh:
        os.environ[CACHE_VARIABLE] = fresh
        try:
            yield
        finally:
            if before is None:
                del os.environ[CACHE_VARIABLE]
            else:
                os.environ[CACHE_VARIABLE] = before
