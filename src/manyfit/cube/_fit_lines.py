"""`fit_lines`: a model fitted to every selected spectrum of a cube, over its whole spectral axis."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from manyfit.cube._baseline import with_baseline
from manyfit.cube._chosen import noise_of_chosen
from manyfit.cube._coherence import coherent
from manyfit.cube._cost import cost_of
from manyfit.cube._cube_fit import CubeFit
from manyfit.cube._guess import guess, has_one_line, with_values
from manyfit.cube._moments import Moments
from manyfit.cube._noise import noise as noise_of
from manyfit.cube._single import single_model
from manyfit.cube._stored import kept
from manyfit.cube._task import Task
from manyfit.errors import InputError, unknown_name

if TYPE_CHECKING:
    from astropy.modeling import Model

    from manyfit.cube._cube import Cube


#: Smallest standard deviation of the default line, in channels.
NARROWEST_FIT = 0.3


def fit_lines(
    cube: Cube,
    signal: Any = None,
    *,
    model: Model | None = None,
    start: Any = None,
    noise: Any = None,
    baseline: int | None = None,
    coherence: bool = True,
    bounds: Mapping[str, tuple[Any, Any]] | None = None,
    statistic: str = "chi2",
    precision: str = "float64",
    max_iterations: int = 100,
    compute: bool = True,
    store: str | Path | None = None,
    scheduler: Any = None,
    workers: int | None = None,
    memory: int | None = None,
    progress: bool | Callable[[int, int], None] | None = None,
) -> Any:
    """Fit lines to every selected spectrum of a cube, over its whole spectral axis.

    Parameters
    ----------
    cube
        A cube, or one spectrum of it.
    signal
        `SignalMask`, or a boolean map (ny, nx): which spectra to fit. The others are neither read nor fitted: NaN with
        the status ``NOT_FITTED``. Default: all.
    model
        Any astropy model of one coordinate. Default: a ``Gaussian1D`` with its mean inside of the band and a standard
        deviation from 0.3 channels to the width of the band; what the data push against a limit is ``AT_BOUND``.
    start
        Start values: a mapping of names to maps or numbers, with units; `Moments`; or ``"guess"``, see
        `manyfit.cube.guess`. Default: those of the model, or ``"guess"`` for a model without values of its own
        (``Lorentz1D()``).
    noise
        Standard deviation of the noise in each spectrum: a Quantity, a number or a map. Default: the uncertainty of the
        cube; else that of `manyfit.cube.noise`, of the channels without signal where there is a signal mask.
        ``"residuals"`` takes it from the residuals of each fit instead.
    baseline
        Degree of a polynomial in the distance from the middle of the spectral axis, added to the model.
    coherence
        Whether spectra whose fit is an outlier among its neighbours are fitted again from their values.
    bounds, statistic, precision, max_iterations
        As in `manyfit.fit`.
    compute
        False fits nothing but a few spectra to measure the time: ``print(fit)`` shows shapes and cost, and
        ``fit.compute()`` fits.
    store
        Path, or URL that fsspec knows, of a zarr group that results are written to block by block, see `manyfit.fit`.
        The maps of the fit are dask arrays that read it, as `CubeFit.open` gives; ``fit.compute()`` has them in memory.
        A run that was ended goes on when the same call is repeated.
    scheduler, workers, memory, progress
        As in `manyfit.fit`.

    Returns
    -------
    CubeFit
        Maps of the spatial shape of the cube. For one spectrum, an astropy model with units instead: ``model.stds``,
        ``model.cov_matrix`` and ``model.mean.std`` are its errors, as astropy's fitters leave them (in the units of the
        parameters), and ``model.meta`` has ``status``, ``statistic`` and ``dof``.

    Raises
    ------
    InputError
        What was given does not go together, or the store is of something else; the text says what is accepted.
    OutputExists
        `store` is there and is none.

    Examples
    --------
    >>> from manyfit import cube, datasets
    >>> co = cube.read(datasets.simulate_cube((53, 8, 8)).to_hdu(), spectral_unit="km/s")
    >>> one = cube.fit_lines(co[:, 3, 4])
    >>> one.mean.unit, one.meta["status"]
    (Unit("km / s"), 'converged')
    >>> cube.fit_lines(co)["stddev"].shape
    (8, 8)
    """
    select = selected(cube, signal)
    sigma = None if statistic == "cash" else noise_for(cube, signal, noise, select)
    limits = {**(_limits(cube, baseline) if model is None else {}), **(bounds or {})}
    task = Task(
        cube=cube,
        model=start_model(cube, signal, model, start, baseline, select, limits),
        select=select,
        uncertainty=cube.uncertainty if sigma is None and noise is None and statistic != "cash" else sigma,
        bounds=limits,
        options={"statistic": statistic, "precision": precision, "max_iterations": max_iterations},
        where={"scheduler": scheduler, "workers": workers, "memory": memory, "progress": progress},
    )
    if cube.is_spectrum:
        return single_model(task.run())
    result = task.run(compute=compute, store=store)
    fit = CubeFit(result, task, signal if hasattr(signal, "spatial") else None, sigma, coherence=coherence)
    if store is not None:
        return kept(replace(fit, store=str(store)), store)
    if not compute:
        return replace(fit, cost=cost_of(task, result))
    return coherent(fit) if coherence else fit


def selected(cube: Cube, signal: Any) -> NDArray[np.bool]:
    """Which spectra a mask of signal, or a map, selects.

    Raises
    ------
    InputError
        The mask is that of another cube.
    """
    where = True if signal is None else np.asarray(getattr(signal, "spatial", signal), bool)
    if np.ndim(where) and np.shape(where) != cube.spatial_shape:
        raise InputError(
            f"The signal mask has the spatial shape {np.shape(where)}, the cube {cube.spatial_shape}. Give the mask of "
            "this cube, or a boolean map of its spatial shape."
        )
    return np.array(np.broadcast_to(where, cube.spatial_shape))


def noise_for(cube: Cube, signal: Any, given: Any, select: NDArray[np.bool]) -> Any:
    """The noise of each spectrum as a Quantity; None if it is in the uncertainty or in the residuals.

    Raises
    ------
    InputError
        A word other than ``"residuals"``, or another unit.
    """
    import astropy.units as u

    if isinstance(given, str):
        if given != "residuals":
            raise unknown_name("noise", given, ["residuals"])
        return None
    if isinstance(given, u.Quantity) and not given.unit.is_equivalent(cube.unit):
        raise InputError(
            f"noise is in {given.unit}, the cube in {cube.unit or 'no unit'}. Give it in the unit of the cube."
        )
    if given is not None:
        return given.to(cube.unit) if isinstance(given, u.Quantity) else np.asarray(given, np.float64) * cube.unit
    if cube.uncertainty is not None:
        return None
    labels = getattr(signal, "labels", None)
    return noise_of(cube) if labels is None and select.all() else noise_of_chosen(cube, select, without=labels)


def start_model(
    cube: Cube,
    signal: Any,
    model: Model | None,
    start: Any,
    baseline: int | None,
    select: NDArray[np.bool],
    bounds: Mapping[str, Any],
) -> Model:
    """The model with its start values, and with the baseline."""
    from astropy.modeling.models import Gaussian1D

    line = Gaussian1D() if model is None else model
    whole = line if baseline is None else with_baseline(line, baseline, cube)
    given = start if isinstance(start, Mapping) and not isinstance(start, Moments) else {}
    for name in given:
        if name not in whole.param_names:
            raise unknown_name("Parameter in start", name, whole.param_names)
    if isinstance(start, str) and start != "guess":
        raise unknown_name("start", start, ["guess"])
    asked = isinstance(start, str | Moments)
    if asked or (set(given) != set(whole.param_names) and _says_nothing(line) and has_one_line(line)):
        source = start if isinstance(start, Moments) else signal if hasattr(signal, "labels") else None
        whole = _inside(guess(cube, source, model=whole, select=select), bounds)
    return with_values(whole, given) if given else whole


def _inside(model: Model, bounds: Mapping[str, Any]) -> Model:
    """A guess moved into its own bounds and those given beside it; what is wrong with bounds, the fit says."""
    moved = {}
    for name in model.param_names:
        parameter = getattr(model, name)
        pair = bounds.get(name, parameter.bounds)
        if isinstance(pair, tuple | list) and len(pair) == 2:
            low, high = (_bound(x, parameter.unit, none) for x, none in zip(pair, (-np.inf, np.inf), strict=True))
            values = np.clip(parameter.value, low, high)
            moved[name] = values if parameter.unit is None else values << parameter.unit
    return with_values(model, moved)


def _bound(given: Any, unit: Any, none: float) -> Any:
    own = getattr(given, "unit", None)
    if given is None or (own is not None and (unit is None or not own.is_equivalent(unit))):
        return none
    return given if own is None else given.to_value(unit)


def _limits(cube: Cube, baseline: int | None) -> dict[str, tuple[Any, Any]]:
    """Bounds of the default line: a narrower line falls between the channels and has no height."""
    axis, suffix = cube.spectral_axis, "" if baseline is None else "_0"
    low, high = np.nanmin(axis, axis=0), np.nanmax(axis, axis=0)
    width = cube.channel_width
    narrowest = NARROWEST_FIT * (np.nanmin(width, axis=0) if np.ndim(width) else width)
    return {f"mean{suffix}": (low, high), f"stddev{suffix}": (narrowest, high - low)}


def _says_nothing(model: Model) -> bool:
    """Whether all parameters of a model have the values that its class gives them."""
    if getattr(model, "n_submodels", 1) > 1:
        return all(_says_nothing(model[i]) for i in range(model.n_submodels))
    defaults = {name: getattr(getattr(type(model), name, None), "default", None) for name in model.param_names}
    return all(d is not None and np.all(getattr(model, name).value == d) for name, d in defaults.items())
