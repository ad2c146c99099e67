"""`manyfit.parallel_fit_dask`: astropy's call, word for word."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.nddata import support_nddata

from manyfit.errors import FallbackWarning, InputError, InputTypeError, ModelNotCompiled
from manyfit.kernels import Formula, Options, prepare
from manyfit.models import formula as formula_of

from ._diagnostics import Diagnostics, diagnostics_of
from ._fallback import solve_by_fitter
from ._fit_info import names_of, without_records
from ._fitter_work import FitterWork
from ._parameters import Parameters
from ._problem import Problem, problem
from ._run import Where, solve
from ._source import kind_of
from ._work import Columns, KernelWork, is_weighted

if TYPE_CHECKING:
    from astropy.modeling import Model

#: Fitters of astropy whose minimum is that of the weighted squares, so that the kernel finds the same one.
SAME_MINIMUM = (
    "TRFLSQFitter",
    "DogBoxLSQFitter",
    "LMLSQFitter",
    "LevMarLSQFitter",
    "LinearLSQFitter",
    "SLSQPLSQFitter",
    "SimplexLSQFitter",
)
#: Arguments of those fitters that say how to find the minimum, not where it is.
HONOURED = {"maxiter", "acc", "epsilon", "estimate_jacobian", "filter_non_finite"}


@support_nddata(wcs="world", uncertainty="weights", unit="data_unit")  # type: ignore[untyped-decorator]
def parallel_fit_dask(
    *,
    model: Model,
    fitter: Any,
    data: Any,
    data_unit: Any = None,
    weights: Any = None,
    mask: Any = None,
    fitting_axes: int | tuple[int, ...] | None = None,
    world: Any = None,
    chunk_n_max: int | None = None,
    diagnostics: str | None = None,
    diagnostics_path: Any = None,
    diagnostics_callable: Callable[..., Any] | None = None,
    scheduler: Any = None,
    fitter_kwargs: Mapping[str, Any] | None = None,
    preserve_native_chunks: bool = False,
    equivalencies: Any = None,
    fit_info: bool | str | Iterable[str] = False,
) -> Model:
    """Fit a model to every element of N-D data: `astropy.modeling.fitting.parallel_fit_dask`, made fast.

    Call, answers and errors are astropy's; change the import and nothing else. A compiled kernel does the
    fits where it finds the same minimum as the fitter. The fitter itself does them, in worker processes,
    where its own record is asked for (`fit_info`, `diagnostics`), where it is not one of astropy's
    least-squares fitters or has options of its own, and where the model cannot be compiled.

    For errors of the parameters, status and goodness of fit see `manyfit.fit`.

    Parameters
    ----------
    model
        The model to fit; its parameters are the start values, numbers or arrays that broadcast to the
        iterating shape. Fixed, tied and bounded parameters are honoured.
    fitter
        A fitter of ``astropy.modeling.fitting``, or any that is called as one.
    data
        N-D data: NumPy, masked or dask array, Quantity, NDData, and whatever else `manyfit.fit` reads.
    data_unit
        Unit of the data, if they bring none.
    weights
        Factors on the residuals (1 / standard deviation) that broadcast to the data, or an
        ``NDUncertainty``. Points with weight zero are left out.
    mask
        True for points to be left out; broadcasts to the data.
    fitting_axes
        Axis or axes of the data along which to fit, in the order of the inputs of the model.
    world
        A WCS of the data; a tuple of arrays, one for each fitting axis, one-dimensional or broadcastable to
        the data; or None for pixel indices.
    chunk_n_max
        The most fits in one piece of work.
    diagnostics
        None, ``"error"``, ``"error+warn"`` or ``"all"``: for which fits to write a folder.
    diagnostics_path
        Where to write the folders.
    diagnostics_callable
        Called as ``f(folder, world, data, weights, model, fitter_kwargs)`` for each fit that has a folder;
        the model is None after an error.
    scheduler
        None, a name that dask knows, ``"default"`` for dask's current scheduler, or a
        ``distributed.Client``. None is threads for the kernel and processes for a fitter; neither needs a
        guard in the script.
    fitter_kwargs
        Arguments for the fitter.
    preserve_native_chunks
        Require that the chunks of a dask array can be fitted as they are.
    equivalencies
        Equivalencies for the conversion of the world to the units of the model.
    fit_info
        True, or names of entries: ``fitter.fit_info`` is then an
        ``astropy.modeling.fitting.FitInfoArrayContainer`` of the iterating shape. With False it is not
        changed.

    Returns
    -------
    astropy.modeling.Model
        The model with parameters of the iterating shape, NaN where there is no fit.

    Raises
    ------
    InputError, InputTypeError
        Input that cannot be fitted as given (these are ``ValueError`` and ``TypeError``).

    Examples
    --------
    >>> import numpy as np
    >>> from astropy.modeling.fitting import TRFLSQFitter
    >>> from astropy.modeling.models import Linear1D
    >>> data = np.arange(5)[:, None] * np.array([1.0, 2.0, 3.0])
    >>> fitted = parallel_fit_dask(model=Linear1D(), fitter=TRFLSQFitter(), data=data, fitting_axes=0)
    >>> fitted.slope.value.round(6).tolist()
    [1.0, 2.0, 3.0]
    """
    options = dict(fitter_kwargs or {})
    keep = names_of(fit_info)
    the_problem = problem(
        model,
        data,
        fitting_axes=fitting_axes,
        world=world,
        weights=weights,
        mask=mask,
        data_unit=data_unit,
        equivalencies=equivalencies,
        strict=True,
    )
    written = diagnostics_of(diagnostics, diagnostics_path, diagnostics_callable, the_problem.shape, options)
    if preserve_native_chunks:
        _check_chunks(data, weights, the_problem.axes.fitting)
    where = Where(scheduler, max_elements=chunk_n_max)
    if keep is False and written is None and _same_minimum(fitter, options, model):
        formula = _formula(the_problem)
        if formula is not None and (formula.is_linear or type(fitter).__name__ != "LinearLSQFitter"):
            return the_problem.restore(_by_kernel(the_problem, formula, options, where))
    return the_problem.restore(_by_fitter(the_problem, fitter, options, keep, written, where))


def _check_chunks(data: Any, weights: Any, fitting_axes: tuple[int, ...]) -> None:
    if not kind_of(data, "dask", "Array"):
        raise InputTypeError(
            f"Can only set preserve_native_chunks=True if input data is a dask array; got {type(data).__name__}."
        )
    if weights is not None and not kind_of(weights, "dask", "Array"):
        raise InputTypeError(
            "Can only set preserve_native_chunks=True if input weights is a dask array (if specified); "
            f"got {type(weights).__name__}."
        )
    if any(data.chunksize[axis] != data.shape[axis] for axis in fitting_axes):
        raise InputError(
            "When using preserve_native_chunks=True, the chunk size should match the data size along the "
            f"fitting axes; data of shape {data.shape} has chunks of {data.chunksize}. Rechunk it."
        )
    if weights is not None and data.chunksize != weights.chunksize:
        raise InputError(
            "When using preserve_native_chunks=True, the weights should have the same chunk size as the "
            f"data; got {weights.chunksize} and {data.chunksize}. Rechunk one of them."
        )


def _same_minimum(fitter: Any, options: Mapping[str, Any], model: Model) -> bool:
    """Whether a kernel finds what a fitter would find."""
    kind = type(fitter)
    if kind.__module__ != "astropy.modeling.fitting" or kind.__name__ not in SAME_MINIMUM:
        return False
    constraints = {name for name in ("fixed", "tied", "bounds") if getattr(model, f"has_{name}")}
    known = constraints <= set(fitter.supported_constraints) and not (model.eqcons or model.ineqcons)
    return known and set(options) <= HONOURED


def _formula(problem: Problem) -> Formula | None:
    try:
        return formula_of(problem.model)
    except ModelNotCompiled as error:
        warnings.warn(
            f"{error}. The given fitter does all fits: slower, the same answer.",
            FallbackWarning,
            stacklevel=4,
        )
        return None


def _by_kernel(problem: Problem, formula: Formula, options: Mapping[str, Any], where: Where) -> dict[str, Any]:
    """Values of all parameters from the kernel of the model."""
    columns = Columns.of(problem.model)
    limits = Options(max_iterations=options["maxiter"]) if "maxiter" in options else Options()
    prepare(formula, limits, weighted=is_weighted(problem.tiles))
    solution = solve(problem, KernelWork(problem.tiles, formula, columns, limits), len(columns.free), where)
    parameters = Parameters(columns, solution, _fixed(problem, columns), dict(formula.tied), True)
    return {name: parameters.value(name) for name in columns.names}


def _by_fitter(
    problem: Problem,
    fitter: Any,
    options: Mapping[str, Any],
    keep: bool | tuple[str, ...],
    diagnostics: Diagnostics | None,
    where: Where,
) -> dict[str, Any]:
    """Values of all parameters from the given fitter; its record is left in it."""
    from astropy.modeling.fitting import FitInfoArrayContainer

    columns = Columns.of(problem.model)
    work = FitterWork(
        problem.tiles,
        _with_domains(problem.model),
        columns,
        without_records(fitter),
        options,
        nan_is_masked=False,
        with_covariance=False,
        keep=keep,
        diagnostics=diagnostics,
    )
    outcome = solve_by_fitter(problem, work, where)
    if outcome.info is not None:
        fitter.fit_info = FitInfoArrayContainer(outcome.info)
    fitted = np.isfinite(outcome.solution.statistic)
    values = {name: outcome.solution.values[..., i] for i, name in enumerate(columns.free)}
    values |= {name: outcome.tied[..., i] for i, name in enumerate(columns.tied)}
    values |= {
        name: np.where(fitted, np.broadcast_to(value, problem.shape), np.nan)
        for name, value in _fixed(problem, columns).items()
    }
    return values


def _with_domains(model: Model) -> Model:
    """A copy of a model with the domain that means "as it is" where it has none.

    ``LinearLSQFitter`` gives a polynomial without domain that of the data, and so coefficients that belong to
    another model than the one that is returned.
    """
    copy = model.copy()
    for name in ("domain", "x_domain", "y_domain"):
        if getattr(copy, name, ()) is None:
            setattr(copy, name, (-1, 1))
            setattr(copy, name.replace("domain", "window"), (-1, 1))
    return copy


def _fixed(problem: Problem, columns: Columns) -> dict[str, Any]:
    places = columns.places(columns.fixed)
    return {name: problem.tiles.start.arrays[i] for name, i in zip(columns.fixed, places, strict=True)}
