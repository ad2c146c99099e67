"""Digests of the content of input files, remembered by size and time of change."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable
from pathlib import Path

from ._index import Index

#: A file that was changed this shortly ago is read again: its clock may not show the next change.
UNSETTLED = 2.0


def content_digest(path: Path) -> str:
    """The sha256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digests(index: Index, paths: Iterable[str]) -> dict[str, str | None]:
    """Digests of files by path; None for one that does not exist.

    A file is read only if its size or time of change is not what it was, or if it was changed within the last seconds.
    """
    wanted = {path: _stamp(path) for path in paths}
    with index.connect() as db:
        known = _known(db, [path for path, stamp in wanted.items() if stamp])
    found: dict[str, str | None] = {}
    new = []
    for path, stamp in wanted.items():
        if stamp is None:
            found[path] = None
        elif (remembered := known.get(str(Path(path).absolute()))) and remembered[:2] == stamp:
            found[path] = remembered[2]
        else:
            found[path] = content_digest(Path(path))
            if time.time() - stamp[1] * 1e-9 > UNSETTLED:
                new.append((str(Path(path).absolute()), *stamp, found[path]))
    if new:
        with index.connect() as db:
            db.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)", new)
    return found


def _stamp(path: str) -> tuple[int, int] | None:
    try:
        stat = Path(path).stat()
    except FileNotFoundError:
        return None
    return stat.st_size, stat.st_mtime_ns


def _known(db: object, paths: list[str]) -> dict[str, tuple[int, int, str]]:
    found = {}
    for path in paths:
        key = str(Path(path).absolute())
        row = db.execute("SELECT size, mtime_ns, digest FROM files WHERE path = ?", (key,)).fetchone()  # type: ignore[attr-defined]
        if row:
            found[key] = row
    return found
