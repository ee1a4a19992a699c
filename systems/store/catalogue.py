"""The catalogue of a block store: which models exist and which blocks they consist of."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from systems.errors import StoreError
from systems.store.database import Database


@dataclass(frozen=True, kw_only=True, slots=True)
class BlockRow:
    """What the catalogue knows of one block; sizes in bytes of the file and of its tensors."""

    hash: str
    architecture: str
    file_bytes: int
    tensor_bytes: int
    checksum: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelRow:
    """What the catalogue knows of one model: its blocks in order, its metadata as JSON."""

    id: str
    architecture: str
    blocks: tuple[BlockRow, ...]
    metadata: str


class Catalogue:
    """The SQLite file of a store. Safe for several threads and several processes at once.

    Every method raises ``StoreError`` when the file is damaged, locked for too long, or
    its disk is full; opening one of another schema version does, too.
    """

    def __init__(self, path: Path) -> None:
        self._database = Database(path)

    def close(self) -> None:
        """Close the file; the catalogue cannot be used afterwards."""
        self._database.close()

    def block(self, block_hash: str) -> BlockRow | None:
        """The block of this hash, or None."""
        rows = self._database.read(
            f"SELECT {_BLOCK_COLUMNS} FROM blocks WHERE hash = ?", block_hash
        )
        return _block_row(rows[0]) if rows else None

    def blocks(self) -> list[BlockRow]:
        """All blocks, by hash."""
        rows = self._database.read(f"SELECT {_BLOCK_COLUMNS} FROM blocks ORDER BY hash")
        return [_block_row(row) for row in rows]

    def model(self, model_id: str) -> ModelRow | None:
        """The model of this id, or None; its entry is checked against its digest.

        SQLite has no checksums of its own: a flipped bit could give a model another
        block, whose file is whole.
        """
        rows = self._database.read(
            f"SELECT models.architecture, metadata, digest, {_BLOCK_COLUMNS} FROM models "
            "LEFT JOIN model_blocks ON model = id LEFT JOIN blocks ON hash = block "
            "WHERE id = ? ORDER BY position",
            model_id,
        )
        if not rows:
            return None
        model = ModelRow(
            id=model_id,
            architecture=rows[0][0],
            blocks=tuple(_block_row(row[3:]) for row in rows),
            metadata=rows[0][1],
        )
        if _model_digest(model) != rows[0][2]:
            raise self._database.damaged(f"its entry of the model '{model_id}' has changed")
        return model

    def model_ids(self) -> tuple[str, ...]:
        """The ids of all models, sorted."""
        return tuple(row[0] for row in self._database.read("SELECT id FROM models ORDER BY id"))

    def model_set(self, set_id: str) -> tuple[str, ...] | None:
        """The ids of the models of a set, in its order, or None; checked like a model."""
        rows = self._database.read(
            "SELECT spec, models, digest FROM model_sets WHERE id = ?", set_id
        )
        if not rows:
            return None
        spec, models, digest = rows[0]
        if _digest(set_id, spec, models) != digest:
            raise self._database.damaged(f"its entry of the model set '{set_id}' has changed")
        return tuple(json.loads(models))

    def put_blocks(self, blocks: Sequence[BlockRow]) -> None:
        """Enter blocks whose files are in place; known ones are brought up to date."""
        with self._database.transaction() as connection:
            _put_blocks(connection, blocks)

    def put_model(self, model: ModelRow) -> None:
        """Enter a new model, together with those of its blocks that are not known yet."""
        with self._database.transaction() as connection:
            _put_blocks(connection, model.blocks)
            connection.execute(
                "INSERT INTO models VALUES (?, ?, ?, ?)",
                (model.id, model.architecture, model.metadata, _model_digest(model)),
            )
            connection.executemany(
                "INSERT INTO model_blocks VALUES (?, ?, ?)",
                [(model.id, position, block.hash) for position, block in enumerate(model.blocks)],
            )

    def put_model_set(
        self, set_id: str, *, spec: Mapping[str, object], model_ids: Sequence[str]
    ) -> None:
        """Enter a set of models, or replace the one of this id."""
        spec_json = json.dumps(spec, sort_keys=True)
        models = json.dumps(list(model_ids))
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO model_sets VALUES (?, ?, ?, ?)",
                (set_id, spec_json, models, _digest(set_id, spec_json, models)),
            )

    def faults(self) -> list[str]:
        """One sentence per fault of the catalogue itself, none if it is whole."""
        faults = self._database.faults()
        for model_id in self.model_ids():
            try:
                self.model(model_id)
            except StoreError as error:
                faults.append(str(error))
        return faults


_BLOCK_COLUMNS = "hash, blocks.architecture, file_bytes, tensor_bytes, checksum"


def _block_row(values: Sequence) -> BlockRow:
    block_hash, architecture, file_bytes, tensor_bytes, checksum = values
    return BlockRow(
        hash=block_hash,
        architecture=architecture,
        file_bytes=file_bytes,
        tensor_bytes=tensor_bytes,
        checksum=checksum,
    )


def _put_blocks(connection: sqlite3.Connection, blocks: Sequence[BlockRow]) -> None:
    connection.executemany(
        "INSERT INTO blocks VALUES (?, ?, ?, ?, ?) ON CONFLICT (hash) DO UPDATE SET "
        "architecture = excluded.architecture, file_bytes = excluded.file_bytes, "
        "tensor_bytes = excluded.tensor_bytes, checksum = excluded.checksum",
        [
            (block.hash, block.architecture, block.file_bytes, block.tensor_bytes, block.checksum)
            for block in blocks
        ],
    )


def _model_digest(model: ModelRow) -> str:
    """What a model's entry must agree with: all of it, save what the files are checked for."""
    blocks = [[block.hash, block.architecture, block.tensor_bytes] for block in model.blocks]
    return _digest(model.id, model.architecture, model.metadata, blocks)


def _digest(*entry: object) -> str:
    return hashlib.blake2b(json.dumps(entry).encode(), digest_size=16).hexdigest()
