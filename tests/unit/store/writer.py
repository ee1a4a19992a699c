"""A process that adds models to a store until it is done or killed.

    python -m tests.unit.store.writer ROOT PREFIXES MODELS BLOCK_SIZE [FILE_LIMIT_BYTES]

Models are ``PREFIX-i`` for every i and each of the comma-separated prefixes: one block that
all writers share, one shared by the models of equal i, one of its own. Prints the id of each
model when it is in the store, and a ``StoreError`` as a line of its own.
"""

from __future__ import annotations

import resource
import sys
import zlib
from pathlib import Path

from systems.errors import StoreError
from systems.store.blocks import BlockContent
from systems.store.store import BlockStore
from tests.unit.store.conftest import make_block


def blocks_of(model_id: str, size: int) -> list[BlockContent]:
    number = int(model_id.rpartition("-")[2])
    own = zlib.crc32(model_id.encode())
    return [make_block(seed, size=size) for seed in (10**6, number, 10**7 + own)]


def main(root: str, prefixes: str, models: int, size: int, file_limit_bytes: int = 0) -> None:
    if file_limit_bytes:
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit_bytes, file_limit_bytes))
    with BlockStore.open(Path(root)) as store:
        print("ready", flush=True)
        for number in range(models):
            for prefix in prefixes.split(","):
                try:
                    add(store, f"{prefix}-{number}", size)
                except StoreError as error:
                    print(f"error {error}", flush=True)
                else:
                    print(f"{prefix}-{number}", flush=True)


def add(store: BlockStore, model_id: str, size: int) -> None:
    blocks = blocks_of(model_id, size)
    store.add_model(model_id, architecture="tiny", blocks=blocks, metadata={"size": size})


if __name__ == "__main__":
    main(*sys.argv[1:3], *map(int, sys.argv[3:]))
