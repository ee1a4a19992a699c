"""The blocks of models by their hashes: of checkpoints in folders, and of a scenario's models."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from harness.inputs import preparation_key
from harness.preparation import prepare
from harness.spec import RunSpec
from systems.models.checkpoints.blocks import checkpoint_blocks, describe
from systems.models.checkpoints.finding import Checkpoint, CheckpointError, Skipped
from systems.models.checkpoints.hub import local_folder
from systems.models.checkpoints.importing import stored_checkpoint
from systems.store.blocks import BlockContent, block_hash
from systems.store.store import BlockStore
from systems.store.stored import StoredModel

_HASHING_THREADS = 4

Told = Callable[[str], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class HashedModel:
    """A model and its blocks in the order in which they run."""

    name: str
    family: str
    architecture: str
    blocks: tuple[str, ...]
    block_bytes: tuple[int, ...]


def hashed_checkpoints(
    checkpoints: Iterable[Checkpoint], *, cache: Path, told: Told
) -> Iterator[HashedModel | Skipped]:
    """The checkpoints' blocks, read from the store where they were imported, else hashed now.

    Nothing is written to the store. ``told`` is told the name of the next.
    """
    root = cache / "store"
    store = BlockStore.open(root, create=False) if (root / "catalogue.sqlite3").is_file() else None
    try:
        for checkpoint in checkpoints:
            told(checkpoint.name)
            try:
                yield _hashed(checkpoint, store)
            except (CheckpointError, OSError) as error:
                yield Skipped(checkpoint=checkpoint.name, reason=str(error))
    finally:
        if store is not None:
            store.close()


def hashed_model_sets(
    specs: Iterable[RunSpec], *, cache: Path, told: Told
) -> Iterator[HashedModel | Skipped]:
    """The models of a scenario's runs, made first where the store does not have them.

    Every set is a family of its own, named by its architecture and distribution.
    """
    different = {preparation_key(spec.canonical()): spec for spec in specs}
    for spec in different.values():
        job = {"spec": spec.canonical(), "cache": str(cache)}

        def emit(_: str, **details: object) -> None:
            told(str(details.get("what", "")))

        prepared = prepare(job, emit=emit)["prepared"]
        with BlockStore.open(cache / "store", create=False) as store:
            for model_id in prepared["model_ids"]:
                model = store.model(model_id)
                yield _of_stored(model, name=model_id, family=_family(model, spec))
        for each in prepared["ingest"].get("skipped", ()):
            yield Skipped(**each)


def _family(model: StoredModel, spec: RunSpec) -> str:
    if spec.distribution is None:
        return str(model.metadata.get("family", model.architecture))
    return f"{model.architecture} {spec.distribution}"


def _hashed(checkpoint: Checkpoint, store: BlockStore | None) -> HashedModel:
    folder = local_folder(checkpoint)
    entry = describe(folder).entry
    family = entry.snapshot_family or entry.name
    known = stored_checkpoint(checkpoint, folder, store) if store is not None else None
    if known is not None:
        return _of_stored(known, name=checkpoint.name, family=family)
    contents = checkpoint_blocks(folder, entry)
    with ThreadPoolExecutor(_HASHING_THREADS) as pool:
        hashes = tuple(pool.map(block_hash, contents))
    return HashedModel(
        name=checkpoint.name,
        family=family,
        architecture=entry.name,
        blocks=hashes,
        block_bytes=tuple(map(_tensor_bytes, contents)),
    )


def _of_stored(model: StoredModel, *, name: str, family: str) -> HashedModel:
    return HashedModel(
        name=name,
        family=family,
        architecture=model.architecture,
        blocks=tuple(ref.hash for ref in model.blocks),
        block_bytes=tuple(ref.tensor_bytes for ref in model.blocks),
    )


def _tensor_bytes(content: BlockContent) -> int:
    return sum(tensor.nbytes for tensor in content.tensors.values())
