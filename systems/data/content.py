"""Hashes that identify data, and files that appear whole or not at all."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

DIGEST_BYTES = 16


def content_hash(parts: Iterable[bytes | str | int]) -> str:
    """Hex BLAKE2b of a sequence; each part counts with its length, so that none run together."""
    digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
    for part in parts:
        encoded = part if isinstance(part, bytes) else str(part).encode()
        digest.update(len(encoded).to_bytes(8, "little"))
        digest.update(encoded)
    return digest.hexdigest()


def write_atomically(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Write ``content`` so that ``path`` is at any time absent, as before, or complete.

    Args:
        path: in a folder that exists.
        content: of the whole file.
        durable: hold even if the machine crashes; costs a disk flush. Otherwise the file may
            then be empty or cut short.

    Raises:
        OSError: the disk is full or the folder cannot be written; nothing is left behind.
    """
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".partial-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
