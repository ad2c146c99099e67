"""What a workspace holds: products and rows of each class of tasks, and what is wrong with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ._index import Entry
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
    folders = {path.name: path.parent.name for path in workspace.folder.glob("*/*") if path.is_dir()}
    for context, state, number in counted:
        found.setdefault(folders.get(context[:16], ""), Counter())[state] += number
    return found
