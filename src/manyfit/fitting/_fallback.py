"""Fits with an astropy fitter, element by element, for what has no kernel."""

from __future__ import annotations

import math
import pickle
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from manyfit.blocks import Processes, Serial, Threads
from manyfit.kernels import Options

from ..errors import FallbackWarning, InputError
from ._fitter_work import FitterOutcome, FitterWork
from ._least_squares import LeastSquares
from ._problem import Problem
from ._room import check_results
from ._run import Where, put, run_blocks, shaped
from ._work import Columns

if TYPE_CHECKING:
    from manyfit.blocks import Block, Executor

#: A fit takes milliseconds: this many make a block of about a second.
MOST_ELEMENTS = 128
#: The most tracebacks that a run keeps.
MOST_ERRORS = 1000


def fallback_work(problem: Problem, columns: Columns, options: Options) -> FitterWork:
    """The work that fits a problem through astropy and SciPy, one element at a time.

    Raises
    ------
    InputError
        A statistic other than chi2.
    """
    if options.statistic != "chi2":
        raise InputError(
            f"statistic={options.statistic!r} needs a model that compiles; for others there is only least "
            'squares. Use statistic="chi2", or see manyfit.models.explain(model).'
        )
    return FitterWork(problem.tiles, problem.model, columns, LeastSquares(options.max_iterations))


def warn_of_fallback(reason: Exception, stacklevel: int = 2) -> None:
    """Say that a model has no kernel, and why."""
    warnings.warn(
        f"{reason}. It is fitted through astropy and SciPy, one element at a time: slower, the same answer.",
        FallbackWarning,
        stacklevel=stacklevel + 1,
    )


def solve_by_fitter(problem: Problem, work: FitterWork, where: Where) -> FitterOutcome:
    """Fit every element of a problem with an astropy fitter.

    Parameters
    ----------
    problem
        Data and model.
    work
        Fits one block.
    where
        Executor, memory and progress. Without a scheduler: worker processes, for more than one block.

    Returns
    -------
    FitterOutcome
        Its arrays have the iterating shape; errors have the flat index in it.
    """
    check_results(math.prod(problem.shape), len(work.columns.free))
    where = where_to_fit(problem, work, where)
    flat = FitterOutcome.empty(int(np.prod(problem.shape, dtype=int)), work.columns, with_info=bool(work.keep))
    solution = shaped(flat.solution, problem.shape)
    numbers = np.arange(len(flat.tied)).reshape(problem.shape)

    def collect(block: Block, part: FitterOutcome) -> None:
        own = numbers[block.slices].reshape(-1)
        put(solution, block, part.solution)
        flat.tied[own], flat.tied_variance[own] = part.tied, part.tied_variance
        flat.errors.update({int(own[i]): text for i, text in part.errors.items()})
        if flat.info is not None and part.info is not None:
            flat.info[own] = part.info

    run_blocks(problem, work, collect, where)
    shape = (*problem.shape, len(work.columns.tied))
    tied, variance = flat.tied.reshape(shape), flat.tied_variance.reshape(shape)
    first = dict(sorted(flat.errors.items())[:MOST_ERRORS])
    return FitterOutcome(
        solution, tied, variance, first, None if flat.info is None else flat.info.reshape(problem.shape)
    )


def where_to_fit(problem: Problem, work: FitterWork, where: Where) -> Where:
    """The same with small blocks, and worker processes where the user has no wish."""
    where = replace(where, max_elements=where.max_elements or MOST_ELEMENTS)
    return replace(where, scheduler=_executor(problem, work, where))


def _executor(problem: Problem, work: FitterWork, where: Where) -> Executor:
    """The user's executor; by default processes, because the fitters hold the GIL."""
    if where.scheduler is not None:
        return where.executor
    processes = Processes(where.workers) if where.workers else Processes()
    if len(where.plan(problem, processes.n_workers).blocks) < 2:
        return Serial()
    if (reason := _unpicklable(work)) is None:
        return processes
    warnings.warn(
        f"The model or the fitter cannot be sent to worker processes ({reason}): one process does all fits.",
        FallbackWarning,
        stacklevel=5,
    )
    return Threads(1)


def _unpicklable(work: FitterWork) -> str | None:
    """Why the work cannot be sent to other processes; None if it can."""
    import cloudpickle  # type: ignore[import-untyped]

    parts: tuple[Any, ...] = (work.model, work.fitter, dict(work.fitter_kwargs), work.diagnostics)
    try:
        cloudpickle.dumps(parts)
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        return str(error)
    return None
