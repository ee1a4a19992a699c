"""Batch normalisation folded into the convolution before it.

In evaluation mode a batch norm is, per channel, a product and a sum:
y = (x - mean) / sqrt(variance + eps) · weight + bias. The convolution before it is linear, so
that the product goes into its weights and the sum into its bias (Jacob et al., "Quantization
and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference", CVPR 2018,
section 3.2). The result is equal but for rounding, and one pass over the output is saved.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, fx, nn


@dataclass(frozen=True, kw_only=True, slots=True)
class FoldedPair:
    """A convolution and the batch norm that alone reads its output, by their names."""

    convolution: str
    normalisation: str
    eps: float


def foldable_pairs(module: nn.Module) -> tuple[FoldedPair, ...]:
    """The pairs of ``module`` that can be folded, in the order in which they run.

    Found by following the data, not by names: a convolution whose output goes anywhere else
    too stays as it is.
    """
    if not any(isinstance(part, nn.BatchNorm2d) for part in module.modules()):
        return ()
    parts = dict(module.named_modules())
    pairs = []
    for node in fx.Tracer().trace(module).nodes:
        if node.op != "call_module" or not isinstance(parts[node.target], nn.BatchNorm2d):
            continue
        source, normalisation = node.args[0], parts[node.target]
        if (
            source.op == "call_module"
            and type(parts[source.target]) is nn.Conv2d
            and len(source.users) == 1
            and normalisation.affine
            and normalisation.track_running_stats
        ):
            pairs.append(
                FoldedPair(
                    convolution=source.target, normalisation=node.target, eps=normalisation.eps
                )
            )
    return tuple(pairs)


def remove_folded(module: nn.Module, pairs: Sequence[FoldedPair]) -> None:
    """Take the batch norms of ``pairs`` out of ``module``, and give each convolution a bias."""
    for pair in pairs:
        convolution = module.get_submodule(pair.convolution)
        weight = convolution.get_parameter("weight")
        convolution.register_parameter(
            "bias", nn.Parameter(torch.empty(weight.shape[0], dtype=weight.dtype, device="meta"))
        )
        parent, _, name = pair.normalisation.rpartition(".")
        setattr(module.get_submodule(parent), name, nn.Identity())


def folded(tensors: Mapping[str, Tensor], pairs: Sequence[FoldedPair]) -> dict[str, Tensor]:
    """The tensors of a block after folding: those of the batch norms are gone.

    The factors are computed in float64 and rounded once; weights keep their memory layout.
    """
    kept = dict(tensors)
    for pair in pairs:
        own = {
            name: kept.pop(f"{pair.normalisation}.{name}")
            for name in ("weight", "bias", "running_mean", "running_var")
        }
        kept.pop(f"{pair.normalisation}.num_batches_tracked", None)
        weight = kept[f"{pair.convolution}.weight"]
        bias = kept.get(f"{pair.convolution}.bias")
        scale = own["weight"].double() / torch.sqrt(own["running_var"].double() + pair.eps)
        offset = -own["running_mean"].double() if bias is None else bias - own["running_mean"]
        kept[f"{pair.convolution}.weight"] = weight * scale.to(weight.dtype)[:, None, None, None]
        kept[f"{pair.convolution}.bias"] = (own["bias"] + offset * scale).to(weight.dtype)
    return kept
