"""Fits of a sum of a given number of Gaussians, and of a polynomial below them, to plain spectra."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import manyfit
from manyfit.cube._baseline import polynomial
from manyfit.cube._spectra import Spectra
from manyfit.kernels import Solution
from manyfit.kernels._status import Status

if TYPE_CHECKING:
    from astropy.modeling import Model

Array = NDArray[np.float64]

#: Parameters of one component, in the order of `astropy.modeling.models.Gaussian1D`.
PARAMETERS = ("amplitude", "mean", "stddev")

Run = Callable[..., Any]


def fit_sum(spectra: Spectra, start: Array, run: Run = manyfit.fit) -> Solution:
    """Fit a sum of Gaussians, and the polynomial, to each spectrum.

    Its values are amplitude, mean, stddev of one line after the other, and the coefficients of the polynomial.
    """
    number = (start.shape[1] - spectra.n_baseline) // 3
    low, high, narrow, wide = _limits(spectra)
    suffix = [f"_{i}" for i in range(number)] if number > 1 or spectra.n_baseline else [""]
    bounds: dict[str, tuple[Any, Any]] = {}
    for end in suffix:
        bounds |= {f"amplitude{end}": (0.0, None), f"mean{end}": (low, high), f"stddev{end}": (narrow, wide)}
    lines = sum_of_gaussians(start[:, : 3 * number].reshape(len(start), number, 3).transpose(1, 2, 0))
    return _fitted(
        spectra, lines + _below(spectra, start[:, 3 * number :]) if spectra.n_baseline else lines, run, bounds
    )


def fit_baseline(spectra: Spectra, run: Run = manyfit.fit) -> Solution:
    """Fit the polynomial alone; without one the solution is chi2 of the data themselves."""
    if not spectra.n_baseline:
        return _nothing(spectra)
    return _fitted(spectra, _below(spectra, np.zeros((len(spectra), spectra.n_baseline))), run, None)


def _below(spectra: Spectra, values: Array) -> Model:
    return polynomial(spectra.n_baseline - 1, spectra.middle, values=list(values.T))


def _fitted(spectra: Spectra, model: Model, run: Run, bounds: Any) -> Solution:
    x = spectra.x if len(spectra.x) > 1 else spectra.x[0]
    result = run(model, spectra.values, fitting_axes=1, world=(x,), uncertainty=spectra.sigma, bounds=bounds)
    solution: Solution = result.parameters.solution
    return solution


def sum_of_gaussians(values: Iterable[Any]) -> Model:
    """The model of some components, each given by amplitude, mean and stddev."""
    from astropy.modeling.models import Gaussian1D

    return reduce(add, [Gaussian1D(*each) for each in values])


def _limits(spectra: Spectra) -> tuple[Any, Any, Any, Any]:
    """Lowest and highest mean, smallest and largest width, in units of x."""
    step, x = spectra.step, spectra.x
    all_limits = np.nanmin(x, 1), np.nanmax(x, 1), spectra.narrow * step, spectra.wide * step
    return tuple(v if len(v) > 1 else float(v[0]) for v in all_limits)  # type: ignore[return-value]


def inside(spectra: Spectra, start: Array) -> Array:
    """Start values moved into the limits."""
    split = start.shape[1] - spectra.n_baseline
    low, high, narrow, wide = (np.reshape(v, (-1, 1)) for v in _limits(spectra))
    moved = np.array(start)
    moved[:, 1:split:3] = np.clip(start[:, 1:split:3], low, high)
    # a width that starts on its limit would have to leave it first
    moved[:, 2:split:3] = np.clip(start[:, 2:split:3], 1.1 * narrow, 0.9 * wide)
    return moved


def _nothing(spectra: Spectra) -> Solution:
    """The solution without any line: chi2 of the data themselves."""
    weight = np.broadcast_to(spectra.weight, spectra.values.shape)
    valid = np.isfinite(spectra.values) & (weight > 0) & np.isfinite(weight)
    solution = Solution.empty(len(spectra), 0)
    chi2 = np.sum(np.where(valid, spectra.values, 0.0) ** 2 * weight, axis=1, where=valid)
    solution.statistic[:] = np.where(valid.any(1), chi2, np.nan)
    solution.n_points[:] = valid.sum(1)
    solution.status[:] = np.where(valid.any(1), Status.CONVERGED, Status.NO_VALID_POINTS)
    return solution
