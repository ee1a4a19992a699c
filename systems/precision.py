"""The precision in which blocks compute, the same for all systems of a search.

``fp32`` is IEEE single precision throughout. ``tf32`` keeps numbers in single precision and
lets NVIDIA's tensor cores round the factors of products and convolutions to 10 bits. ``bf16``
keeps parameters, inputs and intermediates in bfloat16 (8 bits, half the bytes); sums inside a
product stay in single precision.

What bf16 leaves alone: token ids, masks, and all tensors of batch norms. Their running
variances and the scales made of them enter every number of a channel, so that rounding them
would shift whole channels, and they are few. Features become fp32 when they leave the last
block, and heads are trained in fp32, whatever the precision.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

Precision = Literal["fp32", "tf32", "bf16"]


def number_type(precision: Precision) -> torch.dtype:
    """Of parameters, image inputs and intermediates in this precision."""
    return torch.bfloat16 if precision == "bf16" else torch.float32


def reducible(module: nn.Module) -> frozenset[str]:
    """The names of the parameters and buffers of ``module`` that a reduced type may hold."""
    kept = {
        f"{prefix}.{name}" if prefix else name
        for prefix, part in module.named_modules()
        if isinstance(part, _BatchNorm)
        for name in part.state_dict()
    }
    state = module.state_dict(keep_vars=True)
    return frozenset(
        name for name, tensor in state.items() if tensor.is_floating_point() and name not in kept
    )


def convert(module: nn.Module, number_type: torch.dtype) -> None:
    """Give all that is ``reducible`` in ``module`` this type; works on the meta device too."""
    names = reducible(module)
    for prefix, part in module.named_modules():
        for home in (part._parameters, part._buffers):
            for key, tensor in home.items():
                if tensor is not None and (f"{prefix}.{key}" if prefix else key) in names:
                    tensor.data = tensor.data.to(number_type)


def set_products(precision: Precision) -> dict[str, str]:
    """Let CUDA round the factors of products as ``precision`` says; what is in force then.

    PyTorch's default for convolutions is tf32, so that fp32 has to be asked for. On the CPU
    nothing depends on it. The older switches are set, not ``fp32_precision``: code of PyTorch
    itself (its compiler) still reads those, and refuses a mixture.
    """
    is_allowed = precision == "tf32"
    torch.backends.cuda.matmul.allow_tf32 = is_allowed
    torch.backends.cudnn.allow_tf32 = is_allowed
    return {
        "products": "tf32" if torch.backends.cuda.matmul.allow_tf32 else "fp32",
        "convolutions": "tf32" if torch.backends.cudnn.allow_tf32 else "fp32",
    }


@contextmanager
def full_precision() -> Iterator[None]:
    """Products of the enclosed work are IEEE single precision, whatever blocks compute in."""
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    before = matmul.allow_tf32, cudnn.allow_tf32
    matmul.allow_tf32 = cudnn.allow_tf32 = False
    try:
        yield
    finally:
        matmul.allow_tf32, cudnn.allow_tf32 = before
