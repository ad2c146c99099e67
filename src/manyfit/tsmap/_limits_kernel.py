"""Errors and limits of one norm: where TS has fallen by a level below its maximum."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from manyfit.kernels._jit import compiled

from ._background_kernel import curvature, fall, norm_slope, scale
from ._norm_kernel import sums

Array = NDArray[np.float64]

MAX_STEPS = 60
STEP = 2e-4  # relative; the cube of it is left
FINE_STEP = 1e-10  # where the norm follows from x and is that before the last step


@compiled
def parabola(gradient: float, curved: float, level: float) -> float:
    """Where ``gradient x + curved x**2`` reaches a level; both are zero or more.

    Examples
    --------
    >>> parabola(0.0, 4.0, 1.0), parabola(2.0, 0.0, 1.0)
    (0.5, 0.5)
    """
    root: float = np.sqrt(gradient * gradient + 4.0 * curved * level)
    return 2.0 * level / (gradient + root)


@compiled(reassociate=True)
def higher_sums(d: Array, q: Array) -> tuple[float, float]:
    """``sum d / q**3`` and ``sum d / q**4``: how far the likelihood is from a parabola."""
    third = fourth = 0.0
    for i in range(d.size):
        r = 1.0 / q[i]
        t = d[i] * r * r * r
        third += t
        fourth += t * r
    return third, fourth


@compiled
def halley(value: float, slope: float, curved: float, level: float) -> float:
    """Halley's step from a fall, with its two derivatives, to a level, on the roots of both.

    >>> halley(4.0, 4.0, 2.0, 9.0)  # x**2 at 2
    1.0
    """
    root = np.sqrt(max(value, 0.0))
    missing = np.sqrt(level) - root
    first = 0.5 * slope / root
    second = (0.5 * curved - first * first) / root
    step: float = missing / (first + 0.5 * missing * second / first)
    return step


@compiled
def crossing(
    d: Array, q: Array, start: float, edge: float, level: float, u: float, beta: float, s: float, d_sum: float, t: float
) -> float:
    """Change of the norm, between 0 and that at `edge` (of x), at which TS has fallen by a level.

    The root of the fall is nearly linear, so Halley's steps on it are one or two; a bracket guards them.
    """
    inner, outer, x = 0.0, edge, start
    change: float = np.nan
    for _ in range(MAX_STEPS):
        value, slope, curved, change = fall(d, q, x, u, beta, s, d_sum, t)
        if value < level:
            inner = x
        else:
            outer = x
        new: float = x + halley(value, slope, curved, level)
        if t == 0.0 and abs(new - x) <= STEP * abs(x):
            return new
        if t > 0.0 and abs(new - x) <= FINE_STEP * abs(x):
            return change
        if not (min(inner, outer) < new < max(inner, outer)):
            new = 2.0 * x if np.isinf(outer) else 0.5 * (inner + outer)
        x = new
    return change


@compiled
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
    third, fourth = higher_sums(d, q) if t == 0.0 else (0.0, 0.0)
    if at_zero:  # the slope there matters more than higher derivatives: one Newton's step for the third
        third, fourth = third * 2.0 * b * out[0] / (gradient + 2.0 * b * out[0]), 0.0
    bent, more = (third / (3.0 * b), fourth / (2.0 * b)) if b > 0.0 else (0.0, 0.0)
    far = parabola(gradient, curved, level)
    out[2] = crossing(d, q, first_guess(out[0], bent, more) / slope, np.inf, 1.0, u, beta, s, d_sum, t)
    out[3] = crossing(d, q, first_guess(far, bent, more) / slope, np.inf, level, u, beta, s, d_sum, t)
    out[1] = 0.0
    if not at_zero:
        edge = -q.min()
        start = max(first_guess(-out[0], bent, more) / slope, 0.9 * edge)
        out[1] = -crossing(d, q, start, edge, 1.0, u, beta, s, d_sum, t)


@compiled
def first_guess(sigma: float, bent: float, more: float) -> float:
    """Solve ``x**2 (1 - 2 bent x + more x**2) = sigma**2`` for x to third order; not far beyond sigma."""
    correction = bent * sigma + (2.5 * bent * bent - 0.5 * more) * sigma * sigma
    return sigma * (1.0 + max(-0.5, min(correction, 0.5)))
