"""Fingerprints of features: equal answers are proved, near ones measured."""

from __future__ import annotations

import functools
import hashlib

import numpy as np
from torch import Tensor

from systems.api import Fingerprint

SKETCH_SIZE = 32


def fingerprint(features: Tensor) -> Fingerprint:
    """The digest and sketch of ``features`` [items, d].

    The sketch is wᵀ·F·R / items in float64 with fixed random w [items] and R [d, 32]: it
    depends on every feature and on the order of the items.
    """
    array = np.ascontiguousarray(features.cpu().float().numpy())
    items, size = array.shape
    weights = _weights(items)
    sketch = (weights @ array.astype(np.float64)) @ _projection(size) / items
    return Fingerprint(
        items=items,
        digest=hashlib.blake2b(array.data, digest_size=16).hexdigest(),
        sketch=tuple(sketch.tolist()),
    )


@functools.cache
def _projection(size: int) -> np.ndarray:
    return np.random.default_rng(20250618).standard_normal((size, SKETCH_SIZE))


@functools.cache
def _weights(items: int) -> np.ndarray:
    return np.random.default_rng(3725264).standard_normal(items)
