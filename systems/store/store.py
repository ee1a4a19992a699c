"""The block store: models as sequences of content-addressed blocks, each stored once."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from systems.errors import ConfigurationError, StoreError, did_you_mean
from systems.store.block_files import BlockFiles
from systems.store.blocks import BlockContent, block_hash
from systems.store.buffered import BufferedReader
from systems.store.catalogue import BlockRow, Catalogue, ModelRow
from systems.store.files import disk_error, map_file, writer_lock
from systems.store.stored import Added, BlockRef, ReadRate, Sizes, StoredModel

if TYPE_CHECKING:
    import torch

_HASHING_THREADS = 4


class BlockStore:
    """Blocks as safetensors files, and beside them a catalogue of models.

    Several threads and processes may use one store at once; writers take turns. Whatever
    ends a writer, the store stays whole. Every read is verified, and nothing damaged is
    ever returned. All errors are ``StoreError``, and say what to do.

    Block files are mapped into memory, or copied where the bandwidth of the store is
    limited (see ``open``).

        root/catalogue.sqlite3          models, their blocks, sizes, checksums
        root/blocks/<hash>.safetensors  one file per block
        root/writer.lock                held while a model is added
    """

    def __init__(
        self, *, root: Path, catalogue: Catalogue, reader: BufferedReader | None = None
    ) -> None:
        self.root = root
        self._catalogue = catalogue
        self._reader = reader
        self._files = BlockFiles(root / "blocks", fetch=reader.read if reader else map_file)
        self._read_file_bytes: dict[str, int] = {}
        self._rows: dict[str, BlockRow] = {}

    @classmethod
    def open(
        cls,
        root: Path,
        *,
        create: bool = True,
        bandwidth_bytes_per_s: int | None = None,
        buffered: bool = False,
        drop_behind: bool = False,
    ) -> BlockStore:
        """Open the store in the folder ``root``; make an empty one if ``create`` and none is.

        Args:
            root: the folder.
            create: whether a folder without a store becomes an empty one.
            bandwidth_bytes_per_s: the rate that reads of blocks are held to; each read of a
                block is paid for, whether or not the system still has it in its cache.
            buffered: copy block files into memory instead of mapping them, without holding
                back: for a disk whose bandwidth the system limits, which it does not do
                evenly for mapped files.
            drop_behind: take files that were copied out of the page cache again, where each
                read is paid for anyway: they would only fill it.

        Raises ``ConfigurationError`` for a bandwidth below 1 byte/s.
        """
        if bandwidth_bytes_per_s is not None and bandwidth_bytes_per_s < 1:
            raise ConfigurationError(
                f"A store cannot be read at {bandwidth_bytes_per_s} bytes/s: choose a bandwidth "
                "of at least 1 byte/s, or none for no limit."
            )
        path = root / "catalogue.sqlite3"
        folder = root / "blocks"
        if not create and not path.is_file():
            raise StoreError(
                f"There is no block store in {root}: it has no {path.name}. Check the folder's "
                "name, or add models to it first."
            )
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise disk_error(f"The block store {root} cannot be made", error) from error
        reader = None
        if buffered or bandwidth_bytes_per_s is not None:
            reader = BufferedReader(bandwidth_bytes_per_s, drop_behind=drop_behind)
        return cls(root=root, catalogue=Catalogue(path), reader=reader)

    def close(self) -> None:
        """Close the catalogue; tensors that were read stay valid."""
        self._catalogue.close()

    def __enter__(self) -> BlockStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add_model(
        self,
        model_id: str,
        *,
        architecture: str,
        blocks: Sequence[BlockContent | BlockRef],
        metadata: Mapping[str, object],
    ) -> Added:
        """Add a model; only blocks that the store does not have are written.

        A block that is in the store already may be given as its ``BlockRef``, which saves
        hashing it again. ``metadata`` is anything that JSON can hold. Adding the same
        model again changes nothing, except that missing and damaged files of blocks given
        by content are written again. Raises ``StoreError`` when the id belongs to another
        model or the disk is full; then nothing of this call remains.
        """
        if not model_id.isprintable() or not model_id or not blocks:
            raise StoreError(
                f"The model {model_id!r} with {len(blocks)} blocks cannot be stored: a model has "
                "an id of printable characters and at least one block."
            )
        metadata_json = json.dumps(metadata, sort_keys=True)
        # Outside the lock: hashing takes longer than writing to a fast disk.
        with ThreadPoolExecutor(_HASHING_THREADS) as pool:
            hashes = list(pool.map(_hash_of, blocks))
        with writer_lock(self.root):
            known = self._catalogue.model(model_id)
            if known is not None:
                _check_same(known, architecture=architecture, hashes=hashes, metadata=metadata_json)
            written: list[BlockRow] = []
            try:
                rows = self._put_blocks(dict(zip(hashes, blocks, strict=True)), written)
                if known is None:
                    model = ModelRow(
                        id=model_id,
                        architecture=architecture,
                        blocks=tuple(rows[block] for block in hashes),
                        metadata=metadata_json,
                    )
                    self._catalogue.put_model(model)
                elif written:
                    self._catalogue.put_blocks(written)
            except BaseException:
                # Files that no entry names would take up room on a disk that is full. A catalogue
                # that fails, too, cannot tell which: then they stay, and the first error counts.
                with contextlib.suppress(StoreError):
                    self._files.remove(
                        row for row in written if self._catalogue.block(row.hash) is None
                    )
                raise
        return Added(
            new_blocks=len(written),
            new_bytes=sum(row.tensor_bytes for row in written),
            shared_blocks=len(rows) - len(written),
        )

    def model(self, model_id: str) -> StoredModel:
        """The model of this id."""
        row = self._catalogue.model(model_id)
        if row is None:
            raise StoreError(
                f"The store {self.root} has no model '{model_id}'. "
                f"{did_you_mean(model_id, self.model_ids())}"
            )
        self._rows.update((block.hash, block) for block in row.blocks)
        return StoredModel(
            id=row.id,
            architecture=row.architecture,
            blocks=tuple(_ref(block) for block in row.blocks),
            metadata=json.loads(row.metadata),
        )

    def model_ids(self) -> tuple[str, ...]:
        """The ids of all models, sorted."""
        return self._catalogue.model_ids()

    def read_block(self, block_hash: str) -> dict[str, torch.Tensor]:
        """The tensors of the block of this hash, by name, in the CPU's memory.

        They are views of the mapped or copied file; all of it has been read and verified
        when this returns, so the input/output happens here. Convolution weights lie there
        channels-last. Raises ``StoreError`` when the block is unknown, or its file missing,
        cut, or changed in any bit.
        """
        row = self._rows.get(block_hash) or self._known_block(block_hash)
        try:
            tensors = self._files.read(row)
        except StoreError:
            # Since the row was read, another process may have written the file again.
            current = self._known_block(block_hash)
            if current == row:
                raise
            row, tensors = current, self._files.read(current)
        self._rows[row.hash] = row
        self._read_file_bytes[row.hash] = row.file_bytes
        return tensors

    def distinct_bytes_read(self) -> int:
        """Bytes of the files of all blocks read so far, each counted once."""
        return sum(self._read_file_bytes.values())

    def read_rate(self) -> ReadRate | None:
        """How fast block files were copied so far; None if they are mapped, or none was."""
        return self._reader.rate() if self._reader else None

    def block_files(self, model_ids: Iterable[str]) -> tuple[Path, ...]:
        """The files that hold the blocks of these models, each once."""
        return self.files_of(self.model(model_id) for model_id in model_ids)

    def files_of(self, models: Iterable[StoredModel]) -> tuple[Path, ...]:
        """The files that hold the blocks of these models, as far as they name any, each once."""
        blocks = (ref.hash for model in models for ref in model.blocks)
        return tuple(self._files.path(block) for block in dict.fromkeys(blocks))

    def put_model_set(
        self, set_id: str, spec: Mapping[str, object], model_ids: Sequence[str]
    ) -> None:
        """Remember an ordered set of stored models under the hash of its specification.

        An earlier set of this id is replaced. Raises ``StoreError`` if a model is missing.
        """
        missing = sorted(set(model_ids) - set(self.model_ids()))
        if missing:
            raise StoreError(
                f"The model set '{set_id}' names models that are not in the store {self.root}: "
                f"{', '.join(missing)}. Add them first."
            )
        self._catalogue.put_model_set(set_id, spec=spec, model_ids=model_ids)

    def model_set(self, set_id: str) -> tuple[str, ...] | None:
        """The ids of the models of a set, in its order, if it is complete.

        None if the set is unknown, or a file of it is missing or cut: adding its models
        again then makes it complete.
        """
        model_ids = self._catalogue.model_set(set_id)
        if model_ids is None:
            return None
        blocks: set[BlockRow] = set()
        for model_id in model_ids:
            model = self._catalogue.model(model_id)
            if model is None:
                return None
            blocks.update(model.blocks)
        return model_ids if all(self._files.has_size(block) for block in blocks) else None

    def sizes(self) -> Sizes:
        """How many models and blocks the store holds, and their bytes."""
        blocks = self._catalogue.blocks()
        return Sizes(
            models=len(self.model_ids()),
            blocks=len(blocks),
            tensor_bytes=sum(block.tensor_bytes for block in blocks),
            file_bytes=sum(block.file_bytes for block in blocks),
        )

    def verify(self) -> list[str]:
        """Check the catalogue and recompute the hash of every block from its file.

        One sentence per fault, none if all is whole. Reads everything, at about 1 GB/s.
        """
        faults = self._catalogue.faults()
        for row in self._catalogue.blocks():
            try:
                self._files.verify_name(row)
            except StoreError as error:
                faults.append(str(error))
        return faults

    def _known_block(self, block_hash: str) -> BlockRow:
        row = self._catalogue.block(block_hash)
        if row is None:
            raise StoreError(
                f"The store {self.root} has no block '{block_hash}'. Add its model first."
            )
        return row

    def _put_blocks(
        self, blocks: Mapping[str, BlockContent | BlockRef], written: list[BlockRow]
    ) -> dict[str, BlockRow]:
        """The rows of blocks by hash; those whose files had to be written go to ``written``."""
        rows = {}
        for name, block in blocks.items():
            if isinstance(block, BlockRef):
                rows[name] = self._known_block(name)
                continue
            row = self._catalogue.block(name)
            if row is None or not self._files.is_whole(row):
                row = self._files.write(block, name=name)
                written.append(row)
            rows[name] = row
        if written:
            self._files.sync()
        return rows


def _hash_of(block: BlockContent | BlockRef) -> str:
    return block.hash if isinstance(block, BlockRef) else block_hash(block)


def _ref(row: BlockRow) -> BlockRef:
    return BlockRef(hash=row.hash, architecture=row.architecture, tensor_bytes=row.tensor_bytes)


def _check_same(known: ModelRow, *, architecture: str, hashes: list[str], metadata: str) -> None:
    """Raise if the stored model of this id differs from the one that is to be added."""
    differences = {
        "architecture": known.architecture != architecture,
        "blocks": [block.hash for block in known.blocks] != hashes,
        "metadata": known.metadata != metadata,
    }
    if any(differences.values()):
        raise StoreError(
            f"The store already has another model '{known.id}' (different: "
            f"{', '.join(part for part, differs in differences.items() if differs)}). A stored "
            "model never changes: choose another id."
        )
