"""A fitter for astropy models that works whatever the scales of data and parameters are."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ._curve import Curve, values_of
from ._numerical import jacobian
from ._work import Columns

if TYPE_CHECKING:
    from astropy.modeling import Model

Array = NDArray[np.float64]


class LeastSquares:
    """SciPy's trust region reflective least squares, called as one of astropy's fitters.

    ``astropy.modeling.fitting.TRFLSQFitter`` calls the same routine, but with absolute tolerances: for data
    of 1e-18 (fluxes in W/m2) it takes the start values for the minimum. It also uses the derivatives that a
    model brings where parameters are tied, for which they are wrong. Here residuals and parameters are
    scaled, and derivatives are taken by differences, ties included.

    Parameters
    ----------
    max_evaluations
        Largest number of trial points.

    Attributes
    ----------
    fit_info
        What SciPy says about the last fit.

    Examples
    --------
    >>> from astropy.modeling.models import Linear1D
    >>> x = np.arange(4.0)
    >>> LeastSquares()(Linear1D(), x, 2e-18 * x + 1e-18).slope.value.round(24)
    np.float64(2e-18)
    """

    def __init__(self, max_evaluations: int = 200) -> None:
        self.max_evaluations = max_evaluations
        self.fit_info: Any = None

    def __call__(self, model: Model, *arrays: Array, weights: Array | None = None, inplace: bool = False) -> Model:
        """Fit a model to coordinates and data, ``fitter(model, x, y)`` or ``fitter(model, x, y, z)``."""
        from scipy.optimize import least_squares

        model = model if inplace else model.copy()
        *x, y = arrays
        columns = Columns.of(model)
        curve = Curve(model, tuple(x), columns)
        bounds = np.array([model.bounds[name] for name in columns.free], np.float64)  # None is nan
        lower, upper = np.where(np.isnan(bounds), [-np.inf, np.inf], bounds).T
        start = np.clip(values_of(model, columns.free), lower, upper)
        moving = lower < upper
        factors = _factors(y, weights)

        def values(part: Array) -> Array:
            whole = start.copy()
            whole[moving] = part
            return (curve(whole) * factors).ravel()

        self.fit_info = least_squares(
            lambda p: values(p) - (y * factors).ravel(),
            start[moving],
            lambda p: jacobian(values, p, lower[moving], upper[moving]),
            (lower[moving], upper[moving]),
            x_scale="jac",
            ftol=1e-12,
            xtol=1e-14,
            gtol=None,  # it is absolute, in units of the parameters
            max_nfev=self.max_evaluations,
        )
        start[moving] = self.fit_info.x
        curve.tied(start)
        if not self.fit_info.success:
            warnings.warn(f"The fit may be unsuccessful: {self.fit_info.message}", stacklevel=2)
        return model


def _factors(y: Array, weights: Array | None) -> Array:
    """Weights that make the data of the order of one."""
    weights = np.ones_like(y) if weights is None else weights
    size = float(np.sqrt(np.mean(np.square(weights * y))))
    return weights / size if size > 0 and np.isfinite(size) else weights
