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
    covariance
        Lower triangle of the covariance of the free parameters, not scaled by the residuals.
    statistic
        Weighted sum of the squares of the residuals.
    """

    status: Status
    model: Model | None
    values: Array
    tied: Array
    covariance: Array
    statistic: float


def refusal(element: Element, n_free: int) -> tuple[Status, str] | None:
    """Why an element cannot be fitted: status and words; None if it can."""
    if element.n_points < n_free:
        return Status.TOO_FEW_POINTS, f"{element.n_points} valid points for {n_free} free parameters.\n"
    if not element.startable:
        return Status.BAD_START, "A start value or bound is NaN or infinite, or the bounds are reversed.\n"
    return None


def fit_element(
    model: Model, fitter: Callable[..., Any], element: Element, columns: Columns, with_covariance: bool
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
        Whether to compute the covariance; it is NaN if not.
    """
    _prepare(model, element, columns)
    at_start = None
    if with_covariance or not element.valid.all():
        at_start = np.broadcast_to(model(*element.x), element.y.shape)
        if with_covariance and not np.all(np.isfinite(at_start[element.valid])):
            return _without_fit(columns)
    if columns.free:
        x, y, weights = element.for_fitter(at_start)
        fitted = fitter(model, *x, y, **({} if weights is None else {"weights": weights}))
        model = fitted[0] if isinstance(fitted, tuple) else fitted  # the second is a mask of outliers
    values = np.array([getattr(model, name).value for name in columns.free], np.float64)
    tied = np.array([getattr(model, name).value for name in columns.tied], np.float64)
    if not np.all(np.isfinite(values)):
        return _without_fit(columns)
    evaluate = _evaluator(model, element, columns)
    residuals = evaluate(values) - _weighted(element, element.y)
    statistic = float(np.sum(np.square(residuals[np.isfinite(residuals)])))
    packed = np.full(_size(columns), np.nan)
    status = Status.FALLBACK
    if with_covariance and not _fill(packed, evaluate, values, element, columns):
        status = Status.SINGULAR
    return ElementFit(status, model, values, tied, packed, statistic)


def _prepare(model: Model, element: Element, columns: Columns) -> None:
    """Give a model the start values and bounds of an element."""
    for name, start, low, high in zip(columns.names, element.start, element.lower, element.upper, strict=True):
        parameter = getattr(model, name)
        parameter.value = start
        if name not in columns.tied:
            parameter.bounds = (_bound(low), _bound(high))
    for name in columns.tied:
        setattr(model, name, model.tied[name](model))


def _bound(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _without_fit(columns: Columns) -> ElementFit:
    nothing = np.full(_size(columns), np.nan)
    values, tied = (np.full(len(names), np.nan) for names in (columns.free, columns.tied))
    return ElementFit(Status.NON_FINITE, None, values, tied, nothing, np.nan)


def _size(columns: Columns) -> int:
    return len(columns.free) * (len(columns.free) + 1) // 2


def _weighted(element: Element, values: Array) -> Array:
    """Values at the valid points, times their weights."""
    part = values[element.valid]
    return part if element.weights is None else part * element.weights[element.valid]


def _evaluator(model: Model, element: Element, columns: Columns) -> Callable[[Array], Array]:
    """Weighted values of the model at the valid points as a function of the free parameters."""
    scratch = model.copy()

    def evaluate(values: Array) -> Array:
        for name, value in zip(columns.free, values, strict=True):
            setattr(scratch, name, value)
        for name in columns.tied:
            setattr(scratch, name, scratch.tied[name](scratch))
        return _weighted(element, np.broadcast_to(scratch(*element.x), element.y.shape))

    return evaluate


def _fill(
    packed: Array, evaluate: Callable[[Array], Array], values: Array, element: Element, columns: Columns
) -> bool:
    """Fill in the covariance of the parameters that are not on a bound; False if it is undetermined."""
    places = columns.places(columns.free)
    inside = np.flatnonzero((element.lower[places] < values) & (values < element.upper[places]))

    def moved(part: Array) -> Array:
        whole = values.copy()
        whole[inside] = part
        return evaluate(whole)

    if not inside.size:
        return True
    matrix = covariance(jacobian(moved, values[inside]))
    if matrix is None:
        return False
    for r, i in enumerate(inside):
        packed[i * (i + 1) // 2 + inside[: r + 1]] = matrix[r, : r + 1]
    return True
