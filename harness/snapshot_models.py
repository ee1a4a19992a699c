"""The models of ``model_set: snapshots`` (M_HF): checkpoints brought into the store."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from scenarios.architecture_choice import ArchitectureChoice
from systems.data.datasets import Dataset
from systems.errors import ConfigurationError
from systems.models.checkpoints.finding import GENERATED, Checkpoint, find_checkpoints
from systems.models.checkpoints.generated import generate_checkpoints
from systems.models.checkpoints.importing import ImportedSet, InputSize, import_checkpoints
from systems.store.store import BlockStore


def families_of(spec: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of the families that a specification searches."""
    chosen = ArchitectureChoice.parse(spec["architecture"]).architectures
    return tuple(each.name for each in chosen)


def snapshot_set(
    spec: Mapping[str, Any], store: BlockStore, *, cache: Path, emit: Callable[..., None]
) -> ImportedSet:
    """The checkpoints of a search in the store; what is skipped is told as a ``note``.

    Raises:
        ConfigurationError: there are no checkpoints, or not one can be loaded.
    """
    families, most = families_of(spec), spec["models"]

    def progress(done: int, name: str) -> None:
        emit("preparing", number=done, of=most, what=f"checkpoint {name}")

    imported = import_checkpoints(
        _checkpoints(spec, families, cache=cache, progress=progress),
        families=families,
        most=most,
        size=InputSize(resolution=spec["resolution"], sequence_length=spec["sequence_length"]),
        store=store,
        progress=progress,
    )
    for skipped in imported.skipped:
        emit("note", text=f"The checkpoint {skipped.checkpoint} is skipped: {skipped.reason}")
    if len(imported.model_ids) < most:
        text = f"{len(imported.model_ids)} checkpoints are searched; up to {most} were asked for."
        emit("note", text=text)
    return imported


def check_vocabulary(store: BlockStore, imported: ImportedSet, dataset: Dataset) -> None:
    """Refuse texts with tokens that a model has no embedding for.

    Raises:
        ConfigurationError: there are such.
    """
    tokens = len(getattr(dataset, "vocabulary", ()))
    for model_id in imported.model_ids:
        entry = store.model(model_id).metadata["architecture"]
        assert isinstance(entry, dict)
        size = entry["vocabulary_size"]
        if size is not None and tokens > size:
            raise ConfigurationError(
                f"The vocabulary of the texts has {tokens:,} tokens, the checkpoint '{model_id}' "
                f"{size:,}: give the vocabulary (vocab.txt) that the checkpoints were trained with."
            )


def imported_models(imported: ImportedSet, *, data_s: float, snapshots_s: float) -> dict[str, Any]:
    """What preparation says about a search over ``imported``."""
    return {
        "set_id": imported.set_id,
        "model_ids": list(imported.model_ids),
        "ingest": {
            "data_s": data_s,
            "snapshots_s": snapshots_s,
            "generated": imported.new_models > 0,
            "new_bytes": imported.new_bytes,
            "training_s": None,
            "store_s": snapshots_s if imported.new_models else None,
            "skipped": [asdict(each) for each in imported.skipped],
            "other_families": imported.other_families,
        },
    }


def _checkpoints(
    spec: Mapping[str, Any],
    families: tuple[str, ...],
    *,
    cache: Path,
    progress: Callable[[int, str], None],
) -> tuple[Checkpoint, ...]:
    if spec["models_path"] != GENERATED:
        return find_checkpoints(Path(spec["models_path"]))
    return generate_checkpoints(
        cache / "checkpoints",
        families,
        models=spec["models"],
        seed=spec["model_seed"],
        progress=progress,
    )
