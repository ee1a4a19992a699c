"""Fingerprints tell equal, near and different features apart."""

from __future__ import annotations

import numpy as np
import torch

from systems.scoring.fingerprint import SKETCH_SIZE, fingerprint


def features() -> torch.Tensor:
    return torch.randn(20, 64, generator=torch.Generator().manual_seed(3))


def relative_difference(a: torch.Tensor, b: torch.Tensor) -> float:
    first, second = np.array(fingerprint(a).sketch), np.array(fingerprint(b).sketch)
    return float(np.abs(first - second).max() / np.abs(first).max())


def test_equal_features_have_equal_fingerprints_whatever_their_strides() -> None:
    f = features()
    strided = f.T.contiguous().T
    assert not strided.is_contiguous()
    assert fingerprint(f) == fingerprint(strided)
    assert len(fingerprint(f).sketch) == SKETCH_SIZE
    assert fingerprint(f).items == 20


def test_one_bit_changes_the_digest_and_hardly_the_sketch() -> None:
    f = features()
    g = f.clone()
    g.view(torch.int32)[3, 5] ^= 1
    assert fingerprint(f).digest != fingerprint(g).digest
    assert 0 < relative_difference(f, g) < 1e-6


def test_another_order_of_items_or_features_changes_the_sketch() -> None:
    f = features()
    assert relative_difference(f, f.flip(0)) > 1e-2
    assert relative_difference(f, f.flip(1)) > 1e-2


def test_noise_of_a_millionth_stays_within_the_tolerance_and_a_percent_does_not() -> None:
    f = features()
    noise = torch.randn(f.shape, generator=torch.Generator().manual_seed(4))
    assert relative_difference(f, f * (1 + 1e-6 * noise)) < 1e-4
    assert relative_difference(f, f * (1 + 1e-2 * noise)) > 1e-4
