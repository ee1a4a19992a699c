"""What it costs to run a model as blocks with bound parameters, and whether bits stay."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from systems.api import SearchRequest
from systems.models.build import ModelShape, build_plain, plain_features, split
from systems.precision import convert
from systems.probes import Reading
from systems.probes.subject import forward, full_batch, resident_blocks, subjects
from systems.probes.timing import in_turns
from systems.store.store import StoredModel
from systems.substrate import Substrate

PLAIN, SEQUENTIAL, COMPOSED = "plain forward", "plain model's blocks", "bound blocks"


class CompositionProbe:
    """Three rows per architecture: one for each way to run the same model."""

    def measure(self, request: SearchRequest, substrate: Substrate) -> Sequence[Reading]:
        """The time of a batch and the features, by three ways.

        The plain model's own forward; the blocks that it was split into, one after another;
        and skeletons with the stored parameters bound to them, which is what all systems run.
        ``speed_up`` is that over the plain forward; ``bit_identical`` compares with its
        features, and ``largest_difference`` is the largest one over the largest feature.
        """
        return [row for model in subjects(request, substrate) for row in _rows(model, substrate)]


def _rows(model: StoredModel, substrate: Substrate) -> list[Reading]:
    batch = full_batch(model, substrate)
    shape = ModelShape.parse(model.blocks[0].architecture.rpartition("/")[0])
    with substrate.tracer.span("prepare_model"):
        plain = _plain(shape, model, substrate)
    parts = split(shape, plain)
    with resident_blocks(model, substrate) as blocks:
        ways = {
            PLAIN: lambda: plain_features(shape, plain, batch.inputs, *batch.side),
            SEQUENTIAL: lambda: forward(parts, batch),
            COMPOSED: lambda: forward(blocks, batch),
        }
        with substrate.tracer.span("inference", items=len(batch.items)):
            features = {way: run() for way, run in ways.items()}
            times = in_turns(ways, device=substrate.settings.device)
    expected = features[PLAIN]
    return [
        {
            "architecture": model.architecture,
            "way": way,
            "batch_items": len(batch.items),
            **taken.columns("batch_time_s"),
            "speed_up": taken.speed_up_over(times[PLAIN]),
            "bit_identical": torch.equal(features[way], expected),
            "largest_difference": _difference(features[way], expected),
        }
        for way, taken in times.items()
    ]


def _plain(shape: ModelShape, model: StoredModel, substrate: Substrate) -> nn.Module:
    """The plain published model with the stored model's parameters.

    Made in inference mode, like the parameters that systems load: for tensors made outside of
    it PyTorch may choose other kernels, with other last bits (1e-6 for vision transformers).
    """
    plain = build_plain(shape).eval()
    for ref, part in zip(model.blocks, split(shape, plain), strict=True):
        part.load_state_dict(substrate.store.read_block(ref.hash))
    if substrate.skeletons.number_type != torch.float32:
        convert(plain, substrate.skeletons.number_type)
    # (The stubs of torch do not know ``memory_format`` without a tensor or a type.)
    return plain.to(substrate.settings.device).to(
        memory_format=substrate.torch_memory_format  # type: ignore[call-overload]
    )


def _difference(a: Tensor, b: Tensor) -> float:
    """max|a − b| / max|b|, in float32."""
    a, b = a.float(), b.float()
    largest = b.abs().max().item()
    return (a - b).abs().max().item() / largest if largest else 0.0
