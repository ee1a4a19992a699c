"""Where runs are kept: one folder per run, written whole or not at all.

``<root>/<scenario>/<key>/record.json`` and the files beside it. Hidden folders are work in
progress: a run becomes visible by one rename, after all its files are on the disk. What a
killed process leaves behind is told from living work by the kernel's locks
(``harness.claims``), and is removed, or put back where it is a run that was just being
replaced.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness.claims import Claim, Hold

RECORD = "record.json"
RECORD_SCHEMA = 5
"""Version of the record; ``reports.migrations`` reads the earlier ones."""

SETTLED = frozenset({"ok", "out_of_memory", "timeout", "skipped"})
"""Statuses that a second command does not try to better; ``--force`` does."""

_CLAIMS = ".claims"
_REPLACED = ".replaced-"
_LEFTOVER = re.compile(r"\.(\d+|replaced)-.+")
_HEAD_BYTES = 256
_HEAD = re.compile(rb'\{\s*"schema":\s*\d+,\s*"status":\s*"([a-z_]+)"')
_TAIL = b"\n}\n"


class RunStore:
    """The runs of one scenario: ``<root>/<scenario>/<key>/record.json`` and what it names."""

    def __init__(self, root: Path, scenario: str) -> None:
        self.folder = root / scenario

    def status(self, key: str) -> str | None:
        """The status of the run with this key; None if there is none that can be read."""
        return _read_status(self.folder / key / RECORD)

    def statuses(self) -> dict[str, str]:
        """The statuses of all runs that can be read, by key: a look at each record's ends."""
        try:
            names = sorted(path.name for path in self.folder.iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return {}
        read = ((name, self.status(name)) for name in names if not name.startswith("."))
        return {name: status for name, status in read if status is not None}

    def is_settled(self, key: str) -> bool:
        """Whether the run needs no repetition."""
        return self.status(key) in SETTLED

    def claim(self, key: str) -> Claim | None:
        """The right to do the run, for a ``with`` block; None if another process has it.

        The claim of a process that is gone is free. Whoever gets it looks at the status
        again: the run may have been done since.
        """
        return Claim.take(self.folder / _CLAIMS / key)

    @contextmanager
    def new_run(self, key: str) -> Iterator[Path]:
        """A folder to work in, which becomes the run's folder at the end of the block.

        An earlier run of the same key is replaced. When the block raises, nothing is kept,
        and the earlier run stays.
        """
        with self.working_folder() as working:
            yield working
            _sync(working)
            self._put(working, key)

    @contextmanager
    def working_folder(self) -> Iterator[Path]:
        """A hidden folder that is gone after the block, unless the block has renamed it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._new_folder() as hold:
            hold.path.chmod(0o755)  # not mkdtemp's 0700: runs are there to be read
            try:
                yield hold.path
            finally:
                shutil.rmtree(hold.path, ignore_errors=True)

    def remove_leftovers(self) -> None:
        """Clear up after processes that are gone (killed, or lost power).

        Their working folders and claims go; a run that one of them was about to replace,
        and had already moved aside, comes back.
        """
        if not self.folder.is_dir():
            return
        for path in self.folder.iterdir():
            if _LEFTOVER.fullmatch(path.name) and (hold := Hold.take(path)):
                with hold:
                    self._clear(path)
        for path in (self.folder / _CLAIMS).glob("*"):
            if claim := Claim.take(path):
                claim.release()

    def _new_folder(self) -> Hold:
        while True:
            name = tempfile.mkdtemp(prefix=f".{os.getpid()}-", dir=self.folder)
            # None: somebody who clears up took the folder, not yet held, for a leftover.
            if hold := Hold.take(Path(name)):
                return hold

    def _put(self, working: Path, key: str) -> None:
        final = self.folder / key
        earlier = Hold.take(final)
        if earlier is None:
            working.rename(final)
        else:
            aside = final.with_name(f"{_REPLACED}{key}")
            with earlier:
                shutil.rmtree(aside, ignore_errors=True)
                final.rename(aside)
                working.rename(final)
                shutil.rmtree(aside, ignore_errors=True)
        _sync_folder(self.folder)

    def _clear(self, leftover: Path) -> None:
        """Remove what nobody works on any more, or put it back."""
        key = leftover.name.removeprefix(_REPLACED)
        if key != leftover.name and not (self.folder / key).exists():
            leftover.rename(self.folder / key)
        else:
            shutil.rmtree(leftover, ignore_errors=True)


def write_record(folder: Path, record: Mapping[str, Any]) -> None:
    """Write ``record`` into a run's folder, on the disk before anybody sees it.

    Schema and status stand first, so that listing runs need not read whole records.
    """
    first = {name: record[name] for name in ("schema", "status") if name in record}
    with (folder / RECORD).open("w", encoding="utf-8") as file:
        json.dump({**first, **record}, file, indent=1)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())


def read_record(folder: Path) -> dict[str, Any] | None:
    """The record in a run's folder, as it was written; None if it cannot be read."""
    try:
        record = json.loads((folder / RECORD).read_bytes())
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) else None


def _read_status(path: Path) -> str | None:
    """The status from the ends of a record; from all of it where it is in another order."""
    try:
        with path.open("rb", buffering=0) as file:
            head = _HEAD.match(file.read(_HEAD_BYTES))
            if head:
                file.seek(-len(_TAIL), os.SEEK_END)
                if file.read(len(_TAIL)) == _TAIL:
                    return head[1].decode()
    except OSError:
        return None
    status = (read_record(path.parent) or {}).get("status")
    return status if isinstance(status, str) else None


def _sync(folder: Path) -> None:
    """Have all files below ``folder``, and their names, on the disk."""
    for parent, _, names in os.walk(folder):
        for name in names:
            _sync_folder(Path(parent, name))
        _sync_folder(Path(parent))


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
