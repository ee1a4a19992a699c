"""What making a model set has cost, over however many attempts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelCost:
    """The cost of one model of a set."""

    index: int
    training_s: float
    """Data decoded and blocks fine-tuned."""
    store_s: float
    """Blocks hashed and written."""
    new_bytes: int
    """Of tensors that the store did not have."""


class IngestLog:
    """A file with a JSON line per model, written when the model is in the store."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, cost: ModelCost) -> None:
        """Append one line; a model that is made again counts as made last."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(cost)) + "\n")

    def read(self, count: int) -> Sequence[ModelCost] | None:
        """The costs of the first ``count`` models; None if any is not known."""
        costs: dict[int, ModelCost] = {}
        try:
            lines = self._path.read_text(encoding="utf-8").splitlines()
        except OSError:
            return None
        for line in lines:
            try:
                cost = ModelCost(**json.loads(line))
            except (ValueError, TypeError):  # cut off by the end of a killed process
                continue
            costs[cost.index] = cost
        if not costs.keys() >= set(range(count)):
            return None
        return [costs[index] for index in range(count)]
