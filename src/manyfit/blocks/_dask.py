"""Blocks on a dask cluster."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from manyfit.blocks._dask_tasks import Killed, Pace, finished_tasks, is_connected, threads_of, wait_for_scheduler
from manyfit.blocks._dask_workers import check_workers, named
from manyfit.blocks._plan import Block
from manyfit.blocks._worker import pickled_size
from manyfit.errors import ClusterLost, InputError

R = TypeVar("R")
T = TypeVar("T")

MOST_KEPT = 4 * 2**20  # bytes of work that the scheduler keeps; above 10 MB dask warns
ATTEMPTS = 3  # in a row without one block done, then there is no use in another


@dataclass(frozen=True)
class DaskClient:
    """Blocks as tasks of a `distributed.Client`, which stays open.

    `work` travels to the cluster once, and again to workers that take the place of lost ones. A task is about a second
    of blocks, 16 at most and fewer towards the end, and has a unique name, so that runs may share a client. At most two
    tasks for each thread of the cluster are in flight, also of threads that join later.
    A kernel uses one thread for its block, so workers need no other limit on their threads. Data in memory
    travel with the work: for large ones, give a path or a zarr array that the workers can read.

    Lost workers are left to dask. If the scheduler is lost and comes back at its address, with workers, within half a
    minute, the run goes on with the blocks whose results have not arrived.

    Raises
    ------
    InputError
        For an asynchronous client, and for workers that have no manyfit, or another version of it.
    ClusterLost
        The scheduler is gone, or a block ended several workers one after the other.
    """

    client: Any

    def __post_init__(self) -> None:
        if self.client.asynchronous:
            raise InputError("the dask client is asynchronous; give one made with asynchronous=False.")

    @property
    def n_workers(self) -> int:
        """Threads of the cluster at this moment."""
        return max(1, threads_of(self.client))

    def results(self, blocks: Sequence[Block], work: Callable[[Block], R]) -> Generator[tuple[Block, R], None, None]:
        """Each block with its result, in order of completion."""
        left = {block.index: block for block in blocks}
        pace, fruitless = Pace(), 0
        while left:
            before = len(left)
            try:
                for block, result in self._attempt(tuple(left.values()), work, pace):
                    del left[block.index]
                    yield block, result
            except Killed as error:
                if pace.most == 1:
                    raise ClusterLost(
                        f"several workers died one after the other while they had a certain block ({error}). Often it "
                        "is a lack of memory: give fewer threads for each worker or a smaller memory budget."
                    ) from error
                pace.most = 1  # one block a task shows which
            except ClusterLost:
                fruitless = fruitless + 1 if len(left) == before else 0
                if fruitless == ATTEMPTS or not wait_for_scheduler(self.client):
                    raise

    def _attempt(self, blocks: tuple[Block, ...], work: Callable[[Block], R], pace: Pace) -> Iterator[tuple[Block, R]]:
        """As many of the blocks as are done before something is lost."""
        check_workers(self.client)
        remote = self._sent(work)
        try:
            for batch, (results, seconds) in finished_tasks(self.client, manyfit_blocks, remote, blocks, pace):
                pace.learn(len(batch), seconds)
                yield from zip(batch, results, strict=True)
        finally:
            if is_connected(self.client):
                remote.release()

    def _sent(self, work: Callable[[Block], R]) -> Any:
        """The work as a future on the cluster.

        The scheduler keeps small work, and gives it again when the workers that had it are lost. Large work, with data
        in memory, goes past the scheduler to every worker, and is sent again when all of them are lost.
        """
        if pickled_size(work) < MOST_KEPT:
            return self.client.submit(_itself, work, pure=False)
        return self.client.scatter(work, hash=False, broadcast=True)


def _itself(work: T) -> T:
    return work


def manyfit_blocks(work: Callable[[Block], R], batch: tuple[Block, ...]) -> tuple[list[R], float]:
    """One task: results and seconds. The dashboard of dask shows it under this name."""
    start = time.perf_counter()
    try:
        return [work(block) for block in batch], time.perf_counter() - start
    except OSError as error:
        raise named(error) from None
