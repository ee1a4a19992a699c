"""A checksum fast enough to verify every read of the block store.

BLAKE2b names a block, but at about 1 GB/s it would cost more than the read it guards.
This checksum runs at about the speed of memory because it only adds: 64-bit words, with
wrap-around, once along rows of 4 KiB and once along columns; BLAKE2b then digests the
sums, 1/512 of the data. It guards against broken disks and copies, not against an
attacker; ``BlockStore.verify`` recomputes the names themselves.
"""

from __future__ import annotations

import hashlib

import numpy as np

ROW_BYTES = 4096
"""A page: what storage loses, swaps or zeroes as a whole."""

_ROW_WORDS = ROW_BYTES // 8
_COLUMN_WORDS = 4 * _ROW_WORDS
# Both passes over a chunk: the second finds it in the processor's cache.
_CHUNK_BYTES = 1 << 20
_LANE_BYTES = 8 * _COLUMN_WORDS


def checksum(data: np.ndarray) -> str:
    """Checksum of ``data`` (uint8, one-dimensional, contiguous) as 32 hexadecimal digits.

    A change of any single bit or byte changes a row's sum; exchanged pages change the
    order of the row sums; exchanged words within a page change two column sums; a change
    of length is digested itself.
    """
    size_bytes = data.size
    row_sums = np.zeros(-(-size_bytes // _LANE_BYTES) * _LANE_BYTES // ROW_BYTES, dtype="<u8")
    column_sums = np.zeros(_COLUMN_WORDS, dtype="<u8")
    for start in range(0, size_bytes, _CHUNK_BYTES):
        words = _words(data[start : start + _CHUNK_BYTES])
        rows = words.reshape(-1, _ROW_WORDS)
        first_row = start // ROW_BYTES
        np.add.reduce(rows, axis=1, out=row_sums[first_row : first_row + len(rows)])
        column_sums += np.add.reduce(words.reshape(-1, _COLUMN_WORDS), axis=0)
    digest = hashlib.blake2b(size_bytes.to_bytes(8, "little"), digest_size=16)
    digest.update(row_sums.data)
    digest.update(column_sums.data)
    return digest.hexdigest()


def _words(chunk: np.ndarray) -> np.ndarray:
    """The chunk as little-endian 64-bit words, its end filled with zeros to whole lanes."""
    missing = -chunk.size % _LANE_BYTES
    if missing:
        chunk = np.concatenate([chunk, np.zeros(missing, dtype=np.uint8)])
    return chunk.view("<u8")
