"""Files of the store: written whole or not at all, mapped for reading, one writer at a time."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from systems.errors import StoreError

if TYPE_CHECKING:
    import numpy as np
    import torch

_TEMPORARY_SUFFIX = ".partial"

_FIXES = {
    errno.ENOSPC: "The disk is full: free some space, or use a store on another disk.",
    errno.EDQUOT: "The disk quota is used up: free some space, or use a store on another disk.",
    errno.EFBIG: "The file would exceed the size limit of this process or file system: raise it "
    "(ulimit -f), or use a store on another disk.",
    errno.EACCES: "Permission is missing: use a store in a folder that you may write to.",
    errno.EPERM: "Permission is missing: use a store in a folder that you may write to.",
    errno.EROFS: "The disk is read-only: use a store on another disk.",
    errno.EIO: "The disk reports a fault: check it, or use a store on another disk.",
}


def write_whole(path: Path, data: np.ndarray) -> None:
    """Write ``data`` (uint8) to ``path``: all of it, on the disk itself, or nothing.

    At any moment, whatever happens, the path holds what it held before or all of ``data``.
    The caller holds the writer's lock, and calls ``sync_folder`` after its last file. On an
    error the temporary file is removed, and ``StoreError`` says what to do.
    """
    temporary = path.with_name(path.name + _TEMPORARY_SUFFIX)
    try:
        with temporary.open("wb", buffering=0) as file:
            rest = data.data
            while rest:
                rest = rest[file.write(rest) :]
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise disk_error(f"{path} ({data.size} bytes) was not written", error) from error
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def sync_folder(folder: Path) -> None:
    """Make the names in ``folder`` durable: a rename alone may be lost with the power."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise disk_error(f"The folder {folder} was not written", error) from error


def map_file(path: Path, size_bytes: int) -> torch.Tensor:
    """The first ``size_bytes`` of the file, mapped privately: uint8 [size_bytes].

    No descriptor stays open. A file that is replaced later keeps its old content for those
    who have it mapped. Raises ``OSError`` or ``RuntimeError`` when it cannot be mapped.
    """
    import torch

    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        # Page faults alone fetch a cold file in small requests.
        os.posix_fadvise(descriptor, 0, size_bytes, os.POSIX_FADV_WILLNEED)
    finally:
        os.close(descriptor)
    return torch.from_file(str(path), shared=False, size=size_bytes, dtype=torch.uint8)


def evict_file(path: Path) -> None:
    """Put the file's pages out of memory, as any user may; those that are mapped stay."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        # Dirty pages cannot be evicted.
        os.fdatasync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)


@contextmanager
def writer_lock(folder: Path) -> Iterator[None]:
    """Wait until nobody else writes to the store in ``folder``, then keep others out.

    The lock ends with the process that holds it, however that ends; what a killed writer
    left half-written is removed by the next one.
    """
    path = folder / "writer.lock"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError:
            os.close(descriptor)
            raise
    except OSError as error:
        raise disk_error(f"The store {folder} cannot be locked for writing", error) from error
    try:
        _remove_leftovers(folder)
        yield
    finally:
        # Closing alone would leave the lock to a child that was forked in the meantime.
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.close(descriptor)


def _remove_leftovers(folder: Path) -> None:
    for leftover in folder.glob(f"*/*{_TEMPORARY_SUFFIX}"):
        try:
            leftover.unlink()
        except OSError as error:
            raise disk_error(f"'{leftover}', left by a killed writer, stays", error) from error


def disk_error(what: str, error: OSError) -> StoreError:
    """The sentence for a failed operation: what did not happen, why, and what helps."""
    fix = _FIXES.get(error.errno or 0, "Check the disk and the folder's permissions.")
    return StoreError(f"{what}: {error.strerror or error}. {fix}")
