"""`manyfit.fit`: one model, every element of N-D data."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from manyfit.errors import InputError, ModelNotCompiled, StartWarning
from manyfit.kernels import Formula, Options, Solution, prepare
from manyfit.models import formula as formula_of

from ._fallback import fallback_work, solve_by_fitter, warn_of_fallback, where_to_fit
from ._fitter_work import tied_of
from ._keep import checked_keep
from ._lazy_run import lazy_solution
from ._parameters import Parameters
from ._problem import Problem, problem
from ._result import FitResult
from ._run import Where, solve
from ._selection import numbers, only, selection_of, spread, where_of
from ._work import Columns, KernelWork, is_weighted

if TYPE_CHECKING:
    from astropy.modeling import Model


def fit(
    model: Model,
    data: Any,
    *,
    fitting_axes: int | str | tuple[int | str, ...] = 0,
    world: Any = None,
    uncertainty: Any = None,
    weights: Any = None,
    mask: Any = None,
    data_unit: Any = None,
    bounds: Mapping[str, tuple[Any, Any]] | None = None,
    select: Any = None,
    equivalencies: Any = None,
    statistic: str = "chi2",
    precision: str = "float64",
    max_iterations: int = 100,
    tolerance: float = 2e-7,
    scheduler: Any = None,
    workers: int | None = None,
    memory: int | None = None,
    progress: bool | Callable[[int, int], None] | None = None,
    compute: bool = True,
    store: str | Path | None = None,
    keep: str | Iterable[str] = (),
) -> FitResult:
    r"""Fit a model to every element of N-D data.

    The axes of the data are divided into *fitting axes*, along which the model is fitted, and *iterating axes*: each
    position along these is one element with a fit of its own.

    Parameters
    ----------
    model
        astropy model with one output, with or without units. Its parameters are the start values: numbers, or arrays
        that broadcast to the iterating shape. ``fixed``, ``tied`` and ``bounds`` are honoured.
    data
        Path of a FITS or zarr file, HDU, array (NumPy, dask, zarr, masked, memory-mapped), Quantity, xarray
        DataArray, NDData, NDCube or SpectralCube. NaN and infinity mean masked.
    fitting_axes
        Axis or axes of the data, in the order of the inputs of the model; negative ones count from the end.
    world
        Coordinates along the fitting axes: a WCS (any APE 14 object), an array or a tuple of arrays, one for each
        fitting axis, of one dimension or of any shape that broadcasts to the data. Default: what comes with the data,
        else pixel indices.
    uncertainty
        Standard deviations (or ``NDUncertainty``) that broadcast to the data. Errors of the parameters are then
        absolute.
    weights
        Factors on the residuals, as in astropy's fitters; errors stay relative to the scatter of the residuals.
    mask
        True where data are bad; broadcasts to the data.
    data_unit
        Unit of the data, if it brings none.
    bounds
        ``{name: (lower, upper)}`` in place of the model's: numbers, Quantities, arrays that broadcast to the iterating
        shape, or None.
    select
        True for the elements to be fitted; broadcasts to the iterating shape. The others are not read: they are NaN
        with the status ``NOT_FITTED``.
    equivalencies
        Equivalencies to convert `world` to the units of the model.
    statistic
        ``"chi2"``, :math:`\sum w (f - y)^2`, or ``"cash"`` for counts, :math:`2 \sum (f - y \ln f)` (Cash 1979);
        values below zero are no counts and are left out.
    precision
        ``"float64"``, or ``"mixed"``: iterations in float32, finished in float64 to the same answer.
    max_iterations
        Largest number of evaluations of the model for one element.
    tolerance
        How far from the minimum to stop, in standard deviations of the parameters.
    scheduler
        ``"threads"`` (default), ``"serial"``, ``"processes"``, ``"default"`` for dask's current one, or a
        ``distributed.Client``.
    workers
        Number of threads or processes. Default: one for each core.
    memory
        Bytes that blocks in work may take together. Default: 64 MiB for each worker.
    progress
        True for a progress bar, or a callable ``progress(done, total)``.
    compute
        False gives the same result lazily: its maps are dask arrays.
    store
        Path, or URL that fsspec knows (``s3://...``), of a zarr group to which results are written block by block. The
        result has dask arrays that read it, as `FitResult.open` gives. A run that was ended, however, goes on where it
        was when the same call is repeated, and gives the same numbers as one that was not.
    keep
        ``"model"``, ``"residual"`` or both: values of the fitted models, and data minus model, go to the store in the
        shape of the data. `FitResult.evaluate` and `FitResult.residual` of an opened store then read them.

    Returns
    -------
    FitResult
        Maps of parameters, errors, statistic and status. An element that cannot be fitted is NaN and has a status;
        it never stops the run.

    Raises
    ------
    InputError, InputTypeError
        For input that cannot be fitted as given, or a store of another fit; the text says what is accepted.
    OutputExists
        `store` is there and is none.

    Examples
    --------
    >>> import numpy as np
    >>> from astropy.modeling.models import Gaussian1D
    >>> x = np.arange(40.0)
    >>> centres = np.array([[12.0, 18.0], [20.0, 25.0]])
    >>> data = 3.0 * np.exp(-0.5 * ((x[:, None, None] - centres) / 2.5) ** 2)
    >>> result = fit(Gaussian1D(amplitude=1, mean=20, stddev=4), data, fitting_axes=0)
    >>> result["mean"].round(4).tolist()
    [[12.0, 18.0], [20.0, 25.0]]
    """
    options = Options(statistic, precision, max_iterations, tolerance)
    where = Where(scheduler, workers, memory, None, progress)
    the_problem = problem(
        model,
        data,
        fitting_axes=fitting_axes,
        world=world,
        uncertainty=uncertainty,
        weights=weights,
        mask=mask,
        data_unit=data_unit,
        equivalencies=equivalencies,
        bounds=bounds,
    )
    _warn_of_starts(the_problem)
    kept = checked_keep(keep)
    if store is None and kept:
        raise InputError("keep needs a store: give store=PLACE, or use result.evaluate() and result.residual().")
    if store is not None:
        _check_store(compute=compute)
        chosen = None if select is None else where_of(select, the_problem.shape)
        return fit_problem(the_problem, options, where, store=store, select=chosen, keep=kept)
    selection = None if select is None else selection_of(select, the_problem)
    if selection is None:
        return fit_problem(the_problem, options, where, compute=compute)
    part = fit_problem(only(the_problem, selection), options, where, compute=compute)
    index = numbers(selection)
    return replace(
        part,
        parameters=spread(part.parameters, selection, the_problem),
        wcs=the_problem.wcs,
        problem=the_problem,
        tracebacks={int(index[i]): text for i, text in part.tracebacks.items()},
    )


def fit_problem(
    problem: Problem,
    options: Options,
    where: Where,
    *,
    compute: bool = True,
    store: str | Path | None = None,
    select: NDArray[np.bool] | None = None,
    keep: tuple[str, ...] = (),
) -> FitResult:
    """Fit a problem with its kernel, or through astropy and SciPy if the model cannot be compiled.

    `select` is for a store: True for the elements that go there. So is `keep`, of what is stored beside parameters.
    """
    if options.statistic == "cash" and problem.tiles.weighting is not None:
        raise InputError(
            'statistic="cash" takes the noise from the counts themselves. Leave out uncertainty and weights, or '
            'use statistic="chi2".'
        )
    options = replace(options, absolute_sigma=problem.absolute_sigma or options.statistic == "cash")
    where = replace(where, waits=problem.tiles.waits or "://" in str(store))
    started = time.perf_counter()
    formula: Formula | None = None
    try:
        formula = formula_of(problem.model)
    except ModelNotCompiled as reason:
        warn_of_fallback(reason, stacklevel=3)
    if store is not None:
        stored = _into_store(store, problem, formula, options, where, select, keep)
        return replace(stored, template=problem.model, wcs=problem.wcs, problem=problem)
    tracebacks: dict[int, str] = {}
    if formula is None:
        parameters, tracebacks = _by_fitter(problem, options, where, compute=compute)
    else:
        parameters = _by_kernel(problem, formula, options, where, compute=compute)
    seconds = time.perf_counter() - started if compute else None
    return FitResult(parameters, problem.model, problem.units, options, problem.wcs, seconds, problem, tracebacks)


def _by_kernel(problem: Problem, formula: Formula, options: Options, where: Where, *, compute: bool) -> Parameters:
    work = _kernel_work(problem, formula, options, where)
    n_free = len(formula.free)
    solution = solve(problem, work, n_free, where) if compute else lazy_solution(problem, work, n_free, where)
    return replace(_parameters(problem, work.columns, solution, options), tied=dict(formula.tied))


def _kernel_work(problem: Problem, formula: Formula, options: Options, where: Where) -> KernelWork:
    """The work with its kernel, which is compiled by now."""
    prepare(formula, options, weighted=is_weighted(problem.tiles))
    return KernelWork(problem.tiles, formula, Columns.of(problem.model), options, where.cores)


def _into_store(
    store: str | Path,
    problem: Problem,
    formula: Formula | None,
    options: Options,
    where: Where,
    select: NDArray[np.bool] | None,
    keep: tuple[str, ...],
) -> FitResult:
    from ._store import fit_into
    from ._store_read import result_of

    if formula is None:
        by_fitter = fallback_work(problem, Columns.of(problem.model), options)
        where = where_to_fit(problem, by_fitter, where)
        return result_of(fit_into(store, problem, by_fitter, options, where, select=select, keep=keep))
    by_kernel = _kernel_work(problem, formula, options, where)
    return result_of(fit_into(store, problem, by_kernel, options, where, formula, select=select, keep=keep))


def _check_store(*, compute: bool) -> None:
    if not compute:
        raise InputError("compute=False and store were given. A store is written at once: leave one of them out.")


def _by_fitter(problem: Problem, options: Options, where: Where, *, compute: bool) -> tuple[Parameters, dict[int, str]]:
    if not compute:
        raise InputError(
            "compute=False needs a model that compiles; see manyfit.models.explain(model). Leave it out, or fit "
            "the data in parts."
        )
    columns = Columns.of(problem.model)
    outcome = solve_by_fitter(problem, fallback_work(problem, columns, options), where)
    parameters = _parameters(problem, columns, outcome.solution, options)
    return replace(parameters, stored=tied_of(outcome, parameters)), outcome.errors


def _parameters(problem: Problem, columns: Columns, solution: Solution, options: Options) -> Parameters:
    starts = problem.tiles.start.arrays
    fixed = {name: starts[columns.names.index(name)] for name in columns.fixed}
    return Parameters(columns, solution, fixed, {}, options.absolute_sigma)


def _warn_of_starts(problem: Problem) -> None:
    tiles = problem.tiles
    each = zip(problem.model.param_names, tiles.start.arrays, tiles.lower.arrays, tiles.upper.arrays, strict=True)
    free = Columns.of(problem.model).free
    moved = [name for name, start, low, high in each if name in free and np.any((start < low) | (start > high))]
    if moved:
        warnings.warn(
            f"Start values of {', '.join(map(repr, moved))} are outside of their bounds; they are moved to the nearest "
            "bound. Give start values within the bounds.",
            StartWarning,
            stacklevel=3,
        )
