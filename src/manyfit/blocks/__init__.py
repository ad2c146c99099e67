"""Which elements are fitted together, and where.

The room has three parts. `plan` divides an iterating shape into blocks: frozen records, no arrays. `run` hands the
blocks to an executor (`Serial`, `Threads`, `Processes`, `DaskClient`) and their results to the caller, in the calling
thread and bounded in memory. A `BlockStore` keeps results that workers write themselves. It knows nothing of models,
units or astronomy, and the result for an element never depends on the plan or on the executor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from manyfit._lazy import lazy

if TYPE_CHECKING:
    from manyfit.blocks._choose import executor_for as executor_for
    from manyfit.blocks._dask import DaskClient as DaskClient
    from manyfit.blocks._fill import fill as fill
    from manyfit.blocks._layout import Field as Field
    from manyfit.blocks._layout import Layout as Layout
    from manyfit.blocks._layout import extent_of as extent_of
    from manyfit.blocks._plan import Block as Block
    from manyfit.blocks._plan import Plan as Plan
    from manyfit.blocks._plan import plan as plan
    from manyfit.blocks._processes import Processes as Processes
    from manyfit.blocks._progress import Progress as Progress
    from manyfit.blocks._progress import progress_for as progress_for
    from manyfit.blocks._progress import rich_progress as rich_progress
    from manyfit.blocks._run import Executor as Executor
    from manyfit.blocks._run import run as run
    from manyfit.blocks._serial import Serial as Serial
    from manyfit.blocks._store import BlockStore as BlockStore
    from manyfit.blocks._store import Stage as Stage
    from manyfit.blocks._threads import Threads as Threads

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "Block": "_plan",
        "BlockStore": "_store",
        "DaskClient": "_dask",
        "Executor": "_run",
        "Field": "_layout",
        "Layout": "_layout",
        "Plan": "_plan",
        "Processes": "_processes",
        "Progress": "_progress",
        "Serial": "_serial",
        "Stage": "_store",
        "Threads": "_threads",
        "executor_for": "_choose",
        "extent_of": "_layout",
        "fill": "_fill",
        "plan": "_plan",
        "progress_for": "_progress",
        "rich_progress": "_progress",
        "run": "_run",
    },
)
