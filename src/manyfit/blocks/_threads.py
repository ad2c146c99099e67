"""Blocks in a pool of threads: the default."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from manyfit.blocks._plan import Block
from manyfit.blocks._run import window

R = TypeVar("R")


def cpu_count() -> int:
    """How many CPUs this process may use, which on a shared machine is fewer than there are."""
    if sys.version_info >= (3, 13):
        return os.process_cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass(frozen=True)
class Threads:
    """Blocks in `n_workers` threads; compiled kernels run at the same time because they release the GIL.

    A kernel uses one thread for its block, so as many workers as CPUs is right. At most twice as many blocks
    are in flight.
    """

    n_workers: int = field(default_factory=cpu_count)

    def results(self, blocks: Sequence[Block], work: Callable[[Block], R]) -> Generator[tuple[Block, R], None, None]:
        """Each block with its result, in order of completion."""
        pool = ThreadPoolExecutor(self.n_workers, thread_name_prefix="manyfit")
        try:
            yield from window(blocks, lambda block: pool.submit(work, block), 2 * self.n_workers)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
