"""Derivatives by differences, and the covariance that follows from them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Values = Callable[[Array], Array]

#: The step first tried, relative to the parameter.
FIRST_STEP = 6e-6
# A central difference over which the values change by this much (relative) has an error of about its square,
# and loses few digits to rounding.
SMALLEST_CHANGE, LARGEST_CHANGE = 1e-8, 1e-3
TRIES = 16
#: Singular values of the scaled Jacobian below this part of the largest mean undetermined parameters.
SMALLEST_SINGULAR = 1e-9


def jacobian(values: Values, at: Array, lower: Array | float = -np.inf, upper: Array | float = np.inf) -> Array:
    """Derivatives (points, parameters) of the values of a model, by central differences.

    The step of each parameter is found from how much the values change, so that no scale has to be known.

    Parameters
    ----------
    values
        Values (points,) for given parameters.
    at
        Parameters.
    lower, upper
        Bounds of the parameters, that no step crosses.

    Examples
    --------
    >>> x = np.array([1.0, 2.0])
    >>> jacobian(lambda p: p[0] * x**2, np.array([3.0])).round(6).tolist()
    [[1.0], [4.0]]
    """
    centre = values(at)
    low, high = np.broadcast_to(lower, at.shape), np.broadcast_to(upper, at.shape)
    columns = [_column(values, centre, at, k, (low[k], high[k])) for k in range(len(at))]
    return np.stack(columns, axis=-1) if columns else np.empty((len(centre), 0))


def _column(values: Values, centre: Array, at: Array, k: int, bounds: tuple[float, float]) -> Array:
    size = float(np.linalg.norm(centre))
    step = FIRST_STEP * (abs(at[k]) or 1.0)
    for _ in range(TRIES):
        above, below = at.copy(), at.copy()
        above[k], below[k] = min(at[k] + step, bounds[1]), max(at[k] - step, bounds[0])
        high, low = values(above), values(below)
        change = max(float(np.linalg.norm(high - centre)), float(np.linalg.norm(low - centre)))
        part = change / (size + change) if change > 0 else 0.0
        if part < SMALLEST_CHANGE:
            step *= 1e3
        elif part > LARGEST_CHANGE or not np.isfinite(part):
            step *= 1e-3
        else:
            break
    column: Array = (high - low) / (above[k] - below[k])
    return column


def covariance(rows: Array) -> Array | None:
    """Inverse of the normal matrix of weighted derivatives (points, parameters); None if it has none.

    Examples
    --------
    >>> covariance(np.array([[2.0, 0.0], [0.0, 1.0]])).tolist()
    [[0.25, 0.0], [0.0, 1.0]]
    """
    if rows.shape[1] == 0:
        return np.empty((0, 0))
    lengths = np.linalg.norm(rows, axis=0)
    if not (np.all(np.isfinite(rows)) and np.all(lengths > 0)):
        return None
    _, singular, right = np.linalg.svd(rows / lengths, full_matrices=False)
    if len(singular) < rows.shape[1] or singular[-1] < SMALLEST_SINGULAR * singular[0]:
        return None
    inverse = (right.T / singular**2) @ right
    scaled: Array = inverse / np.outer(lengths, lengths)
    return scaled
