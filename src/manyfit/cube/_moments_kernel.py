"""Moments of many spectra at once, with errors, on plain arrays of (channels, spectra)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyfit.kernels._jit import compiled

PEAK, MOMENT0, MOMENT1, MOMENT2, LINEWIDTH, EQUIVALENT_WIDTH = range(6)
SQRT_2PI = np.sqrt(2 * np.pi)


@compiled
def moments(
    values: NDArray[Any],
    chosen: NDArray[np.bool_],
    axis: NDArray[np.float64],
    width: NDArray[np.float64],
    sigma: NDArray[np.float64],
    out: NDArray[np.float64],
    error: NDArray[np.float64],
) -> None:
    """Moments of the chosen values of each spectrum that are finite.

    Parameters
    ----------
    values
        Values of (channels, spectra).
    chosen
        Which of them to take.
    axis, width
        Coordinates and widths of channels, (channels, spectra or 1).
    sigma
        Standard deviations, (channels or 1, spectra).
    out, error
        (6, spectra), NaN to begin with; spectra without a chosen value stay NaN.
    """
    n, m = values.shape
    peak, peak_at = np.full(m, -np.inf), np.zeros(m, np.int64)
    total, first, second = np.zeros(m), np.zeros(m), np.zeros(m)
    spread = np.zeros((3, m))
    _add_first(values, chosen, axis, width, peak, peak_at, total, first)
    mean = np.where(total != 0.0, first, 0.0) / np.where(total != 0.0, total, 1.0)
    _add_second(values, chosen, axis, width, sigma, mean, second, spread)
    for p in range(m):
        if peak[p] > -np.inf:
            k, q = peak_at[p], p if axis.shape[1] > 1 else 0
            noise = sigma[k if sigma.shape[0] > 1 else 0, p]
            _finish(peak[p], total[p], axis[n // 2, q] + mean[p], second[p], out[:, p])
            _errors(out[:, p], spread[:, p], noise, width[k, q], error[:, p])


@compiled
def _add_first(
    values: NDArray[Any],
    chosen: NDArray[np.bool_],
    axis: NDArray[np.float64],
    width: NDArray[np.float64],
    peak: NDArray[np.float64],
    peak_at: NDArray[np.int64],
    total: NDArray[np.float64],
    first: NDArray[np.float64],
) -> None:
    """The highest value and its channel, and sums of the values and of values times distance.

    Distances are from the middle channel, because coordinates may be large beside their differences.
    """
    n, m = values.shape
    for k in range(n):
        for p in range(m):
            value = np.float64(values[k, p])
            if chosen[k, p] and value - value == 0.0:
                if value > peak[p]:
                    peak[p], peak_at[p] = value, k
                q = p if axis.shape[1] > 1 else 0
                total[p] += value * width[k, q]
                first[p] += value * width[k, q] * (axis[k, q] - axis[n // 2, q])


@compiled
def _add_second(
    values: NDArray[Any],
    chosen: NDArray[np.bool_],
    axis: NDArray[np.float64],
    width: NDArray[np.float64],
    sigma: NDArray[np.float64],
    mean: NDArray[np.float64],
    second: NDArray[np.float64],
    spread: NDArray[np.float64],
) -> None:
    """Sums of values times squared distance from the mean, and of variances times its powers 0, 2 and 4."""
    n, m = values.shape
    for k in range(n):
        for p in range(m):
            value = np.float64(values[k, p])
            if chosen[k, p] and value - value == 0.0:
                q = p if axis.shape[1] > 1 else 0
                square = (axis[k, q] - axis[n // 2, q] - mean[p]) ** 2
                second[p] += value * width[k, q] * square
                variance = (sigma[k if sigma.shape[0] > 1 else 0, p] * width[k, q]) ** 2
                spread[0, p] += variance
                spread[1, p] += variance * square
                spread[2, p] += variance * square**2


@compiled
def _finish(peak: float, total: float, mean: float, second: float, out: NDArray[np.float64]) -> None:
    """Moments from sums; those that would be divided by zero, or are roots of negative numbers, stay NaN."""
    out[PEAK], out[MOMENT0] = peak, total
    if total != 0.0:
        out[MOMENT1] = mean
        out[MOMENT2] = second / total
        if out[MOMENT2] >= 0.0:
            out[LINEWIDTH] = np.sqrt(out[MOMENT2])
    if peak > 0.0:
        out[EQUIVALENT_WIDTH] = total / (SQRT_2PI * peak)


@compiled
def _errors(
    out: NDArray[np.float64], sums: NDArray[np.float64], noise: float, width: float, error: NDArray[np.float64]
) -> None:
    """Standard deviations by propagation: see `manyfit.cube.moments` for the formulas."""
    s0, s2, s4 = sums
    total, m2 = out[MOMENT0], out[MOMENT2]
    error[PEAK], error[MOMENT0] = noise, np.sqrt(s0)
    if total != 0.0:
        error[MOMENT1] = np.sqrt(s2) / abs(total)
        error[MOMENT2] = np.sqrt(max(s4 - 2 * m2 * s2 + m2**2 * s0, 0.0)) / abs(total)
        if out[LINEWIDTH] > 0.0:
            error[LINEWIDTH] = error[MOMENT2] / (2 * out[LINEWIDTH])
    if out[PEAK] > 0.0:
        slope = out[EQUIVALENT_WIDTH] / out[PEAK]
        scale = 1 / (SQRT_2PI * out[PEAK])
        variance = s0 * scale**2 + (slope * noise) ** 2 - 2 * scale * slope * noise**2 * width
        error[EQUIVALENT_WIDTH] = np.sqrt(max(variance, 0.0))
