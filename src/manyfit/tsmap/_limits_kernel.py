"""Errors and limits of one norm: where TS has fallen by a level below its maximum."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ._background_kernel import curvature, fall, norm_slope, scale
from ._norm_kernel import sums

Array = NDArray[np.float64]

MAX_STEPS = 60
STEP = 1e-6  # relative; the square of it is left
FINE_STEP = 1e-10  # where the norm follows from x and is that before the last step


@njit(cache=True, nogil=True, error_model="numpy")
def parabola(gradient: float, curved: float, level: float) -> float:
    """Where ``gradient x + curved x**2`` reaches a level; both are zero or more.

    Examples
    --------
    >>> parabola(0.0, 4.0, 1.0), parabola(2.0, 0.0, 1.0)
    (0.5, 0.5)
    """
    root: float = np.sqrt(gradient * gradient + 4.0 * curved * level)
    return 2.0 * level / (gradient + root)


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc"})
def cubes(d: Array, q: Array) -> float:
    """``sum d / q**3``: how far the likelihood is from a parabola."""
    total = 0.0
    for i in range(d.size):
        r = 1.0 / q[i]
        total += d[i] * r * r * r
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def crossing(
    d: Array, q: Array, start: float, edge: float, level: float, u: float, beta: float, s: float, d_sum: float, t: float
) -> float:
    """Change of the norm, between 0 and that at `edge` (of x), at which TS has fallen by a level.

    The root of the fall is nearly linear, so Newton's steps on it take two or three; a bracket guards them.
    """
    inner, outer, x = 0.0, edge, start
    change: float = np.nan
    for _ in range(MAX_STEPS):
        value, slope, change = fall(d, q, x, u, beta, s, d_sum, t)
        if value < level:
            inner = x
        else:
            outer = x
        root = np.sqrt(max(value, 0.0))
        new: float = x + 2.0 * root * (np.sqrt(level) - root) / slope
        if t == 0.0 and abs(new - x) <= STEP * abs(x):
            return new
        if t > 0.0 and abs(new - x) <= FINE_STEP * abs(x):
            return change
        if not (min(inner, outer) < new < max(inner, outer)):
            new = 2.0 * x if np.isinf(outer) else 0.5 * (inner + outer)
        x = new
    return change


@njit(cache=True, nogil=True, error_model="numpy")
def errors(
    d: Array, q: Array, u: float, level: float, at_zero: bool, s: float, d_sum: float, t: float, out: Array
) -> None:
    """Fill `out` with norm_err, norm_errn, norm_errp and the change of the norm up to its limit.

    `q` holds ``b / e + u``; `at_zero` says that the norm was kept at zero by its bound, so that TS falls from there
    with a slope. `out` of one value asks for norm_err alone.
    """
    a, b = sums(d, q, 0.0)
    beta = scale(a, u, d_sum, t)
    gradient = max(2.0 * (s - a / beta), 0.0) if at_zero else 0.0
    curved = curvature(a, b, u, beta, d_sum, t)
    out[0] = parabola(gradient, curved, 1.0)
    if out.size == 1:
        return
    slope = norm_slope(a, b, u, beta, t)
    skew = 0.0 if at_zero or t > 0.0 else cubes(d, q) / (3.0 * b)
    out[2] = crossing(d, q, _start(out[0], skew, slope), np.inf, 1.0, u, beta, s, d_sum, t)
    out[3] = crossing(d, q, _start(parabola(gradient, curved, level), skew, slope), np.inf, level, u, beta, s, d_sum, t)
    out[1] = 0.0
    if not at_zero:
        edge = -q.min()
        first = max(_start(-out[0], skew, slope), 0.9 * edge)
        out[1] = -crossing(d, q, first, edge, 1.0, u, beta, s, d_sum, t)


@njit(cache=True, nogil=True, error_model="numpy")
def _start(sigma: float, skew: float, slope: float) -> float:
    """Change of u for a change of the norm, by the likelihood's third derivative."""
    return sigma * (1.0 + min(skew * sigma, 0.5)) / slope
