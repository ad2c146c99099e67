"""Watching a folder: new files become rows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

#: Seconds for which a file must not change before it counts as whole.
SETTLED = 1.0


def settled(folder: Path, pattern: str, *, now: float | None = None) -> list[Path]:
    """Files of a folder and of those in it that were not changed within the last second, in order of their names."""
    moment = time.time() if now is None else now
    found = (path for path in folder.rglob(pattern) if path.is_file() and not path.name.startswith("."))
    return sorted(path for path in found if moment - path.stat().st_mtime >= SETTLED)


def watch(
    folder: Path, pattern: str, work: Callable[[list[Path]], None], *, wait: Callable[[], Iterator[object]]
) -> None:
    """Call ``work`` with all settled files now, and again whenever there are others.

    Parameters
    ----------
    folder, pattern
        Where to look, and for which names, such as ``"*.fits"``.
    work
        Called with all files, the old ones too: what was done is not done again.
    wait
        Gives an item whenever something in the folder may have changed; the watch ends with it.
    """
    seen: list[Path] = []
    for _ in wait():
        files = settled(folder, pattern)
        if files != seen:
            seen = files
            work(files)


def changes(folder: Path, *, poll: float = 1.0) -> Iterator[object]:
    """An item at once, then one for every change of a folder and one a while later, when files have settled."""
    from watchfiles import watch as watched

    yield None
    for _ in watched(folder, yield_on_timeout=True, rust_timeout=int(1000 * max(poll, SETTLED)), debounce=200):
        yield None
