"""Rows of an array of expectations, one hypothesis each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from manyfit.kernels._jit import compiled

from ._hypothesis_kernel import fit_one

Array = NDArray[np.float64]


@compiled
def solve_rows(
    d: Array,
    b: Array,
    e: Array,
    sums: Array,
    background_sum: float,
    signed: bool,
    level: float,
    values: Array,
    niter: NDArray[np.int16],
    status: NDArray[np.int8],
) -> None:
    """Fit each row of e; see `fit_one` for the columns of `values`."""
    q = np.empty(d.size)
    for i in range(e.shape[0]):
        niter[i], status[i] = fit_one(d, b, e[i], sums[i], background_sum, signed, level, q, values[i])
