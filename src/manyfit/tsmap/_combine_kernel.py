"""A tile of positions: the expectation of each is combined from a few pixels of the response and fitted at once.

Only one expectation is in memory at a time, and it stays in cache from its making to the last step of its fit.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from manyfit.kernels._jit import compiled

from ._hypothesis_kernel import fit_one

Array = NDArray[np.float64]
Pixels = NDArray[np.int64]


@compiled
def combine(pixels: Pixels, seconds: Array, reduced: Array, e: Array) -> None:
    """Fill e with the rows of pixels, weighted and summed."""
    e[:] = 0.0
    for k in range(pixels.size):
        row, weight = reduced[pixels[k]], seconds[k]
        for i in range(e.size):
            e[i] += weight * row[i]


@compiled
def fit_tile(
    starts: Pixels,
    pixels: Pixels,
    seconds: Array,
    reduced: Array,
    sums: Array,
    d: Array,
    b: Array,
    background_sum: float,
    signed: bool,
    level: float,
    values: Array,
    niter: NDArray[np.int16],
    status: NDArray[np.int8],
) -> None:
    """Fit the positions whose exposures are given in CSR form.

    Parameters
    ----------
    starts, pixels, seconds
        Exposures, see `exposures`.
    reduced
        Expected counts per second of each pixel in each bin with counts, (pixel, bin).
    sums
        The same summed over all bins, (pixel,).
    d, b, background_sum, signed, level
        See `fit_one`.
    values, niter, status
        Filled, one row or number for each position.
    """
    e, q = np.empty(d.size), np.empty(d.size)
    for i in range(starts.size - 1):
        here = slice(starts[i], starts[i + 1])
        combine(pixels[here], seconds[here], reduced, e)
        s = 0.0
        for k in range(starts[i], starts[i + 1]):
            s += seconds[k] * sums[pixels[k]]
        niter[i], status[i] = fit_one(d, b, e, s, background_sum, signed, level, q, values[i])
