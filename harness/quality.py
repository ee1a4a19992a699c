"""How good the candidates of a scenario's searches truly are; torch-free."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.inputs import preparation_key
from harness.limits import confine
from harness.spec import RunSpec
from harness.supervisor import Conditions, Listener, run_worker
from systems.errors import BenchError, ConfigurationError

EPOCHS = 20
"""Of fine-tuning, where the models were not trained themselves: as many as the paper takes."""


def fine_tune_candidates(
    searches: Sequence[tuple[RunSpec, Sequence[str]]],
    *,
    cache: Path,
    epochs: int | None,
    repeats: int,
    on_event: Listener,
) -> dict[str, Mapping[str, Any]]:
    """What fine-tuning shows about the candidates of each search, by identity of the run.

    What was found before is kept in the cache folder and not done again; runs that search
    the same models for the same data share their results.

    Args:
        searches: runs, each with the ids of its models.
        cache: folder of generated data.
        epochs: of fine-tuning; None: as many as the models' own training had, or ``EPOCHS``.
        repeats: how often each model is fine-tuned, with other orders and heads.
        on_event: told ``preparing`` events.

    Raises:
        ConfigurationError: the data have no labels that mean anything, or models that were
            not made of architectures.
        BenchError: it went wrong; what was found until then is kept.
    """
    cache.mkdir(parents=True, exist_ok=True)
    found: dict[tuple[Any, ...], Mapping[str, Any]] = {}
    by_identity: dict[str, Mapping[str, Any]] = {}
    for spec, model_ids in searches:
        if spec.model_set == "snapshots":
            raise ConfigurationError(
                f"Fine-tuning of checkpoints is not offered (in the run: {spec.summary}): choose "
                "model_set trained or synthetic."
            )
        key = preparation_key(spec.canonical())
        if key not in found:
            job = {
                "kind": "fine_tune",
                "spec": spec.canonical(),
                "cache": str(cache),
                "model_ids": list(model_ids),
                "epochs": epochs or spec.train_epochs or EPOCHS,
                "repeats": repeats,
            }
            found[key] = _carried_out(job, cache=cache, on_event=on_event)
        by_identity[spec.identity] = found[key]
    return by_identity


def _carried_out(job: Mapping[str, Any], *, cache: Path, on_event: Listener) -> Mapping[str, Any]:
    walls = confine(memory_bytes=None, cores=None, store_bandwidth=None, store_path=cache)
    with tempfile.TemporaryDirectory(prefix=".quality-", dir=cache) as folder, walls:
        conditions = Conditions(walls=walls)
        outcome = run_worker(job, folder=Path(folder), conditions=conditions, on_event=on_event)
    if outcome.result.get("is_configuration"):
        raise ConfigurationError(str(outcome.reason))
    if outcome.status != "ok":
        raise BenchError(f"The models could not be fine-tuned: {outcome.reason}")
    quality: Mapping[str, Any] = outcome.result["quality"]
    return quality
