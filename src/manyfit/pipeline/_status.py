"""What a workspace holds: products and rows of each class of tasks, and what is wrong with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ._index import Entry
from ._row_store import ERROR, IDENTITY
from ._workspace import Workspace


@dataclass(frozen=True)
class Line:
    """The products of one class of tasks.

    Attributes
    ----------
    task
        Name of the class.
    done, failed
        How many products there are, and how many tasks failed.
    rows, failed_rows
        The same of rows.
    seconds
        Time that all took.
    """

    task: str
    done: int
    failed: int
    rows: int
    failed_rows: int
    seconds: float


@dataclass(frozen=True)
class FailedRow:
    """A row whose computation raised an exception.

    Attributes
    ----------
    task
        Name of the class.
    identity
        Of the row; the column of this name in the product finds it.
    error
        The traceback.
    """

    task: str
    identity: str
    error: str

    @property
    def reason(self) -> str:
        """The last line of the traceback."""
        return self.error.strip().rpartition("\n")[2]


def status(workspace: Workspace) -> list[Line]:
    """A line for each class of tasks, in the order of their names."""
    entries = workspace.index.entries()
    rows = _rows(workspace)
    names = sorted({entry.task for entry in entries})
    return [
        _line(name, [entry for entry in entries if entry.task == name], rows.get(name, Counter())) for name in names
    ]


def failures(workspace: Workspace) -> list[Entry]:
    """Tasks that failed and were not done since, the newest last."""
    return [entry for entry in workspace.index.entries() if entry.status == "failed"]


def failed_rows(workspace: Workspace, most: int = 20) -> list[FailedRow]:
    """Rows whose last attempt failed, not more than `most`, in the order in which they were written."""
    from pyarrow import parquet

    with workspace.index.connect() as db:
        rows = db.execute(
            "SELECT context, part, position FROM rows WHERE status = 'failed' ORDER BY part, position LIMIT ?", (most,)
        ).fetchall()
    folders = _folders(workspace)
    found = []
    for context, part, position in rows:
        if (folder := folders.get(context[:16])) is not None and (folder / part).exists():
            row = parquet.read_table(folder / part, columns=[IDENTITY, ERROR]).slice(position, 1).to_pylist()[0]
            found.append(FailedRow(folder.parent.name, row[IDENTITY], row[ERROR]))
    return found


def corrupted(workspace: Workspace) -> list[Entry]:
    """Products that are missing, or are not what was written; each is read."""
    done = [entry for entry in workspace.index.entries() if entry.status == "done"]
    return [entry for entry in done if not workspace.verify(entry.identity)]


def _line(name: str, entries: Sequence[Entry], rows: Counter[str]) -> Line:
    states = Counter(entry.status for entry in entries)
    seconds = sum(entry.seconds for entry in entries)
    return Line(name, states["done"], states["failed"], rows["done"], rows["failed"], seconds)


def _rows(workspace: Workspace) -> dict[str, Counter[str]]:
    """Numbers of rows by name of the task and status."""
    found: dict[str, Counter[str]] = {}
    with workspace.index.connect() as db:
        counted = db.execute("SELECT context, status, count(*) FROM rows GROUP BY context, status").fetchall()
    folders = _folders(workspace)
    for context, state, number in counted:
        folder = folders.get(context[:16])
        found.setdefault("" if folder is None else folder.parent.name, Counter())[state] += number
    return found


def _folders(workspace: Workspace) -> dict[str, Path]:
    """Folders of rows by the beginning of the identity that their rows have in common."""
    return {path.name: path for path in workspace.folder.glob("*/*") if path.is_dir()}
