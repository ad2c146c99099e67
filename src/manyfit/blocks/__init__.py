"""Which elements are fitted together, and where.

The room has two halves. `plan` divides an iterating shape into blocks: frozen records, no arrays. `run`
hands the blocks to an executor (`Serial`, `Threads`, `Processes`, `DaskClient`) and their results to the
caller, in the calling thread and bounded in memory. It knows nothing of models, units or astronomy, and the
result for an element never depends on the plan or on the executor.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._choose import executor_for as executor_for
    from ._dask import DaskClient as DaskClient
    from ._plan import Block as Block
    from ._plan import Plan as Plan
    from ._plan import plan as plan
    from ._processes import Processes as Processes
    from ._progress import Progress as Progress
    from ._progress import progress_for as progress_for
    from ._progress import rich_progress as rich_progress
    from ._run import Executor as Executor
    from ._run import run as run
    from ._serial import Serial as Serial
    from ._threads import Threads as Threads

_HOMES = {
    "Block": "_plan",
    "DaskClient": "_dask",
    "Executor": "_run",
    "Plan": "_plan",
    "Processes": "_processes",
    "Progress": "_progress",
    "Serial": "_serial",
    "Threads": "_threads",
    "executor_for": "_choose",
    "plan": "_plan",
    "progress_for": "_progress",
    "rich_progress": "_progress",
    "run": "_run",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return __all__
