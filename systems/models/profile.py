"""Sizes and operations of blocks, from a run on the meta device: no values, no memory."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch.multiprocessing.reductions import StorageWeakRef
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from systems.errors import ConfigurationError
from systems.models.architectures import check_resolution
from systems.models.build import ModelShape, build_plain, shape_architecture, split
from systems.precision import convert


@dataclass(frozen=True, kw_only=True, slots=True)
class BlockProfile:
    """What one item costs in one block (the batch dimension left out)."""

    input_bytes: int
    output_shape: tuple[int, ...]
    output_bytes: int
    operations: int
    """Floating-point operations of convolutions, matrix products and attention; a multiply
    and an add are two. Elementwise work and normalisation are not counted."""
    traffic_bytes: int
    """Bytes that the block's operators write, inner results included and views left out."""
    scratch_bytes: int
    """Bytes of inner results that stand at once beside the input, less those of the output:
    what the block needs for itself while it computes. Buffers of kernels, fused attention
    among them, are not known; what does not depend on the batch counts for each item."""
    parameter_bytes: int
    """Bytes of parameters and buffers in the number type, which all items share."""
    family: str
    """Of the architecture: blocks of one family run at about one rate of operations."""


@functools.cache
def profile_model(
    shape: ModelShape,
    *,
    resolution: int | None = None,
    sequence_length: int | None = None,
    number_type: torch.dtype = torch.float32,
) -> tuple[BlockProfile, ...]:
    """Profiles of the blocks of ``shape`` in order.

    ``resolution`` (pixels) is needed for images, ``sequence_length`` (tokens) for text;
    ``number_type`` is what blocks compute with (``systems.precision``). The operations are
    those of the layers as written: padding counts like any token.

    Raises:
        ConfigurationError: the one that is needed is missing or does not fit the shape.
    """
    x, side = _meta_input(shape, resolution=resolution, sequence_length=sequence_length)
    if x.is_floating_point():
        x = x.to(number_type)
    profiles = []
    # The mathematical form of attention is the one whose products the counter sees.
    with torch.inference_mode(), sdpa_kernel(SDPBackend.MATH):
        for block in split(shape, build_plain(shape, device="meta").eval()):
            convert(block, number_type)
            there = [x, *side, *block.parameters(), *block.buffers()]
            with FlopCounterMode(display=False) as counter, OperatorMeter(there) as meter:
                output = block(x, *side)
            profiles.append(
                BlockProfile(
                    input_bytes=x.nbytes,
                    output_shape=tuple(output.shape[1:]),
                    output_bytes=output.nbytes,
                    operations=counter.get_total_flops(),
                    traffic_bytes=meter.written_bytes,
                    scratch_bytes=max(0, meter.peak_bytes - output.nbytes),
                    parameter_bytes=sum(t.nbytes for t in block.state_dict().values()),
                    family=shape_architecture(shape).family,
                )
            )
            x = output
    return tuple(profiles)


class OperatorMeter(TorchDispatchMode):
    """What operators write, and the most of it that stands at once.

    What only looks at memory writes nothing. Of tensors that were ``there`` before, none stands.
    """

    def __init__(self, there: Iterable[torch.Tensor]) -> None:
        super().__init__()
        self.written_bytes = 0
        self.peak_bytes = 0
        self._there = {StorageWeakRef(tensor.untyped_storage()).cdata for tensor in there}
        self._standing: dict[int, tuple[StorageWeakRef, int]] = {}

    def __torch_dispatch__(  # type: ignore[no-untyped-def]
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ):
        result = func(*args, **(kwargs or {}))
        outputs = result if isinstance(result, tuple | list) else (result,)
        for output, declared in zip(outputs, func._schema.returns, strict=False):
            if not isinstance(output, torch.Tensor):
                continue
            if declared.alias_info is None or declared.alias_info.is_write:
                self.written_bytes += output.nbytes
            storage = output.untyped_storage()
            reference = StorageWeakRef(storage)  # keeps its address from being given again
            if reference.cdata not in self._there:
                self._standing[reference.cdata] = reference, storage.nbytes()
        gone = [key for key, (reference, _) in self._standing.items() if reference.expired()]
        for key in gone:
            del self._standing[key]
        self.peak_bytes = max(self.peak_bytes, sum(size for _, size in self._standing.values()))
        return result


def _meta_input(
    shape: ModelShape, *, resolution: int | None, sequence_length: int | None
) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
    """One item of the right size without values, and its side inputs."""
    entry = shape_architecture(shape)
    if entry.maximum_sequence_length is not None:
        if sequence_length is None or not 1 <= sequence_length <= entry.maximum_sequence_length:
            raise ConfigurationError(
                f"A sequence length of {sequence_length} does not fit {entry.name}: it takes 1 to "
                f"{entry.maximum_sequence_length} tokens."
            )
        ids = torch.empty(1, sequence_length, dtype=torch.int64, device="meta")
        return ids, (ids,)
    if resolution is None:
        raise ConfigurationError(f"The profile of {entry.name} needs a resolution in pixels.")
    check_resolution(entry.name, resolution)
    if shape.resolution not in (None, resolution):
        raise ConfigurationError(
            f"Models of the shape {shape.id} take images of {shape.resolution} px only, not of "
            f"{resolution} px."
        )
    return torch.empty(1, 3, resolution, resolution, device="meta"), ()
