"""The variance of stars about the model of each pixel of a tile: by maximum likelihood, by the mean, by the median.

Symbols: N stars, B pixels; ``w = ivar / (1 + ivar s2)`` is the weight of a star, r its residual.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyfit.kernels._jit import compiled

from ._normal_kernel import copy

Floats = NDArray[np.float64]

TOLERANCE = 1e-7  # relative step at which Newton ends: it converges quadratically, so the error is of order 1e-13
MAX_STEPS = 100
UNTRIED = -1.0  # a lower bound that was not looked at


@compiled
def squared_residuals(flux: Floats, design: Floats, theta: Floats, squares: Floats) -> None:
    """Squares of ``flux - design theta``, (N, B), for coefficients (T, B)."""
    n_stars, n_pixels = flux.shape
    residual = np.empty(n_pixels)
    for n in range(n_stars):
        copy(flux[n], residual)
        for t in range(design.shape[1]):
            v = design[n, t]
            for p in range(n_pixels):
                residual[p] -= v * theta[t, p]
        for p in range(n_pixels):
            squares[n, p] = residual[p] * residual[p]


@compiled
def add_label_variance(covariance: Floats, rows: NDArray[np.int64], theta: Floats, squares: Floats) -> None:
    """Add the variance of the flux of stars with uncertain labels: ``theta cov(v) theta``.

    `covariance` (K, C) are the upper halves of cov(v) of the stars `rows` (K,), off-diagonal elements once.
    """
    n_terms, n_pixels = theta.shape
    for k in range(len(rows)):
        c = 0
        for t in range(n_terms):
            for u in range(t, n_terms):
                factor = covariance[k, c] * (1.0 if t == u else 2.0)
                for p in range(n_pixels):
                    squares[rows[k], p] += factor * theta[t, p] * theta[u, p]
                c += 1


@compiled
def score(ivar: Floats, squares: Floats, s2: Floats, slope: Floats, curvature: Floats) -> None:
    """First and second derivative by s2 of ``sum ln(1/ivar + s2) + r^2 w``, for each pixel."""
    slope[:] = 0.0
    curvature[:] = 0.0
    for n in range(ivar.shape[0]):
        for p in range(ivar.shape[1]):
            w = ivar[n, p] / (1.0 + ivar[n, p] * s2[p])
            q = w * squares[n, p]
            slope[p] += w * (1.0 - q)
            curvature[p] += w * w * (2.0 * q - 1.0)


@compiled
def likeliest(ivar: Floats, squares: Floats, s2: Floats, active: Any, tolerance: float = TOLERANCE) -> None:
    """Maximum-likelihood s2 of the active pixels, in place: Newton's method held between bounds that close in.

    A minimum at zero is where the slope at zero is positive.
    """
    n_pixels = len(s2)
    slope, curvature = np.empty(n_pixels), np.empty(n_pixels)
    low, high = np.full(n_pixels, UNTRIED), np.full(n_pixels, np.inf)
    moving = active.copy()
    for _ in range(MAX_STEPS):
        score(ivar, squares, s2, slope, curvature)
        any_moving = False
        for p in range(n_pixels):
            if not moving[p]:
                continue
            if slope[p] < 0.0:
                low[p] = s2[p]
            else:
                high[p] = s2[p]
            step = -slope[p] / curvature[p] if curvature[p] > 0.0 else np.nan
            new = s2[p] + step
            if not (new >= 0.0 and new > low[p] and new < high[p]):
                new = inside(low[p], high[p], s2[p], ivar[:, p])
            moving[p] = abs(new - s2[p]) > tolerance * new
            any_moving = any_moving or moving[p]
            s2[p] = new
        if not any_moving:
            break


@compiled
def inside(low: float, high: float, now: float, ivar: Any) -> float:
    """A point between the bounds where Newton's method has none: zero first, then steps that are even in ratio."""
    if high < np.inf:
        if low < 0.0 or high == 0.0:
            return 0.0
        return np.sqrt(low * high) if low > 0.0 else 0.1 * high
    total, count = 0.0, 0
    for n in range(len(ivar)):
        if ivar[n] > 0.0:
            total += 1.0 / ivar[n]
            count += 1
    return 2.0 * now + 0.1 * total / max(count, 1)


@compiled
def mean_one(ivar: Floats, squares: Floats, s2: Floats, active: Any) -> None:
    """The s2 with ``mean(r^2 w) = 1`` over all stars, in place; zero if the mean is below one at zero.

    The mean falls and is convex in s2, so Newton's method from zero grows to the root without passing it. Stars whose
    pixel is masked count as zeros, as in the published programs.
    """
    n_stars, n_pixels = ivar.shape
    for p in range(n_pixels):
        if not active[p]:
            continue
        s2[p] = 0.0
        for _ in range(MAX_STEPS):
            total, slope = 0.0, 0.0
            for n in range(n_stars):
                w = ivar[n, p] / (1.0 + ivar[n, p] * s2[p])
                total += w * squares[n, p]
                slope += w * w * squares[n, p]
            step = (total - n_stars) / slope if total > n_stars else 0.0
            s2[p] += step
            if step <= 1e-14 * s2[p]:
                break


@compiled
def median_one(ivar: Floats, squares: Floats, s2: Floats, active: Any) -> None:
    """The s2 with ``median(r^2 w) = 1`` over all stars, in place; zero if the median is below one at zero.

    A star's ``r^2 w`` is above one as long as s2 is below ``q = r^2 - 1 / ivar``; so the root is the median of q, or
    for an even number of stars between the two q in the middle.
    """
    n_stars, n_pixels = ivar.shape
    crossing = np.empty(n_stars)
    for p in range(n_pixels):
        if not active[p]:
            continue
        for n in range(n_stars):
            crossing[n] = squares[n, p] - 1.0 / ivar[n, p] if ivar[n, p] > 0.0 else -np.inf
        middle = n_stars // 2
        ordered = np.sort(crossing)
        if n_stars % 2 == 1:
            s2[p] = max(ordered[middle], 0.0)
        else:
            s2[p] = middle_root(ivar[:, p], squares[:, p], crossing, ordered[middle - 1], ordered[middle])


@compiled
def middle_root(ivar: Any, squares: Any, crossing: Floats, low: float, high: float) -> float:
    """Where the two middle values of ``r^2 w`` have the mean one, between the s2 where each of them is one."""
    if high <= 0.0:
        return 0.0
    split = high
    low = max(low, 0.0)
    if middle_excess(ivar, squares, crossing, split, low) <= 0.0:
        return low
    for _ in range(200):
        half = 0.5 * (low + high)
        if half <= low or half >= high:
            break
        if middle_excess(ivar, squares, crossing, split, half) > 0.0:
            low = half
        else:
            high = half
    return 0.5 * (low + high)


@compiled
def middle_excess(ivar: Any, squares: Any, crossing: Floats, split: float, s2: float) -> float:
    """Mean of the smallest value of the upper half of stars and the largest of the lower half, minus one."""
    smallest, largest = np.inf, 0.0
    for n in range(len(ivar)):
        value = squares[n] * ivar[n] / (1.0 + ivar[n] * s2)
        if crossing[n] >= split:
            smallest = min(smallest, value)
        else:
            largest = max(largest, value)
    return 0.5 * (smallest + largest) - 1.0
