"""Blocks on a dask cluster."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from manyfit.blocks._plan import Block
from manyfit.blocks._run import window
from manyfit.errors import InputError

R = TypeVar("R")


@dataclass(frozen=True)
class DaskClient:
    """Blocks as tasks of a `distributed.Client`, which stays open.

    `work` travels to the cluster once; each block is a task with a unique name, so any number of runs may
    share a client. At most two blocks for each thread of the cluster are in flight. A kernel uses one thread
    for its block, so workers need no other limit on their threads. Data in memory travel with the work: for
    large ones, give a path or a zarr array that the workers can read.

    Raises
    ------
    InputError
        For an asynchronous client.
    """

    client: Any

    def __post_init__(self) -> None:
        if self.client.asynchronous:
            raise InputError("the dask client is asynchronous; give one made with asynchronous=False.")

    @property
    def n_workers(self) -> int:
        """Threads of the cluster at this moment."""
        return max(1, int(sum(self.client.nthreads().values())))

    def results(
        self, blocks: Iterable[Block], work: Callable[[Block], R]
    ) -> Generator[tuple[Block, R], None, None]:
        """Each block with its result, in order of completion."""
        remote = self.client.scatter(work, hash=False)
        pool = self.client.get_executor(pure=False)
        try:
            yield from window(
                blocks, lambda block: pool.submit(manyfit_block, remote, block), 2 * self.n_workers
            )
        finally:
            pool.shutdown(wait=False)
            remote.release()


def manyfit_block(work: Callable[[Block], R], block: Block) -> R:
    """One task; the dashboard of dask shows it under this name."""
    return work(block)
