"""One fit with an astropy fitter: values, statistic and covariance of one element."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from manyfit.kernels import Status

from ._curve import Curve, values_of
from ._element import Element
from ._numerical import covariance, jacobian
from ._work import Columns

if TYPE_CHECKING:
    from astropy.modeling import Model

Array = NDArray[np.float64]

#: A parameter nearer to its bound than this part of its error is on it.
NEAR = 1e-3


@dataclass(frozen=True)
class ElementFit:
    """What became of one element.

    Attributes
    ----------
    status
        Its status.
    model
        The fitted model.
    values, tied
        Free and tied parameters.
    statistic
        Sum of the squares of the weighted residuals.
    covariance
        Of the free parameters, not scaled by the residuals; NaN for those on a bound.
    tied_variance
        Of the tied parameters, likewise.
    """

    status: Status
    model: Model | None
    values: Array
    tied: Array
    statistic: float
    covariance: Array
    tied_variance: Array


def refusal(element: Element, n_free: int) -> tuple[Status, str] | None:
    """Why an element cannot be fitted: status and words; None if it can."""
    if element.n_points < n_free:
        return Status.TOO_FEW_POINTS, f"{element.n_points} valid points for {n_free} free parameters.\n"
    if not element.startable:
        return Status.BAD_START, "A start value or bound is NaN or infinite, or the bounds are reversed.\n"
    return None


def fit_element(
    model: Model, fitter: Callable[..., Any], element: Element, columns: Columns, *, with_covariance: bool
) -> ElementFit:
    """Fit one element.

    Parameters
    ----------
    model
        Overwritten with start values, bounds and the fit.
    fitter
        Called as ``fitter(model, *x, y, weights=...)``.
    element
        Its data.
    columns
        Kinds of the parameters.
    with_covariance
        Whether to compute covariances; they are NaN if not.
    """
    _prepare(model, element, columns)
    curve = Curve(model, element.x, columns)
    at_start = None
    if with_covariance or not element.valid.all():
        at_start = curve(element.start[columns.places(columns.free)])
        if with_covariance and not np.all(np.isfinite(at_start[element.valid])):
            return _without_fit(columns)
    fitted = _fitted(model, fitter, element, at_start) if columns.free else model
    values = values_of(fitted, columns.free)
    if not np.all(np.isfinite(values)):
        return _without_fit(columns)
    status, matrix, variances = Status.FALLBACK, _nan(len(values), len(values)), _nan(len(columns.tied))
    residuals = element.weighted(curve(values) - element.y)
    statistic = float(np.sum(np.square(residuals), where=np.isfinite(residuals)))
    if with_covariance:
        status, matrix, variances = _errors(curve, element, values, statistic)
    tied = curve.tied(values)  # this also leaves the fitted values in the model
    return ElementFit(status, fitted, values, tied, statistic, matrix, variances)


def _fitted(model: Model, fitter: Callable[..., Any], element: Element, at_start: Array | None) -> Model:
    x, y, weights = element.for_fitter(at_start)
    fitted = fitter(model, *x, y, **({} if weights is None else {"weights": weights}))
    return fitted[0] if isinstance(fitted, tuple) else fitted  # the second is a mask of outliers


def _prepare(model: Model, element: Element, columns: Columns) -> None:
    """Give a model the start values and bounds of an element."""
    numbers = zip(columns.names, element.start, element.lower, element.upper, strict=True)
    for name, start, low, high in numbers:
        parameter = getattr(model, name)
        parameter.value = start
        if name in columns.free:
            parameter.bounds = tuple(float(b) if np.isfinite(b) else None for b in (low, high))


def _nan(*shape: int) -> Array:
    return np.full(shape, np.nan)


def _without_fit(columns: Columns) -> ElementFit:
    n, m = len(columns.free), len(columns.tied)
    return ElementFit(Status.NON_FINITE, None, _nan(n), _nan(m), np.nan, _nan(n, n), _nan(m))


def _errors(curve: Curve, element: Element, values: Array, statistic: float) -> tuple[Status, Array, Array]:
    """Status, covariance of the free and variance of the tied parameters at the minimum."""
    places = curve.columns.places(curve.columns.free)
    lower, upper = element.lower[places], element.upper[places]
    rows = jacobian(lambda free: element.weighted(curve(free)), values, lower, upper)
    distance = np.minimum(values - lower, upper - values)
    inside = np.flatnonzero(distance > 0)
    found = covariance(rows[:, inside])
    if found is not None:
        # A fitter may stop just short of a bound.
        scale = statistic / max(element.n_points - len(values), 1)
        inside = inside[distance[inside] > NEAR * np.sqrt(np.diag(found) * scale)]
        found = covariance(rows[:, inside])
    matrix = _nan(len(values), len(values))
    if found is not None:
        matrix[np.ix_(inside, inside)] = found
    slopes = jacobian(curve.tied, values, lower, upper) if curve.columns.tied else matrix[:0]
    status = Status.SINGULAR if found is None else Status.FALLBACK
    return status, matrix, np.array([_variance(row, matrix) for row in slopes])


def _variance(slopes: Array, matrix: Array) -> float:
    """Variance of a number with these slopes; a slope of zero hides what has no covariance."""
    used = np.flatnonzero(slopes)
    return float(slopes[used] @ matrix[np.ix_(used, used)] @ slopes[used])
