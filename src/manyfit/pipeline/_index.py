"""The index of what was done: one SQLite file that many processes read and write at once.

It holds nothing that the files of the products do not say: if it is lost, it is made again from them.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

SCHEMA = """
CREATE TABLE products (
    identity TEXT PRIMARY KEY,
    task TEXT NOT NULL,            -- name of the class
    status TEXT NOT NULL,          -- done or failed
    path TEXT,                     -- of the product, relative to the folder
    digest TEXT, size INTEGER,     -- of the product
    started REAL, seconds REAL,
    error TEXT,                    -- traceback
    record TEXT NOT NULL           -- what the identity is a digest of
);
CREATE INDEX products_of_task ON products (task, started);
CREATE TABLE parents (child TEXT, parent TEXT, PRIMARY KEY (child, parent)) WITHOUT ROWID;
CREATE TABLE files (path TEXT PRIMARY KEY, size INTEGER, mtime_ns INTEGER, digest TEXT) WITHOUT ROWID;
CREATE TABLE row_files (key TEXT PRIMARY KEY, paths TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE parts (context TEXT, part TEXT, PRIMARY KEY (context, part)) WITHOUT ROWID;
CREATE TABLE rows (
    context TEXT, identity TEXT,
    part TEXT NOT NULL, position INTEGER NOT NULL, status TEXT NOT NULL,
    attempt INTEGER NOT NULL,      -- how often a failed row was asked for again
    PRIMARY KEY (context, identity)
) WITHOUT ROWID;
"""
#: Seconds to wait for another process that writes.
PATIENCE = 60.0


@dataclass(frozen=True)
class Entry:
    """One product: done, or failed.

    Attributes
    ----------
    identity, task
        Digest and name of the class of the task.
    status
        ``"done"`` or ``"failed"``.
    path, digest, size
        Of the product, relative to the folder of the workspace; None if failed.
    started, seconds
        Time since the epoch, and how long it took.
    error
        Traceback of a failure.
    record
        Canonical text that the identity is a digest of.
    parents
        Identities of what it was made from.
    """

    identity: str
    task: str
    status: str
    path: str | None
    digest: str | None
    size: int | None
    started: float
    seconds: float
    error: str | None
    record: str
    parents: tuple[str, ...] = ()


COLUMNS = ("identity", "task", "status", "path", "digest", "size", "started", "seconds", "error", "record")


@dataclass(frozen=True)
class Index:
    """The index of one workspace.

    Attributes
    ----------
    path
        The SQLite file.
    """

    path: Path

    @classmethod
    def open(cls, path: Path, made_from: Callable[[], Iterable[Entry]] = tuple) -> Index:
        """The index in a file; if there is none, one that holds some products is made, by one process only."""
        if not path.exists():
            part = path.with_name(f".{path.name}.{uuid4().hex}.part")
            try:
                with closing(sqlite3.connect(part)) as db:
                    # In this mode, which the file keeps, those who read never wait for one who writes.
                    db.execute("PRAGMA journal_mode=WAL")
                    db.executescript(SCHEMA)
                cls(part).put(made_from())
                with suppress(FileExistsError):
                    os.link(part, path)
            finally:
                part.unlink(missing_ok=True)
        return cls(path)

    @contextmanager
    def connect(self) -> Iterator[sqlite3.Connection]:
        """A connection for one transaction; each process and thread has its own."""
        with closing(sqlite3.connect(self.path, timeout=PATIENCE)) as db, db:
            yield db

    def entry(self, identity: str) -> Entry | None:
        """The product of an identity, None if there is none."""
        found = self._entries("WHERE identity = ?", (identity,))
        return found[0] if found else None

    def entries(self, task: str | None = None) -> list[Entry]:
        """All products, or those of one class, the newest last."""
        where = "" if task is None else "WHERE task = ?"
        return self._entries(f"{where} ORDER BY started", () if task is None else (task,))

    def put(self, entries: Iterable[Entry]) -> None:
        """Write products; one of the same identity is replaced."""
        with self.connect() as db:
            for entry in entries:
                marks = ", ".join("?" * len(COLUMNS))
                db.execute(f"INSERT OR REPLACE INTO products VALUES ({marks})", [getattr(entry, n) for n in COLUMNS])
                pairs = [(entry.identity, parent) for parent in entry.parents]
                db.executemany("INSERT OR IGNORE INTO parents VALUES (?, ?)", pairs)

    def remove(self, identities: Iterable[str]) -> None:
        """Forget products."""
        keys = [(identity,) for identity in identities]
        with self.connect() as db:
            db.executemany("DELETE FROM products WHERE identity = ?", keys)
            db.executemany("DELETE FROM parents WHERE child = ?", keys)

    def _entries(self, where: str, values: tuple[str, ...]) -> list[Entry]:
        with self.connect() as db:
            parents = "(SELECT group_concat(parent) FROM parents WHERE child = identity)"
            rows = db.execute(f"SELECT {', '.join(COLUMNS)}, {parents} FROM products {where}", values).fetchall()
        return [Entry(**dict(zip(COLUMNS, row, strict=False)), parents=_split(row[-1])) for row in rows]


def _split(parents: str | None) -> tuple[str, ...]:
    return tuple(sorted(parents.split(","))) if parents else ()
