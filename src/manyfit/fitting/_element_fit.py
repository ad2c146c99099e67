"""One fit with an astropy fitter: values, statistic and covariance of one element."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from manyfit.kernels import Status

from ._element import Element
from ._numerical import covariance, jacobian
from ._work import Columns

if TYPE_CHECKING:
    from astropy.modeling import Model

Array = NDArray[np.float64]


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
    curve = _Curve(model, element, columns)
    at_start = None
    if with_covariance or not element.valid.all():
        at_start = curve.values(element.start[columns.places(columns.free)])
        if with_covariance and not np.all(np.isfinite(at_start[element.valid])):
            return _without_fit(columns)
    fitted = _fitted(model, fitter, element, at_start) if columns.free else model
    values = _values_of(fitted, columns.free)
    if not np.all(np.isfinite(values)):
        return _without_fit(columns)
    status, matrix, variances = Status.FALLBACK, _nan(len(values), len(values)), _nan(len(columns.tied))
    if with_covariance:
        status, matrix, variances = _errors(curve, values)
    # last, so that the model is left with the fitted values
    return ElementFit(status, fitted, values, curve.tied(values), curve.statistic(values), matrix, variances)


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


def _values_of(model: Model, names: tuple[str, ...]) -> Array:
    return np.array([getattr(model, name).value for name in names], np.float64)


def _nan(*shape: int) -> Array:
    return np.full(shape, np.nan)


def _without_fit(columns: Columns) -> ElementFit:
    n, m = len(columns.free), len(columns.tied)
    return ElementFit(Status.NON_FINITE, None, _nan(n), _nan(m), np.nan, _nan(n, n), _nan(m))


@dataclass(frozen=True)
class _Curve:
    """A model as a function of its free parameters. `model` is overwritten."""

    model: Model
    element: Element
    columns: Columns

    def tied(self, free: Array) -> Array:
        """The tied parameters. Each sees those before it, as in astropy's fitters."""
        for name, value in zip(self.columns.free, free, strict=True):
            setattr(self.model, name, value)
        for name in self.columns.tied:
            setattr(self.model, name, self.model.tied[name](self.model))
        return _values_of(self.model, self.columns.tied)

    def values(self, free: Array) -> Array:
        """Values at all points, in the fitting shape."""
        self.tied(free)
        return np.broadcast_to(self.model(*self.element.x), self.element.y.shape)

    def weighted(self, free: Array) -> Array:
        """Values at the valid points, times their weights."""
        return self._weighted(self.values(free))

    def statistic(self, free: Array) -> float:
        """Sum of the squares of the weighted residuals at points with a value."""
        residuals = self.weighted(free) - self._weighted(self.element.y)
        return float(np.sum(np.square(residuals), where=np.isfinite(residuals)))

    def _weighted(self, values: Array) -> Array:
        valid, weights = self.element.valid, self.element.weights
        return values[valid] if weights is None else values[valid] * weights[valid]


def _errors(curve: _Curve, values: Array) -> tuple[Status, Array, Array]:
    """Status, covariance of the free and variance of the tied parameters at the minimum."""
    places = curve.columns.places(curve.columns.free)
    lower, upper = curve.element.lower[places], curve.element.upper[places]
    inside = np.flatnonzero((lower < values) & (values < upper))
    matrix = _nan(len(values), len(values))
    determined = covariance(jacobian(curve.weighted, values)[:, inside]) if inside.size else matrix[:0, :0]
    if determined is not None:
        matrix[np.ix_(inside, inside)] = determined
    status = Status.SINGULAR if determined is None else Status.FALLBACK
    slopes = jacobian(curve.tied, values) if curve.columns.tied else np.empty((0, 0))
    return status, matrix, np.array([_variance(row, matrix) for row in slopes])


def _variance(slopes: Array, matrix: Array) -> float:
    """Variance of a number with these slopes; a slope of zero hides what has no covariance."""
    used = np.flatnonzero(slopes)
    return float(slopes[used] @ matrix[np.ix_(used, used)] @ slopes[used])
