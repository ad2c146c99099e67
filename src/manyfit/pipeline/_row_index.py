"""What the index says of rows: which files they depend on, in which part their result is, and what became of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ._index import Index


@dataclass(frozen=True)
class RowEntry:
    """The result of one row.

    Attributes
    ----------
    part, position
        Name of the file and number of the row in it.
    status
        ``"done"``, ``"failed"``, or ``"again"`` for a failed one that was asked for again.
    attempt
        How often it was asked for again.
    """

    part: str
    position: int
    status: str
    attempt: int


def files_of_rows(index: Index, keys: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Paths that rows depend on, by key, for those keys that were seen before."""
    wanted = set(keys)
    with index.connect() as db:
        rows = db.execute("SELECT key, paths FROM row_files").fetchall()
    return {key: tuple(json.loads(paths)) for key, paths in rows if key in wanted}


def put_files_of_rows(index: Index, files: Mapping[str, tuple[str, ...]]) -> None:
    """Remember the paths that rows depend on."""
    if files:
        with index.connect() as db:
            rows = [(key, json.dumps(paths)) for key, paths in files.items()]
            db.executemany("INSERT OR REPLACE INTO row_files VALUES (?, ?)", rows)


def known_rows(index: Index, context: str) -> dict[str, RowEntry]:
    """Results of the rows of one context by identity."""
    with index.connect() as db:
        rows = db.execute("SELECT identity, part, position, status, attempt FROM rows WHERE context = ?", (context,))
        return {identity: RowEntry(*rest) for identity, *rest in rows}


def known_parts(index: Index, context: str) -> set[str]:
    """Names of the parts of one context that the index has read."""
    with index.connect() as db:
        return {part for (part,) in db.execute("SELECT part FROM parts WHERE context = ?", (context,))}


def put_part(index: Index, context: str, part: str, rows: Iterable[tuple[str, str, int]]) -> None:
    """Say that a part is there, with the identity, status and attempt of each of its rows in order."""
    with index.connect() as db:
        db.execute("INSERT OR REPLACE INTO parts VALUES (?, ?)", (context, part))
        db.executemany(
            "INSERT OR REPLACE INTO rows VALUES (?, ?, ?, ?, ?, ?)",
            [(context, identity, part, i, status, attempt) for i, (identity, status, attempt) in enumerate(rows)],
        )


def ask_again(index: Index, context: str) -> int:
    """Ask for failed rows again; how many there are."""
    with index.connect() as db:
        again = "UPDATE rows SET status = 'again', attempt = attempt + 1 WHERE context = ? AND status = 'failed'"
        return db.execute(again, (context,)).rowcount
