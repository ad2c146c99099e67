"""From the user's `scheduler=` to an executor."""

from __future__ import annotations

import sys
from typing import Any

from manyfit.blocks._dask import DaskClient
from manyfit.blocks._processes import Processes
from manyfit.blocks._run import Executor
from manyfit.blocks._serial import Serial
from manyfit.blocks._threads import Threads, cpu_count
from manyfit.errors import InputError, InputTypeError, unknown_name

_KINDS = {
    "serial": "serial",
    "sync": "serial",
    "synchronous": "serial",
    "single-threaded": "serial",
    "threads": "threads",
    "threading": "threads",
    "processes": "processes",
    "multiprocessing": "processes",
    "distributed": "client",
    "dask.distributed": "client",
    "default": "default",
}


def executor_for(scheduler: object = None, workers: int | None = None) -> Executor:
    """The executor that a `scheduler=` means.

    Parameters
    ----------
    scheduler
        ``None``: threads. A name that dask knows: 'synchronous' or 'single-threaded' (here also 'serial'),
        'threads' or 'threading', 'processes' or 'multiprocessing', 'distributed' (the current client).
        'default': what dask would use, that is its configured scheduler, else the current client, else
        threads. A ``distributed.Client``. An executor of this package.
    workers
        Number of threads or processes. Default: the CPUs that this process may use. A dask cluster has its
        own.

    Raises
    ------
    InputError
        For an unknown name, no client where one is meant, or a number of workers below 1.
    InputTypeError
        For an object of another kind.

    Examples
    --------
    >>> executor_for("threads", workers=2), executor_for("synchronous")
    (Threads(n_workers=2), Serial())
    """
    if workers is not None and workers < 1:
        raise InputError(f"workers is {workers}; give 1 or more.")
    if scheduler is None:
        return Threads(workers or cpu_count())
    if isinstance(scheduler, str):
        return _named(scheduler, workers)
    if isinstance(scheduler, Executor):
        return scheduler
    if _is_client(scheduler):
        return DaskClient(scheduler)
    raise InputTypeError(
        f"scheduler is a {type(scheduler).__name__}; give a distributed.Client or one of the names "
        f"{', '.join(map(repr, _KINDS))}."
    )


def _named(name: str, workers: int | None) -> Executor:
    match _KINDS.get(name.lower()):
        case "serial":
            return Serial()
        case "threads":
            return Threads(workers or cpu_count())
        case "processes":
            return Processes(workers or cpu_count())
        case "client":
            return _distributed()
        case "default":
            return _dask_default(workers)
    raise unknown_name("scheduler", name, _KINDS)


def _distributed() -> DaskClient:
    client = _current_client()
    if client is None:
        raise InputError("scheduler is 'distributed' and there is no client; make a distributed.Client first.")
    return DaskClient(client)


def _dask_default(workers: int | None) -> Executor:
    import dask

    configured = dask.config.get("scheduler", None)
    if configured not in (None, "default"):
        return executor_for(configured, workers)
    client = _current_client()
    if client is not None:
        return DaskClient(client)
    return Threads(workers or dask.config.get("num_workers", None) or cpu_count())


def _current_client() -> Any:
    """The client that dask would use. There is none in a process that has not imported distributed."""
    if "distributed" not in sys.modules:
        return None
    try:
        return sys.modules["distributed"].Client.current()
    except ValueError:
        return None


def _is_client(thing: object) -> bool:
    return "distributed" in sys.modules and isinstance(thing, sys.modules["distributed"].Client)
