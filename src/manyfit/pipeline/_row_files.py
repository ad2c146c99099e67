"""Files of pending rows that a server may have."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ._row_identity import graph
from ._row_plan import State
from ._row_work import Failure
from ._task import Task

#: Downloads at one time.
AT_ONCE = 8
#: Seconds after which another run asks a server again for files that it did not have.
AGAIN = 3600.0
#: Start of this process: within one run a server is asked once.
STARTED = time.time()


def prepare(state: State) -> dict[int, str | None]:
    """Get what pending rows need from elsewhere, several at once; tracebacks of those that could not be got."""
    places = list(state.pending)
    tasks = [state.plan.context.task(state.plan.rows[place]) for place in places]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        errors = dict(zip(places, pool.map(_prepared, tasks), strict=True))
    if places and _may_be_elsewhere(state):
        asked = _asked(state)
        asked.parent.mkdir(parents=True, exist_ok=True)
        asked.touch()
    return errors


def is_to_ask(state: State) -> bool:
    """Whether files of pending rows may be on a server that was not asked of late."""
    if next(state.pending, None) is None or not _may_be_elsewhere(state):
        return False
    try:
        return _asked(state).stat().st_mtime < min(STARTED, time.time() - AGAIN)
    except FileNotFoundError:
        return True


def _asked(state: State) -> Path:
    """A file whose time of change is that of the last question."""
    return state.store.folder / "asked"


def _may_be_elsewhere(state: State) -> bool:
    return any(part.may_be_elsewhere() for part in graph(state.plan.context.first))


def _prepared(task: Task) -> str | None:
    try:
        for part in graph(task):
            part.prepare()
    except Exception as error:  # noqa: BLE001  the row stays pending, the others go on
        return Failure(error).text
    return None
