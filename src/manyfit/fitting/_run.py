"""Fit all blocks of a problem and put the results together."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, TypeVar

from manyfit.blocks import Block, Plan, Serial, Threads, executor_for, plan, progress_for, run
from manyfit.blocks._plan import MEMORY_BYTES
from manyfit.kernels import Solution

from ._overlap import Cores, in_flight
from ._problem import Problem, bytes_per_element
from ._room import check_results

if TYPE_CHECKING:
    from manyfit.blocks import Executor

R = TypeVar("R")

#: Blocks of data that are waited for are up to so many times larger, if memory allows: the fewer requests, the better.
LARGER = 16


@dataclass(frozen=True)
class Where:
    """Where and in what portions to fit.

    Attributes
    ----------
    scheduler
        None or ``"threads"``, ``"serial"``, ``"processes"``, ``"default"``, a dask scheduler's name or a
        ``distributed.Client``.
    workers
        Number of threads or processes; None for one for each core.
    memory
        Bytes that all blocks in work may take together, None for 64 MiB for each worker.
    max_elements
        Most elements of a block, None for no limit.
    progress
        True for a bar, or a callable ``progress(done, total)``.
    waits
        Whether reading or writing takes time in which other blocks can be fitted.
    """

    scheduler: Any = None
    workers: int | None = None
    memory: int | None = None
    max_elements: int | None = None
    progress: bool | Callable[[int, int], None] | None = None
    waits: bool = False

    @property
    def executor(self) -> Executor:
        """What runs the blocks: more threads than cores if some of them wait."""
        executor = executor_for(self.scheduler, self.workers)
        if self.waits and isinstance(executor, Threads):
            return Threads(in_flight(executor.n_workers))
        return executor

    @property
    def cores(self) -> Cores | None:
        """How many threads may compute at the same time; None if that is all of them."""
        executor = executor_for(self.scheduler, self.workers)
        return Cores(executor.n_workers) if self.waits and isinstance(executor, Threads) else None

    def plan(self, problem: Problem, n_workers: int, times: int = 1, beside: int = 0) -> Plan:
        """The blocks of a problem, so many times larger than suits the cache, but within the memory.

        Each element takes as many bytes `beside` what it takes to be fitted.
        """
        memory = n_workers * MEMORY_BYTES if self.memory is None else self.memory
        times = max(times, LARGER) if self.waits else times
        return plan(
            problem.shape,
            bytes_per_element=max(1, (bytes_per_element(problem) + beside) // times),
            memory=int(memory) // times or int(memory),
            n_workers=n_workers,
            chunks=problem.native_chunks,
            max_elements=self.max_elements,
        )


def solve(
    problem: Problem,
    work: Callable[[Block], Solution],
    n_free: int,
    where: Where,
) -> Solution:
    """Fit every element of a problem.

    Parameters
    ----------
    problem
        Data and model.
    work
        Fits one block.
    n_free
        Number of free parameters.
    where
        Executor, memory and progress.

    Returns
    -------
    Solution
        Its arrays have the iterating shape, followed by that of the single results.

    Raises
    ------
    InputError
        They take more memory than there is.
    """
    check_results(math.prod(problem.shape), n_free)
    total = shaped(Solution.empty(math.prod(problem.shape), n_free), problem.shape)
    run_blocks(problem, work, lambda block, part: put(total, block, part), where)
    return total


def run_blocks(problem: Problem, work: Callable[[Block], R], collect: Callable[[Block, R], None], where: Where) -> None:
    """Do the work for all blocks of a problem and collect the results, in any order."""
    run_plan(where.plan(problem, where.executor.n_workers), work, collect, where)


def run_plan(plan: Plan, work: Callable[[Block], R], collect: Callable[[Block, R], None], where: Where) -> None:
    """Do the work for the blocks of a plan; those that it leaves out count as done."""
    executor = where.executor
    if isinstance(executor, Threads) and len(plan.blocks) == 1:
        executor = Serial()  # to start threads would take longer than a small fit
    total = math.prod(plan.shape)
    before = total - plan.n_elements
    with progress_for(where.progress) as report:
        count = None if report is None else (lambda done, _: report(before + done, total))
        run(plan, work, collect=collect, executor=executor, progress=count)


def put(total: Solution, block: Block, part: Solution) -> None:
    """Put the results of a block in their place."""
    for field in fields(Solution):
        values = getattr(part, field.name)
        getattr(total, field.name)[block.slices] = values.reshape(block.shape + values.shape[1:])


def shaped(solution: Solution, shape: tuple[int, ...]) -> Solution:
    """The same results with the elements laid out along the iterating axes."""
    arrays = {field.name: getattr(solution, field.name) for field in fields(Solution)}
    return Solution(**{name: values.reshape(shape + values.shape[1:]) for name, values in arrays.items()})
