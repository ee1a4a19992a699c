"""Each model's pictures are normalised by its own mean and deviation."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from systems.data.model_inputs import IMAGENET_MEAN, IMAGENET_STD, InputMaker
from systems.data.transform import Transform

OWN = {"mean": (0.5, 0.4, 0.3), "deviation": (0.5, 0.25, 1.0)}


@pytest.mark.parametrize("memory_format", [torch.channels_last, torch.contiguous_format])
def test_transforms_of_one_size_keep_their_own_colours(memory_format: torch.memory_format) -> None:
    maker = InputMaker(device="cpu", memory_format=memory_format)
    pictures = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3), dtype=np.uint8)
    items = np.arange(2)

    for transform, mean, deviation in (
        (Transform(resolution=8), IMAGENET_MEAN, IMAGENET_STD),
        (Transform(resolution=8, **OWN), OWN["mean"], OWN["deviation"]),
    ):
        rows = maker.rows(2, transform)
        rows.numpy()[...] = pictures
        found = maker.batch(items, transform, rows).inputs
        expected = (pictures / 255 - np.array(mean)) / np.array(deviation)
        np.testing.assert_allclose(found.permute(0, 2, 3, 1), expected, atol=1e-6)


def test_colours_make_no_difference_to_what_is_kept() -> None:
    assert Transform(resolution=8, **OWN).compact == Transform(resolution=8).compact
