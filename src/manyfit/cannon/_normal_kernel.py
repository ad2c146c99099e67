"""Sums over stars for a tile of pixels, and the linear systems they make; pixels lie side by side in memory.

Symbols: N stars, B pixels of a tile, T terms, C = T (T + 1) / 2 products of two terms. The sum of each pixel runs over
the stars in their order, whatever the tile, so results don't depend on how pixels are divided.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyfit.kernels._jit import compiled

Floats = NDArray[np.float64]

SINGULAR = 1e-13  # a pivot below this part of its diagonal element makes a matrix singular


@compiled
def clean(flux: Any, ivar: Any, mask: Any, clean_flux: Floats, clean_ivar: Floats) -> None:
    """Copy a tile (N, B) as float64; pixels that cannot be used have zero flux and inverse variance."""
    masked = mask.shape[0] > 0
    for n in range(flux.shape[0]):
        for p in range(flux.shape[1]):
            f, iv = float(flux[n, p]), float(ivar[n, p])
            good = iv > 0.0 and iv < np.inf and abs(f) < np.inf
            if masked:
                good = good and not mask[n, p]
            clean_flux[n, p] = f if good else 0.0
            clean_ivar[n, p] = iv if good else 0.0


@compiled
def copy(values: Any, target: Any) -> None:
    """Copy a row. An assignment to a slice would do, but takes ten times as long to compile."""
    for k in range(len(values)):
        target[k] = values[k]


@compiled
def add_scaled_rows(total: Floats, factors: Floats, rows: Floats) -> None:
    """Add to each row c of `total` (C, B) the sum over k of ``factors[k, c] rows[k]``, four rows at a time."""
    n_sums, n_pixels = total.shape
    for c in range(n_sums):
        f0, f1, f2, f3 = factors[0, c], factors[1, c], factors[2, c], factors[3, c]
        for p in range(n_pixels):
            total[c, p] += (f0 * rows[0, p] + f1 * rows[1, p]) + (f2 * rows[2, p] + f3 * rows[3, p])


@compiled
def normal_sums(flux: Floats, ivar: Floats, s2: Floats, design: Floats, products: Floats) -> Any:
    """Matrices, right-hand sides and constants of chi-squared of each pixel: (C, B), (T, B), (B,).

    The weights are ``ivar / (1 + ivar s2)``. `design` is (N, T); `products` (N, C) are the products of its columns.
    """
    n_stars, n_pixels = flux.shape
    matrix = np.zeros((products.shape[1], n_pixels))
    vector = np.zeros((design.shape[1], n_pixels))
    constant = np.zeros(n_pixels)
    weight, weighted = np.zeros((4, n_pixels)), np.zeros((4, n_pixels))
    factors, terms = np.zeros((4, products.shape[1])), np.zeros((4, design.shape[1]))
    for first in range(0, n_stars, 4):
        for k in range(4):
            n = min(first + k, n_stars - 1)
            use = 1.0 if first + k < n_stars else 0.0
            for p in range(n_pixels):
                w = use * ivar[n, p] / (1.0 + ivar[n, p] * s2[p])
                weight[k, p] = w
                weighted[k, p] = w * flux[n, p]
                constant[p] += w * flux[n, p] * flux[n, p]
            copy(products[n], factors[k])
            copy(design[n], terms[k])
        add_scaled_rows(matrix, factors, weight)
        add_scaled_rows(vector, terms, weighted)
    return matrix, vector, constant


@compiled
def unpack(matrix: Floats, pixel: int, used: NDArray[np.bool_], full: Floats) -> None:
    """The matrix (T, T) of one pixel; rows and columns of terms that are not used become those of the unit matrix."""
    n_terms, c = full.shape[0], 0
    for t in range(n_terms):
        for u in range(t, n_terms):
            value = matrix[c, pixel] if used[t] and used[u] else 0.0
            full[t, u] = full[u, t] = value
            c += 1
        if not used[t]:
            full[t, t] = 1.0


@compiled
def factorise(full: Floats) -> bool:
    """Cholesky factor in the lower half, in place; False for a matrix that is singular to rounding."""
    size = full.shape[0]
    for i in range(size):
        diagonal = full[i, i]
        for j in range(i + 1):
            value = full[i, j]
            for k in range(j):
                value -= full[i, k] * full[j, k]
            if i > j:
                full[i, j] = value / full[j, j]
            elif value > SINGULAR * diagonal:
                full[i, i] = np.sqrt(value)
            else:
                return False
    return True


@compiled
def substitute(factor: Floats, vector: Floats) -> None:
    """Solve with a Cholesky factor, in place of the right-hand side."""
    size = vector.shape[0]
    for i in range(size):
        for k in range(i):
            vector[i] -= factor[i, k] * vector[k]
        vector[i] /= factor[i, i]
    for i in range(size - 1, -1, -1):
        for k in range(i + 1, size):
            vector[i] -= factor[k, i] * vector[k]
        vector[i] /= factor[i, i]


@compiled
def solve_pixels(matrix: Floats, vector: Floats, used: NDArray[np.bool_], theta: Floats, active: Any) -> None:
    """Least-squares coefficients (T, B) of the active pixels; NaN in those whose matrix is singular.

    `used` (T, B) is False for terms that are held at zero in a pixel.
    """
    n_terms, n_pixels = vector.shape
    full, right = np.empty((n_terms, n_terms)), np.empty(n_terms)
    for p in range(n_pixels):
        if not active[p]:
            continue
        unpack(matrix, p, used[:, p], full)
        for t in range(n_terms):
            right[t] = vector[t, p] if used[t, p] else 0.0
        regular = factorise(full)
        if regular:
            substitute(full, right)
        for t in range(n_terms):
            theta[t, p] = right[t] if regular else np.nan
