"""Devices that a benchmark runs on; the GPU is skipped, with the reason, where there is none."""

from __future__ import annotations

import pytest
import torch

DEVICES = [
    "cpu",
    pytest.param(
        "cuda",
        marks=[
            pytest.mark.gpu,
            pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
        ],
    ),
]
"""For ``pytest.mark.parametrize("device", DEVICES)``."""


def finish(device: str) -> None:
    """Wait until the device has done what it was given: a benchmark times work, not orders."""
    if device == "cuda":
        torch.cuda.synchronize()
