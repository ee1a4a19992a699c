"""The fine-tuning job of a worker: how good each candidate of a search truly is.

Every result is a small file of its own below the cache folder, written when it is known, so
that a job that was stopped goes on.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from harness.inputs import dataset_spec, model_groups
from harness.trained_models import whole_dataset
from systems.data.content import write_atomically
from systems.data.datasets import Dataset, open_dataset
from systems.data.labelled_items import LabelledItems, read_labelled
from systems.data.split import split_items
from systems.data.transform import Transform
from systems.data.unused_items import held_out_items, item_names
from systems.errors import ConfigurationError
from systems.models.fine_tuning import Recipe, accuracy, fine_tune
from systems.models.snapshot_spec import identity_hash
from systems.models.stored_model import load_blocks
from systems.store.blocks import BlockContent, block_hash
from systems.store.store import BlockStore

_VERSION = 1  # of what a result means
FEWEST_HELD_OUT = 100
"""Items below which models are judged by the search's own test items."""
HASHING_THREADS = 4
"""As many as the store takes."""


def fine_tune_all(job: Mapping[str, Any], *, emit: Callable[..., None]) -> dict[str, Any]:
    """Fine-tune all candidates of the job's ``spec`` in full on its train items.

    ``job`` holds the canonical ``spec``, the ``model_ids``, ``epochs``, ``repeats`` and the
    ``cache`` folder.

    Raises:
        ConfigurationError: labels of the dataset mean nothing.
        StoreError: a model is not in the store any more.
    """
    spec, cache = job["spec"], Path(job["cache"])
    judge = _Judge(spec, cache=cache)
    with BlockStore.open(cache / "store", create=False) as store:
        jobs = [(id_, number) for number in range(job["repeats"]) for id_ in job["model_ids"]]
        transforms = {group.shape.id: group.transform for group in model_groups(spec)}
        found: dict[str, list[dict[str, float]]] = {id_: [] for id_ in job["model_ids"]}
        for place, (model_id, number) in enumerate(jobs):
            emit("preparing", number=place, of=len(jobs), what=f"fine-tuning of {model_id}")
            recipe = Recipe(epochs=job["epochs"], seed=number)
            transform = transforms[store.model(model_id).architecture]
            result = judge.result(store, model_id, recipe, transform=transform)
            found[model_id].append(result)
        emit("preparing", number=len(jobs), of=len(jobs), what="the cost of ingest")
        return {
            "quality": {
                "evaluated_on": judge.evaluated_on,
                "items": len(judge.evaluated),
                "models": {id_: _facts(store, id_, found[id_]) for id_ in job["model_ids"]},
                "ingest": _ingest_cost(store, job["model_ids"], cache=cache),
            }
        }


