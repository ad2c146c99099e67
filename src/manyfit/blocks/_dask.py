"""Blocks on a dask cluster."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

from manyfit.blocks._plan import Block
from manyfit.blocks._run import window
from manyfit.blocks._worker import pickled_size
from manyfit.errors import InputError

R = TypeVar("R")
T = TypeVar("T")

# Handing a task over takes dask milliseconds, as long as a block: a task is several blocks of fast work.
TASK_SECONDS = 0.2
MOST_BLOCKS = 16  # in a task, so that progress stays fine-grained and the results of a task small
MOST_KEPT = 4 * 2**20  # bytes of work that the scheduler keeps; above 10 MB dask warns
TASKS_PER_WORKER = 8  # at least, so that the workers end at about the same time


@dataclass(frozen=True)
class DaskClient:
    """Blocks as tasks of a `distributed.Client`, which stays open.

    `work` travels to the cluster once, and again to workers that take the place of lost ones. A task is a fifth of a
    second of blocks, 16 at most, and has a unique name, so that runs may share a client. At most two tasks for each
    thread of the cluster are in flight.
    A kernel uses one thread for its block, so workers need no other limit on their threads. Data in memory
    travel with the work: for large ones, give a path or a zarr array that the workers can read.

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

    def results(self, blocks: Sequence[Block], work: Callable[[Block], R]) -> Generator[tuple[Block, R], None, None]:
        """Each block with its result, in order of completion."""
        n_workers = self.n_workers
        most = max(1, min(MOST_BLOCKS, len(blocks) // (TASKS_PER_WORKER * n_workers)))
        size = 1

        def batches() -> Iterator[tuple[Block, ...]]:
            rest = iter(blocks)
            while batch := tuple(islice(rest, size)):
                yield batch

        remote = self._sent(work)
        pool = self.client.get_executor(pure=False)
        tasks = window(batches(), lambda batch: pool.submit(manyfit_blocks, remote, batch), 2 * n_workers)
        try:
            for batch, (results, seconds) in tasks:
                size = max(1, min(most, int(TASK_SECONDS * len(batch) / max(seconds, 1e-6))))
                yield from zip(batch, results, strict=True)
        finally:
            pool.shutdown(wait=False)
            remote.release()

    def _sent(self, work: Callable[[Block], R]) -> Any:
        """The work as a future on the cluster.

        The scheduler keeps small work, and gives it again when the workers that had it are lost. Large work, with data
        in memory, goes past the scheduler to every worker, and is lost with all of them only.
        """
        if pickled_size(work) < MOST_KEPT:
            return self.client.submit(_itself, work, pure=False)
        return self.client.scatter(work, hash=False, broadcast=True)


def _itself(work: T) -> T:
    return work


def manyfit_blocks(work: Callable[[Block], R], batch: tuple[Block, ...]) -> tuple[list[R], float]:
    """One task: results and seconds. The dashboard of dask shows it under this name."""
    start = time.perf_counter()
    return [work(block) for block in batch], time.perf_counter() - start
