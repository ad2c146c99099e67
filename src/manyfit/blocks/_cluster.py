"""A dask client from what a user types: the address of a scheduler, or a number of workers on this machine."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from manyfit.blocks._dask_workers import check_workers
from manyfit.blocks._threads import cpu_count
from manyfit.errors import ClusterLost, InputError

CONNECT_SECONDS = 10.0
WORKER_SECONDS = 60.0  # a scheduler is often there before its workers


@contextmanager
def client_at(address: str, workers: int | None = None) -> Generator[Any]:
    """A client of the scheduler at an address, when it has workers with this version of manyfit.

    Parameters
    ----------
    address
        Such as ``tcp://host:8786``.
    workers
        How many workers to wait for. Default: the first.

    Raises
    ------
    ClusterLost
        There is no scheduler within 10 s, or not enough workers within a minute.
    InputError
        The address is none, or a worker has another version of manyfit.
    """
    Client = _distributed().Client
    try:
        client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except OSError as error:
        raise ClusterLost(
            f"there is no dask scheduler at {address} within {CONNECT_SECONDS:.0f} s ({error}). Check the address, "
            "and that this machine can reach it."
        ) from error
    except ValueError as error:
        raise InputError(f"{address!r} is no address of a dask scheduler: {error}. One is tcp://HOST:8786.") from error
    with client:
        _wait_for_workers(client, workers or 1)
        check_workers(client)
        yield client


@contextmanager
def local_client(workers: int | None = None) -> Generator[Any]:
    """A client of worker processes on this machine, of one thread each, by default one for each CPU."""
    distributed = _distributed()
    options = {"threads_per_worker": 1, "processes": True, "dashboard_address": ":0"}
    with (
        distributed.LocalCluster(n_workers=workers or cpu_count(), **options) as cluster,
        distributed.Client(cluster, set_as_default=False, direct_to_workers=True) as client,
    ):
        yield client


def _wait_for_workers(client: Any, count: int) -> None:
    try:
        client.wait_for_workers(count, timeout=WORKER_SECONDS)
    except TimeoutError as error:
        raise ClusterLost(
            f"the dask scheduler {client.scheduler.address} has {len(client.nthreads())} of {count} workers after "
            f"{WORKER_SECONDS:.0f} s. Start them with: dask worker {client.scheduler.address}"
        ) from error


def _distributed() -> Any:
    try:
        import distributed
    except ImportError as error:
        raise InputError('a dask cluster needs the package distributed: pip install "manyfit[distributed]"') from error
    return distributed
