"""The SQLite file under the catalogue: its tables, its version, its errors as sentences."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from systems.errors import StoreError

SCHEMA_VERSION = 1
"""Raised with every change of the tables, the block file format, the hash or the checksum."""

_BUSY_TIMEOUT_S = 60.0

# Without the checks of types SQLite would not see a flipped bit that turns text to bytes.
_SCHEMA = """
CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL,
    CHECK (typeof(key) = 'text' AND typeof(value) = 'text')
) WITHOUT ROWID;
CREATE TABLE blocks (
    hash TEXT PRIMARY KEY,
    architecture TEXT NOT NULL,
    file_bytes INTEGER NOT NULL,
    tensor_bytes INTEGER NOT NULL,
    checksum TEXT NOT NULL,
    CHECK (typeof(hash) = 'text' AND typeof(architecture) = 'text'),
    CHECK (typeof(file_bytes) = 'integer' AND typeof(tensor_bytes) = 'integer'),
    CHECK (typeof(checksum) = 'text')
) WITHOUT ROWID;
CREATE TABLE models (
    id TEXT PRIMARY KEY,
    architecture TEXT NOT NULL,
    metadata TEXT NOT NULL,
    digest TEXT NOT NULL,
    CHECK (typeof(id) = 'text' AND typeof(architecture) = 'text'),
    CHECK (typeof(metadata) = 'text' AND typeof(digest) = 'text')
) WITHOUT ROWID;
CREATE TABLE model_blocks (
    model TEXT NOT NULL REFERENCES models (id),
    position INTEGER NOT NULL,
    block TEXT NOT NULL REFERENCES blocks (hash),
    PRIMARY KEY (model, position)
) WITHOUT ROWID;
CREATE TABLE model_sets (
    id TEXT PRIMARY KEY,
    spec TEXT NOT NULL,
    models TEXT NOT NULL,
    digest TEXT NOT NULL,
    CHECK (typeof(id) = 'text' AND typeof(spec) = 'text'),
    CHECK (typeof(models) = 'text' AND typeof(digest) = 'text')
) WITHOUT ROWID;
"""

_OTHER_FIX = "Check the disk and the folder's permissions."
_DAMAGED_FIX = (
    "Restore the store from a copy, or remove its folder and add its models again (generated "
    "snapshots are generated again by the command that needs them)."
)
_FIXES = {
    sqlite3.SQLITE_FULL: "Free some space, or use a store on another disk.",
    sqlite3.SQLITE_BUSY: (
        f"Another process has kept it locked for more than {_BUSY_TIMEOUT_S:g} s: wait for that "
        "process or end it, then try again."
    ),
    sqlite3.SQLITE_NOTADB: _DAMAGED_FIX,
    sqlite3.SQLITE_CORRUPT: _DAMAGED_FIX,
    sqlite3.SQLITE_ERROR: _DAMAGED_FIX,  # a table or column is gone
    sqlite3.SQLITE_READONLY: "Use a store in a folder that you may write to.",
    sqlite3.SQLITE_CANTOPEN: "Use a store in a folder that exists and that you may write to.",
    sqlite3.SQLITE_IOERR: "The disk is full or reports a fault: check it, or use another one.",
}


class Database:
    """One connection to the catalogue's file, shared by the threads of a process.

    Every method raises ``StoreError`` when the file is damaged, locked for too long, not
    accessible, or its disk is full; a transaction that fails changes nothing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        with self._sentences():
            self._connection = sqlite3.connect(
                path, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
            )
            try:
                self._connection.execute("PRAGMA foreign_keys = ON")
                self._create_tables()
                self._check_version()
                self._check_whole()
            except BaseException:
                self._connection.close()
                raise

    def close(self) -> None:
        """Close the file; the database cannot be used afterwards."""
        with self._lock:
            self._connection.close()

    def read(self, statement: str, *values: str) -> list[tuple]:
        """All rows of one SELECT, which sees one consistent state while others write."""
        with self._lock, self._sentences():
            return self._connection.execute(statement, values).fetchall()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Carry out the enclosed statements all together, or, on any error, none of them."""
        with self._lock, self._sentences(), self._all_or_nothing():
            yield self._connection

    def faults(self) -> list[str]:
        """Sentences of SQLite's own checks of the file and of references between tables."""
        problems = [row[0] for row in self.read("PRAGMA integrity_check") if row[0] != "ok"]
        problems += [
            f"{table} names an entry that {parent} does not have"
            for table, _, parent, _ in self.read("PRAGMA foreign_key_check")
        ]
        return [str(self.damaged(problem)) for problem in problems]

    def damaged(self, problem: str) -> StoreError:
        """The sentence for a catalogue whose content is not what was written."""
        return StoreError(
            f"The store's catalogue {self.path} is damaged: {problem}. {_DAMAGED_FIX}"
        )

    def _create_tables(self) -> None:
        if self._tables():
            return
        with self._all_or_nothing():
            # Another process may have made them since they were looked for.
            if self._tables():
                return
            for statement in _SCHEMA.split(";"):
                self._connection.execute(statement)
            self._connection.execute(
                "INSERT INTO meta VALUES ('schema_version', ?)", (str(SCHEMA_VERSION),)
            )

    def _tables(self) -> set[str]:
        return {row[0] for row in self._connection.execute("SELECT name FROM sqlite_master")}

    def _check_version(self) -> None:
        if "meta" not in self._tables():
            raise StoreError(
                f"{self.path} is a database, but not the catalogue of a block store. Use another "
                "folder for the store."
            )
        rows = self._connection.execute(
            "SELECT value FROM meta WHERE key = 'schema_version'"
        ).fetchall()
        version = rows[0][0] if rows else "unknown"
        if version != str(SCHEMA_VERSION):
            raise StoreError(
                f"The block store {self.path.parent} has schema version {version}; this program "
                f"needs version {SCHEMA_VERSION}. Use the program that made the store, or "
                "another folder; or, if it holds nothing but generated snapshots, remove the "
                "folder: they are generated again."
            )

    def _check_whole(self) -> None:
        ((problem,),) = self._connection.execute("PRAGMA quick_check(1)").fetchall()
        if problem != "ok":
            raise self.damaged(problem)

    @contextmanager
    def _all_or_nothing(self) -> Iterator[None]:
        # IMMEDIATE takes the write lock at once: a later upgrade could fail halfway.
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            # On a full disk SQLite may have rolled back by itself.
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    @contextmanager
    def _sentences(self) -> Iterator[None]:
        try:
            yield
        except UnicodeDecodeError as error:
            raise self.damaged(str(error)) from error
        except sqlite3.Error as error:
            # The low byte is the kind of error, the rest its details.
            kind = getattr(error, "sqlite_errorcode", -1) & 0xFF
            raise StoreError(
                f"The store's catalogue {self.path} failed ({error}). "
                f"{_FIXES.get(kind, _OTHER_FIX)}"
            ) from error
