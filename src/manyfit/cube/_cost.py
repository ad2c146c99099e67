"""What a fit will cost: numbers and bytes from its plan, seconds measured on a few of its spectra."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from manyfit.blocks import Block, plan
from manyfit.fitting._problem import Problem, bytes_per_element
from manyfit.fitting._selection import only, selection_of
from manyfit.fitting._work import Columns, KernelWork
from manyfit.models import formula

if TYPE_CHECKING:
    from manyfit.cube._task import Task
    from manyfit.fitting._result import FitResult

#: Spectra that are fitted to measure the time of one.
SAMPLE = 256


@dataclass(frozen=True)
class Cost:
    """Shapes and cost of a fit, before anything but a few spectra is fitted.

    Attributes
    ----------
    shape
        Shape of the cube.
    n_spectra
        Number of spectra to be fitted.
    n_parameters
        Free parameters of each.
    n_blocks
        Pieces of work.
    bytes_read
        Bytes of data that will be read.
    bytes_at_once
        Most bytes of one piece of work in memory.
    bytes_of_maps
        Bytes of all maps of the result.
    seconds
        Time of the fit, estimated from `n_measured` of its spectra on one core and the number of workers; without the
        time to read data from a disk.
    n_measured
        Number of spectra that were fitted for it.
    """

    shape: tuple[int, ...]
    n_spectra: int
    n_parameters: int
    n_blocks: int
    bytes_read: int
    bytes_at_once: int
    bytes_of_maps: int
    seconds: float
    n_measured: int

    def __str__(self) -> str:
        """Text of three lines."""
        return (
            f"cube {' x '.join(map(str, self.shape))}: {self.n_spectra} spectra, {self.n_parameters} free parameters\n"
            f"{self.n_blocks} blocks; {_size(self.bytes_read)} to read, {_size(self.bytes_at_once)} in memory for a "
            f"block, {_size(self.bytes_of_maps)} of maps\n"
            f"estimated time: {self.seconds:.2g} s (measured on {self.n_measured} spectra)"
        )


def cost_of(task: Task, lazy: FitResult) -> Cost:
    """The cost of a task.

    Parameters
    ----------
    task
        The fit.
    lazy
        Its result, not computed.
    """
    chosen = _chosen(lazy, task.select)
    workers = task.where.get("workers") or os.cpu_count() or 1
    size = bytes_per_element(chosen)
    blocks = plan(chosen.shape, bytes_per_element=size, memory=task.where.get("memory"), n_workers=workers)
    free = len(lazy.parameters.columns.free)
    n = int(np.count_nonzero(task.select))
    seconds, measured = _measured(task, lazy)
    return Cost(
        shape=task.cube.shape,
        n_spectra=n,
        n_parameters=free,
        n_blocks=len(blocks.blocks),
        bytes_read=n * task.cube.n_channels * chosen.tiles.source.dtype.itemsize,
        bytes_at_once=blocks.bytes_per_block,
        bytes_of_maps=task.select.size * 8 * (free + free * (free + 1) // 2 + 2),
        seconds=seconds * n / min(workers, max(len(blocks.blocks), 1)),
        n_measured=measured,
    )


def _measured(task: Task, lazy: FitResult) -> tuple[float, int]:
    """Seconds for one spectrum on one core, and on how many it was measured: evenly spread over all."""
    places = np.flatnonzero(task.select)
    if not places.size:
        return 0.0, 0
    few = np.zeros(task.select.shape, bool)
    few.reshape(-1)[places[np.linspace(0, places.size - 1, min(SAMPLE, places.size)).astype(np.intp)]] = True
    n = int(np.count_nonzero(few))
    return _seconds(_chosen(lazy, few), lazy) / n, n


def _chosen(lazy: FitResult, select: NDArray[np.bool]) -> Problem:
    problem = lazy.needs_data("The cost of a fit")
    selection = selection_of(select, problem)
    return problem if selection is None else only(problem, selection)


def _seconds(problem: Problem, lazy: FitResult) -> float:
    """Time to read and fit a problem in this thread, the shortest of three; what else the machine does is not in it."""
    work = KernelWork(problem.tiles, formula(problem.model), Columns.of(problem.model), lazy.options)
    block = Block(0, tuple(slice(0, n) for n in problem.shape))
    times = []
    for _ in range(3):
        started = time.thread_time()
        work(block)
        times.append(time.thread_time() - started)
    return min(times)


def _size(n: int) -> str:
    """Bytes in a unit that is read easily.

    >>> _size(5_400_000)
    '5.4 MB'
    """
    value = float(n)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:.3g} TB"
