"""Searches inside the test process: the worker's own jobs, without the process."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from harness.inputs import preparation_key
from harness.measurement import measure
from harness.preparation import prepare
from scenarios.parameters import PARAMETERS
from systems.registry import system_info

DEFAULTS: Mapping[str, Any] = {
    "architecture": "resnet18",
    "distribution": "top_50",
    "models": 6,
    "model_seed": 0,
    "weights": None,
    "model_set": "synthetic",
    "models_path": None,
    "tasks": None,
    "train_epochs": None,
    "train_items": None,
    "part": "full",
    "part_input": "computed",
    "dataset": "digits",
    "path": None,
    "vocabulary": None,
    "items": 100,
    "test_fraction": 0.2,
    "data_seed": 0,
    "resolution": 32,
    "sequence_length": None,
    "batch_size": 16,
    "scorer": "linear",
    "device": "cpu",
    "threads": 2,
    "memory_format": "channels_last",
    "data_workers": 0,
    "decoded_budget": None,
    "allow_tiny": True,
    "cache": "warm",
    "store_bandwidth": None,
    "memory_limit": None,
    "gpu_allocator_cap": None,
    "profile": False,
}
"""A search of a second: 6 ResNet-18 over 100 digits at 32 px."""

TEXT: Mapping[str, Any] = {
    "architecture": "bert_tiny",
    "dataset": "docstrings",
    "resolution": None,
    "sequence_length": 24,
}


class Searches:
    """Prepares what a search needs once, in ``cache``, and runs searches on it."""

    def __init__(self, cache: Path, out: Path) -> None:
        self._cache = cache
        self.out = out
        self._prepared: dict[tuple[Any, ...], Mapping[str, Any]] = {}

    def __call__(
        self, system: str, options: Mapping[str, Any] | None = None, **parameters: Any
    ) -> dict[str, Any]:
        """The measured part of the record of one search."""
        defaults = {parameter.name: parameter.default for parameter in PARAMETERS.values()}
        info = system_info(system)
        given = {"system": info.name, "options": {**info.options, **(options or {})}}
        return self.run({**defaults, **DEFAULTS, **parameters, **given})

    def run(self, spec: Mapping[str, Any]) -> dict[str, Any]:
        """The measured part of the record of the run with this canonical specification."""
        key = preparation_key(spec)
        if key not in self._prepared:
            job = {"spec": spec, "cache": str(self._cache)}
            self._prepared[key] = prepare(job, emit=lambda *_, **__: None)["prepared"]
        threads = torch.get_num_threads()
        try:
            return measure(
                {
                    "spec": spec,
                    "prepared": self._prepared[key],
                    "cache": str(self._cache),
                    "out": str(self.out),
                    "paced": True,
                },
                on_progress=lambda *_: None,
            )
        finally:
            torch.set_num_threads(threads)


def in_fresh_folder(parent: Path) -> Searches:
    """Searches with everything they generate below ``parent``."""
    out = parent / "out"
    out.mkdir(parents=True, exist_ok=True)
    return Searches(parent / "cache", out)
