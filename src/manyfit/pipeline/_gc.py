"""Garbage: files of a workspace that nothing refers to any more."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

from ._task import Task, required_of
from ._workspace import NOTE, Workspace

#: A part that was written to this shortly ago may still be.
AT_WORK = 3600.0


def garbage(workspace: Workspace, keep: Iterable[Task], *, now: float | None = None) -> list[Path]:
    """Products that tasks do not refer to, and what killed runs left behind.

    Parameters
    ----------
    workspace
        The folder.
    keep
        Tasks whose products are kept, and those of all that they require.
    now
        Time since the epoch; as it stands, that of the clock.

    Returns
    -------
    list of Path
        Files that may be removed, with `remove`.
    """
    kept = {identity for task in keep for identity in _identities(task)}
    products = [entry for entry in workspace.index.entries() if entry.identity not in kept and entry.path]
    paths = [workspace.folder / entry.path for entry in products if entry.path]
    return [*paths, *_left_behind(workspace.folder, time.time() if now is None else now)]


def remove(workspace: Workspace, paths: Iterable[Path]) -> None:
    """Remove files; a product and its note are forgotten before they go."""
    by_path = {workspace.folder / entry.path: entry.identity for entry in workspace.index.entries() if entry.path}
    for path in paths:
        path.with_name(f"{path.name}{NOTE}").unlink(missing_ok=True)
        if path in by_path:
            workspace.index.remove([by_path[path]])
        path.unlink(missing_ok=True)


def _identities(task: Task) -> set[str]:
    found = {task.identity} if task.identity else set()
    for part in required_of(task).values():
        if isinstance(part, Task):
            found |= _identities(part)
    return found


def _left_behind(folder: Path, now: float) -> list[Path]:
    parts = (path for path in folder.rglob(".*") if ".part" in path.name and path.is_file())
    return sorted(path for path in parts if now - path.stat().st_mtime > AT_WORK)
