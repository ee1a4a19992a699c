"""Exclusive holds on files and folders, which end with the process that has them.

A hold is a lock of the kernel (flock): it is gone the moment its process is, however that
ended, so nobody has to guess whether a process identifier is still the same process. Locks
belong to open files: two holds of one process exclude each other too.
"""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path
from types import TracebackType

from systems.errors import BenchError


class Hold:
    """A lock on an existing file or folder; a context manager that lets go at its end."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor

    @classmethod
    def take(cls, path: Path) -> Hold | None:
        """The hold on ``path``; None if somebody else has it, or if it is gone.

        Raises:
            BenchError: the file system has no locks.
        """
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            if _lock(descriptor, path) and _is_at(descriptor, path):
                return cls(path, descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
        return None

    def release(self) -> None:
        """Let go; a second time does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Hold:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


class Claim(Hold):
    """A hold on a name: its file stands for the name, and goes when the claim ends."""

    @classmethod
    def take(cls, path: Path) -> Claim | None:
        """The claim on the name ``path``; None if another claim on it is alive.

        Raises:
            BenchError: the file system has no locks.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        taken = super().take(path)
        return None if taken is None else cls(path, taken._descriptor)

    def release(self) -> None:
        """Give the name back."""
        if self._descriptor >= 0:
            self.path.unlink(missing_ok=True)  # first: whoever opens the old file loses
        super().release()


def _lock(descriptor: int, path: Path) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS):
            raise
        raise BenchError(
            f"The file system of '{path.parent}' has no file locks, without which two commands "
            "could do the same run at once. Keep runs elsewhere: --runs DIR."
        ) from error
    return True


def _is_at(descriptor: int, path: Path) -> bool:
    """Whether what was locked is still what stands at ``path``: its holder may have left."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
