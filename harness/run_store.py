"""Where runs are kept: one folder per run, written whole or not at all."""

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

import psutil

RECORD = "record.json"
SETTLED = frozenset({"ok", "out_of_memory", "timeout", "skipped"})
"""Statuses that a second command does not try to better; ``--force`` does."""

_LEFTOVER = re.compile(r"\.(?P<pid>\d+)-.+")


class RunStore:
    """The runs of one scenario: ``<root>/<scenario>/<key>/record.json`` and what it names."""

    def __init__(self, root: Path, scenario: str) -> None:
        self.folder = root / scenario

    def status(self, key: str) -> str | None:
        """The status of the run with this key; None if there is none that can be read."""
        try:
            return json.loads((self.folder / key / RECORD).read_text())["status"]
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def is_settled(self, key: str) -> bool:
        """Whether the run needs no repetition."""
        return self.status(key) in SETTLED

    @contextmanager
    def new_run(self, key: str) -> Iterator[Path]:
        """A folder to work in, which becomes the run's folder at the end of the block.

        An earlier run of the same key is replaced. When the block raises, nothing is kept.
        """
        with self.working_folder() as working:
            yield working
            final = self.folder / key
            if final.exists():
                final.rename(working.with_name(f"{working.name}-replaced"))
            working.rename(final)

    @contextmanager
    def working_folder(self) -> Iterator[Path]:
        """A hidden folder that is gone after the block, unless the block has renamed it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        working = Path(tempfile.mkdtemp(prefix=f".{os.getpid()}-", dir=self.folder))
        working.chmod(0o755)  # not mkdtemp's 0700: runs are there to be read
        try:
            yield working
        finally:
            shutil.rmtree(working, ignore_errors=True)
            shutil.rmtree(working.with_name(f"{working.name}-replaced"), ignore_errors=True)

    def remove_leftovers(self) -> None:
        """Remove the working folders of processes that are gone (killed, or lost power)."""
        if not self.folder.is_dir():
            return
        for path in self.folder.iterdir():
            match = _LEFTOVER.fullmatch(path.name)
            if match and not psutil.pid_exists(int(match["pid"])):
                shutil.rmtree(path, ignore_errors=True)


def write_record(folder: Path, record: Mapping[str, Any]) -> None:
    """Write ``record`` into a run's folder, on the disk before anybody sees it."""
    with (folder / RECORD).open("w", encoding="utf-8") as file:
        json.dump(record, file, indent=1)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
