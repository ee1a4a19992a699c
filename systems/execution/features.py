"""Extracted features by model, in item order."""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import Tensor


class FeatureStore:
    """Features of the test items and of the train items seen so far, per model."""

    def __init__(self) -> None:
        self._test: dict[str, list[Tensor]] = {}
        self._train: dict[str, list[Tensor]] = {}

    def add(self, model_id: str, features: Tensor, *, is_test: bool) -> None:
        """Append ``features`` float32 [items, d] of the next items of the test or train set."""
        part = self._test if is_test else self._train
        # Where the features are a view of a whole intermediate, a copy of them lets that go.
        is_view = features.untyped_storage().nbytes() > features.nbytes
        part.setdefault(model_id, []).append(features.clone() if is_view else features)

    def test(self, model_id: str) -> Tensor:
        """[test items, d]."""
        return _joined(self._test[model_id])

    def train(self, model_id: str) -> Tensor:
        """[train items seen so far, d]."""
        return _joined(self._train[model_id])

    def forget(self, model_ids: Collection[str]) -> None:
        """Forget these models."""
        for part in (self._test, self._train):
            for model_id in model_ids:
                part.pop(model_id, None)

    def retain(self, model_ids: Collection[str]) -> None:
        """Forget all models but ``model_ids``."""
        for part in (self._test, self._train):
            for model_id in [model_id for model_id in part if model_id not in model_ids]:
                del part[model_id]


def _joined(parts: list[Tensor]) -> Tensor:
    if len(parts) > 1:
        parts[:] = [torch.cat(parts)]
    return parts[0]
