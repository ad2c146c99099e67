"""The seam between a plan and the place where it runs."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future
from contextlib import closing
from itertools import islice
from queue import SimpleQueue
from typing import Protocol, TypeVar, runtime_checkable

from manyfit.blocks._plan import Block, Plan

T = TypeVar("T")
R = TypeVar("R")


@runtime_checkable
class Executor(Protocol):
    """Where blocks are fitted.

    An executor is a value: it holds no threads, processes or connections of its own between two runs.
    """

    @property
    def n_workers(self) -> int:
        """How many blocks are fitted at the same time."""

    def results(self, blocks: Sequence[Block], work: Callable[[Block], R]) -> Generator[tuple[Block, R], None, None]:
        """Each block with its result, in order of completion.

        Closing the generator cancels the blocks that were not started. When it has ended,
        for whatever reason, nothing of the run is left behind.
        """


def run(
    plan: Plan,
    work: Callable[[Block], R],
    *,
    collect: Callable[[Block, R], None],
    executor: Executor,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Do the work for each block of a plan and collect the results.

    The results that wait to be collected are bounded in number: workers wait for a slow `collect`.
    An exception in `work`, `collect` or `progress`, or Ctrl-C, cancels the blocks not yet started, lets the
    running ones end, and propagates.

    Parameters
    ----------
    plan
        What to do.
    work
        Called once for each block, in a worker. For processes and dask it must be picklable.
    collect
        Called with each block and its result in the calling thread, in any order of blocks.
    executor
        Where to do it.
    progress
        Called as ``progress(done, total)``, in elements, at the start and after each block. Default: silent.

    Examples
    --------
    >>> from manyfit.blocks import Serial, plan, run
    >>> sizes = {}
    >>> run(
    ...     plan((2, 600), bytes_per_element=8, max_elements=600),
    ...     lambda block: block.n_elements,
    ...     collect=lambda block, n: sizes.update({block.index: n}),
    ...     executor=Serial(),
    ... )
    >>> sizes
    {0: 300, 1: 300, 2: 300, 3: 300}
    """
    done, total = 0, plan.n_elements
    if progress is not None:
        progress(done, total)
    with closing(executor.results(plan.blocks, work)) as results:
        for block, result in results:
            collect(block, result)
            done += block.n_elements
            if progress is not None:
                progress(done, total)


def window(pieces: Iterable[T], submit: Callable[[T], Future[R]], limit: int) -> Generator[tuple[T, R], None, None]:
    """Each piece of work with its result, with at most `limit` of them submitted and not yet handed on."""
    waiting = iter(pieces)
    pending: dict[Future[R], T] = {}
    finished: SimpleQueue[Future[R]] = SimpleQueue()  # costs a tenth of what `concurrent.futures.wait` does

    def start(count: int) -> None:
        for piece in islice(waiting, count):
            future = submit(piece)
            pending[future] = piece
            future.add_done_callback(finished.put)

    start(limit)
    while pending:
        future = finished.get()
        piece = pending.pop(future)
        start(1)
        yield piece, future.result()
