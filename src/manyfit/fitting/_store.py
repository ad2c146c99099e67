"""A fit whose results go to a store block by block, and which goes on where an earlier one ended."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyfit.blocks import BlockStore, Layout, extent_of, fill, progress_for
from manyfit.kernels import Formula, Options

from ._exports import dims_of
from ._fitter_work import FitterWork
from ._keep import KeepWork, kept_fields
from ._manifest import manifest
from ._problem import Problem
from ._run import Where
from ._selected_work import SelectedWork
from ._store_work import ParametersOf, StoreWork, fields_of
from ._work import Columns, KernelWork

#: Blocks are so many times larger than suits the cache: each costs eight files, or requests.
TIMES = 4


def fit_into(
    place: str | Path,
    problem: Problem,
    work: KernelWork | FitterWork,
    options: Options,
    where: Where,
    formula: Formula | None = None,
    *,
    select: NDArray[np.bool] | None = None,
    keep: tuple[str, ...] = (),
) -> BlockStore:
    """Fit what a store does not have yet.

    Parameters
    ----------
    place
        Path or URL of the store.
    problem
        What to fit.
    work
        Fits one block.
    options
        How.
    where
        Executor and progress; memory counts for a new store.
    formula
        The compiled model; None for one that is fitted through astropy.
    select
        True for the elements of the iterating shape that are fitted, None for all.
    keep
        What else is stored: ``"model"``, ``"residual"``.

    Raises
    ------
    InputError
        The store is of another fit, or workers cannot write to it.
    """
    if select is not None and select.all():
        select = None
    description = manifest(problem, options, formula, select, keep)
    columns = Columns.of(problem.model)
    store = BlockStore.make(place, _layout(problem, columns, description, where, keep), description)
    tied: Mapping[str, Any] = {} if formula is None else dict(formula.tied)
    if select is not None:
        store.leave_out(block for block in store.plan.blocks if not select[block.slices].any())
    parameters = ParametersOf(columns, tied, options.absolute_sigma)
    kept = KeepWork(work, keep, parameters) if keep else work
    chosen = kept if select is None else SelectedWork(kept, select)
    with progress_for(where.progress) as progress:
        fill(store, StoreWork(chosen, parameters, problem.tiles.start), executor=where.executor, progress=progress)
    return store


def _layout(
    problem: Problem, columns: Columns, description: Mapping[str, Any], where: Where, keep: tuple[str, ...]
) -> Layout:
    beside = (len(keep) + 2) * 8 * problem.n_points if keep else 0  # and what is made on the way
    plan = where.plan(problem, where.executor.n_workers, TIMES, beside)
    fields = fields_of(columns, description["units"]["parameters"]) | kept_fields(keep, problem)
    return Layout(problem.shape, extent_of(plan, problem.native_chunks), fields, dims_of(problem.wcs, problem.shape))
