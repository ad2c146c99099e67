"""How far the likelihood falls below its maximum as the norm changes, with the background fixed or its scale free.

``q`` is here ``b / e`` plus the best norm, and x the change of the norm: precise where the fall is small. With a free
scale ``beta`` of the background (sum T over all bins), expectation ``beta b + N e``, the ratio ``u = N / beta`` tells
all: the best scale for a given norm is ``beta = (D - u A) / T``, so that the profile over beta is a curve in u alone.
T = 0 means that the background is fixed: then ``beta = 1`` and ``u = N``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from manyfit.kernels._jit import compiled

from ._norm_kernel import log_sum, sums

Array = NDArray[np.float64]


@compiled
def scale(a: float, u: float, d_sum: float, t: float) -> float:
    """Best scale of the background at a ratio u."""
    return 1.0 if t == 0.0 else (d_sum - u * a) / t


@compiled
def norm_slope(a: float, b: float, u: float, beta: float, t: float) -> float:
    """Derivative of the norm along the profile with respect to u."""
    return 1.0 if t == 0.0 else beta - u * (a - u * b) / t


@compiled
def curvature(a: float, b: float, u: float, beta: float, d_sum: float, t: float) -> float:
    """Minus the second derivative of the log-likelihood, profiled over the scale, with respect to the norm."""
    if t == 0.0:
        return b
    cross = a - u * b
    return (b - cross * cross / (d_sum - u * a - u * cross)) / (beta * beta)


@compiled
def fall(
    d: Array, q: Array, x: float, u: float, beta: float, s: float, d_sum: float, t: float
) -> tuple[float, float, float, float]:
    """Fall of TS below its maximum, two derivatives with respect to x, and the change of the norm; u, beta at x = 0.

    With a free scale the second derivative is that of a parabola through the maximum.
    """
    a, b = sums(d, q, x)
    rise = log_sum(d, q, x)
    if t == 0.0:
        return 2.0 * (x * s - rise), 2.0 * (s - a), 2.0 * b, x
    here = scale(a, u + x, d_sum, t)
    change = (u + x) * here - u * beta
    value = 2.0 * (change * s - rise - d_sum * np.log(here / beta) + (here - beta) * t)
    slope = 2.0 * (s - a / here) * norm_slope(a, b, u + x, here, t)
    return value, slope, 0.5 * slope * slope / value, change
