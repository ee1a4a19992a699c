"""Blocks compiled by ``torch.compile``: once per block architecture, for all models.

Parameters are inputs of the compiled code, not part of it: a skeleton's module is compiled
while the tensors of some model are bound to it, and runs with those of any other. The number
of items is left open in the code, so that the last, smaller batch of a chunk needs no other
(a batch of one item does: PyTorch always treats sizes of one apart).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any

import torch
from torch import Tensor, nn

BACKEND = "inductor"
"""What makes code of the graphs that torch.compile finds."""
OPTIONS: Mapping[str, dict[str, Any]] = {"inductor": {"compile_threads": 1}}
"""Its worker processes would each import torch, and count among the run's."""


def compiled(module: nn.Module, *, name: str) -> Callable[..., Tensor]:
    """What runs ``module`` compiled; nothing is compiled before the first call.

    A module that has to do what no compiler follows (look at values) does it in ``forward``,
    and has a method ``compute`` for the rest: then that is compiled.

    Args:
        module: in evaluation mode; its tensors may change from call to call, not their shapes.
        name: of the block architecture, for whoever reads the compiler's output.
    """
    whole: Any = module
    if hasattr(module, "compute"):
        whole.compute = _compiled(whole.compute, name)
        return whole
    return _compiled(module, name)


def _compiled(run: Callable[..., Tensor], name: str) -> Callable[..., Tensor]:
    def block(*inputs: Any) -> Tensor:
        return run(*inputs)

    # The compiler keeps what it made with the code object, and goes through all of that at
    # every call: each block has a code object of its own.
    code = block.__code__.replace(co_name=re.sub(r"\W", "_", name))
    own = FunctionType(code, block.__globals__, None, None, block.__closure__)
    optimised = torch.compile(
        own, fullgraph=True, dynamic=False, backend=BACKEND, options=OPTIONS.get(BACKEND)
    )

    def call(*inputs: Any) -> Tensor:
        for tensor in inputs:
            if isinstance(tensor, Tensor) and len(tensor) > 1:
                torch._dynamo.mark_dynamic(tensor, 0)
        return optimised(*inputs)

    return call
