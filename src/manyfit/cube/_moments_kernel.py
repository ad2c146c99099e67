"""Moments of many spectra at once, with errors, on plain arrays of (channels, spectra)."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

PEAK, MOMENT0, MOMENT1, MOMENT2, LINEWIDTH, EQUIVALENT_WIDTH = range(6)
SQRT_2PI = np.sqrt(2 * np.pi)


@numba.njit(cache=True, nogil=True)
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
    peak = np.full(m, -np.inf)
    peak_at = np.zeros(m, np.int64)
    total, first, second = np.zeros(m), np.zeros(m), np.zeros(m)
    s0, s2, s4 = np.zeros(m), np.zeros(m), np.zeros(m)
    for k in range(n):
        for p in range(m):
            value = np.float64(values[k, p])
            if chosen[k, p] and value - value == 0.0:
                if value > peak[p]:
                    peak[p], peak_at[p] = value, k
                q = p if axis.shape[1] > 1 else 0
                weighted = value * width[k, q]
                total[p] += weighted
                # about the middle channel, because coordinates may be large beside their differences
                first[p] += weighted * (axis[k, q] - axis[n // 2, q])
    for k in range(n):
        for p in range(m):
            value = np.float64(values[k, p])
            if chosen[k, p] and value - value == 0.0 and total[p] != 0.0:
                q = p if axis.shape[1] > 1 else 0
                distance = axis[k, q] - axis[n // 2, q] - first[p] / total[p]
                second[p] += value * width[k, q] * distance**2
                variance = (sigma[k if sigma.shape[0] > 1 else 0, p] * width[k, q]) ** 2
                s0[p] += variance
                s2[p] += variance * distance**2
                s4[p] += variance * distance**4
            elif chosen[k, p] and value - value == 0.0:
                q = p if axis.shape[1] > 1 else 0
                s0[p] += (sigma[k if sigma.shape[0] > 1 else 0, p] * width[k, q]) ** 2
    for p in range(m):
        if peak[p] > -np.inf:
            q = p if axis.shape[1] > 1 else 0
            k = peak_at[p]
            noise = sigma[k if sigma.shape[0] > 1 else 0, p]
            _finish(peak[p], total[p], first[p], second[p], axis[n // 2, q], out[:, p])
            _errors(out[:, p], (s0[p], s2[p], s4[p]), noise, width[k, q], error[:, p])


@numba.njit(cache=True, nogil=True)
def _finish(peak: float, total: float, first: float, second: float, middle: float, out: NDArray[np.float64]) -> None:
    """Moments from sums; those that would be divided by zero, or are roots of negative numbers, stay NaN."""
    out[PEAK], out[MOMENT0] = peak, total
    if total != 0.0:
        out[MOMENT1] = middle + first / total
        out[MOMENT2] = second / total
        if out[MOMENT2] >= 0.0:
            out[LINEWIDTH] = np.sqrt(out[MOMENT2])
    if peak > 0.0:
        out[EQUIVALENT_WIDTH] = total / (SQRT_2PI * peak)


@numba.njit(cache=True, nogil=True)
def _errors(
    out: NDArray[np.float64], sums: tuple[float, float, float], noise: float, width: float, error: NDArray[np.float64]
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