class _Judge:
    """Fine-tunes models on a search's train items, and tests them on others."""

    def __init__(self, spec: Mapping[str, Any], *, cache: Path) -> None:
        searched = open_dataset(dataset_spec(spec), cache_dir=cache / "data")
        if searched.timing_only:
            raise ConfigurationError(
                f"The labels of the dataset '{spec['dataset']}' mean nothing, so that no model is "
                "better than another: choose real data."
            )
        self._spec = spec
        self._folder = cache / "quality"
        self._searched = searched
        self._split = split_items(
            searched.labels, test_fraction=spec["test_fraction"], seed=spec["data_seed"]
        )
        self._whole, self.evaluated, self.evaluated_on = self._choose(cache)
        self._items: dict[Transform, tuple[LabelledItems, LabelledItems]] = {}

    def result(
        self, store: BlockStore, model_id: str, recipe: Recipe, *, transform: Transform
    ) -> dict[str, float]:
        """Accuracy and seconds of one fine-tuning, from the cache if they are there."""
        blocks = [ref.hash for ref in store.model(model_id).blocks]
        path = self._folder / f"{self._key(blocks, recipe, transform)}.json"
        try:
            known: dict[str, float] = json.loads(path.read_text())
        except (OSError, ValueError):
            path.parent.mkdir(parents=True, exist_ok=True)
            known = self._fine_tuned(store, model_id, recipe, transform=transform)
            write_atomically(path, json.dumps(known).encode())
        return known

    def _fine_tuned(
        self, store: BlockStore, model_id: str, recipe: Recipe, *, transform: Transform
    ) -> dict[str, float]:
        if transform not in self._items:
            self._items[transform] = (
                read_labelled(self._searched, self._split.train, transform=transform),
                read_labelled(self._whole, self.evaluated, transform=transform),
            )
        train, evaluated = self._items[transform]
        started_s = time.monotonic()
        blocks = load_blocks(store, model_id)
        tuned = fine_tune(blocks, train, recipe, last=len(blocks), device=self._spec["device"])
        seconds = time.monotonic() - started_s
        return {"accuracy": accuracy(blocks, tuned.head, evaluated), "seconds": seconds}

    def _choose(self, cache: Path) -> tuple[Dataset, np.ndarray, str]:
        """The items that models are judged by: of which dataset, which, and what they are."""
        # A vocabulary that is trained on other texts would number their tokens otherwise.
        has_own_tokens = self._searched.modality == "text" and self._spec["vocabulary"] is None
        if not has_own_tokens:
            whole = whole_dataset(self._spec, cache=cache)
            used = frozenset(item_names(self._searched))
            held_out = held_out_items(whole, used=used, seed=self._spec["data_seed"])
            if len(held_out) >= FEWEST_HELD_OUT:
                return whole, held_out, "held_out"
        return self._searched, self._split.test, "test"

    def _key(self, blocks: Sequence[str], recipe: Recipe, transform: Transform) -> str:
        """What the result depends on."""
        on_cpu = self._spec["device"] == "cpu"
        return identity_hash(
            {
                "version": _VERSION,
                "blocks": list(blocks),
                "recipe": asdict(recipe),
                "transform": asdict(transform),
                "data": self._searched.content_id,
                "train": self._split.train.tolist(),
                "evaluated": [self._whole.describe(item) for item in self.evaluated.tolist()],
                "torch": torch.__version__,
                "machine": torch.backends.cpu.get_cpu_capability()
                if on_cpu
                else torch.cuda.get_device_name(self._spec["device"]),
            }
        )


def _facts(store: BlockStore, model_id: str, found: Sequence[Mapping[str, float]]) -> dict:
    model = store.model(model_id)
    return {
        "accuracies": [each["accuracy"] for each in found],
        "seconds": [each["seconds"] for each in found],
        "bytes": sum(ref.tensor_bytes for ref in model.blocks),
        "is_base": model.metadata.get("index") == 0,
    }


def _ingest_cost(store: BlockStore, model_ids: Sequence[str], *, cache: Path) -> dict[str, float]:
    """What it takes to bring these models into an empty store: measured, and thrown away.

    Models are added whole, as checkpoints are; reading these is not counted, for every system
    has to read them once.
    """
    hashing_s = total_s = 0.0
    model_bytes = unique_bytes = 0
    with (
        tempfile.TemporaryDirectory(prefix=".ingest-", dir=cache) as folder,
        BlockStore.open(Path(folder)) as empty,
        ThreadPoolExecutor(HASHING_THREADS) as pool,
    ):
        for model_id in model_ids:
            model = store.model(model_id)
            contents = [
                BlockContent(architecture=ref.architecture, tensors=store.read_block(ref.hash))
                for ref in model.blocks
            ]
            started_s = time.monotonic()
            list(pool.map(block_hash, contents))
            hashed_s = time.monotonic()
            added = empty.add_model(
                model_id, architecture=model.architecture, blocks=contents, metadata={}
            )
            hashing_s += hashed_s - started_s
            total_s += time.monotonic() - hashed_s
            model_bytes += sum(ref.tensor_bytes for ref in model.blocks)
            unique_bytes += added.new_bytes
    return {
        "total_s": total_s,
        "hashing_s": hashing_s,
        "model_bytes": model_bytes,
        "unique_bytes": unique_bytes,
    }
