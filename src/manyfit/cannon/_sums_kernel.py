"""Sums over the pixels of each star, after which chi-squared is a small form of the labels.

With the flux a polynomial, ``f = theta_0 + theta v(x)`` (v without the constant), and ``w = ivar / (1 + ivar s2)``::

    chi2(x) = v G v - 2 h v + c,   G = sum w theta theta^T,   h = sum w theta (f - theta_0),   c = sum w (f - theta_0)^2

Symbols: S stars, P pixels, T terms without the constant, C = T (T + 1) / 2 products of two coefficients. Each star is
summed on its own and in the order of its pixels: no number depends on the stars beside it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyfit.kernels._jit import compiled

from ._normal_kernel import copy

Floats = NDArray[np.float64]

GROUP = 64  # stars that are summed side by side
PIECE = 64  # pixels that are read of each of them at a time
UNROLLED = 8  # pixels that are added at once


@compiled
def weigh(flux: Any, ivar: Any, base: Floats, s2: Floats, weight: Floats, weighted: Floats, squares: Floats) -> int:
    """Weights and weighted flux of a few pixels; add the squares. Returns how many pixels can be used."""
    count = 0
    for p in range(flux.shape[0]):
        f, iv = float(flux[p]), float(ivar[p])
        good = (iv > 0.0) & (iv < np.inf) & (abs(f) < np.inf) & (s2[p] < np.inf)
        # Values are chosen first and divided after, without a branch, so that the loop runs on vectors.
        iv, f, extra = (iv, f, s2[p]) if good else (0.0, base[p], 0.0)
        w, d = iv / (1.0 + iv * extra), f - base[p]
        weight[p] = w
        weighted[p] = w * d
        squares[p] += w * d * d
        count += 1 if good else 0
    return count


@compiled
def add_pixels(total: Floats, factors: Floats, weight: Floats) -> None:
    """Add to each row c of `total` (C, S) the sum over eight pixels p of ``factors[p, c] weight[p]``."""
    w0, w1, w2, w3, w4, w5, w6, w7 = (
        weight[0],
        weight[1],
        weight[2],
        weight[3],
        weight[4],
        weight[5],
        weight[6],
        weight[7],
    )
    for c in range(total.shape[0]):
        f0, f1, f2, f3 = factors[0, c], factors[1, c], factors[2, c], factors[3, c]
        f4, f5, f6, f7 = factors[4, c], factors[5, c], factors[6, c], factors[7, c]
        row = total[c]
        for s in range(total.shape[1]):
            left = (f0 * w0[s] + f1 * w1[s]) + (f2 * w2[s] + f3 * w3[s])
            right = (f4 * w4[s] + f5 * w5[s]) + (f6 * w6[s] + f7 * w7[s])
            row[s] += left + right


@compiled
def transpose(rows: Floats, columns: Floats, size: int) -> None:
    """The first `size` columns of rows (S, B) as rows (B, S), zeros in the rest of the eight."""
    for p in range(size):
        for s in range(rows.shape[0]):
            columns[p, s] = rows[s, p]
    for p in range(size, -(-size // UNROLLED) * UNROLLED):
        columns[p] = 0.0


@compiled
def chip_sums(
    flux: Any, ivar: Any, base: Floats, theta: Floats, products: Floats, s2: Floats, first: int, last: int
) -> Any:
    """The forms of a group of stars in the pixels of one chip: G (C, S), h (T, S), c (S,), number of pixels (S,)."""
    n_stars = flux.shape[0]
    matrix, vector = np.zeros((products.shape[1], n_stars)), np.zeros((theta.shape[1], n_stars))
    squares, count = np.zeros((n_stars, PIECE)), np.zeros(n_stars, dtype=np.int64)
    weight, weighted = np.empty((n_stars, PIECE)), np.empty((n_stars, PIECE))
    weight_of, weighted_of = np.empty((PIECE, n_stars)), np.empty((PIECE, n_stars))
    for start in range(first, last, PIECE):
        stop = min(start + PIECE, last)
        for s in range(n_stars):
            f, iv = flux[s, start:stop], ivar[s, start:stop]
            count[s] += weigh(f, iv, base[start:stop], s2[start:stop], weight[s], weighted[s], squares[s])
        transpose(weight, weight_of, stop - start)
        transpose(weighted, weighted_of, stop - start)
        for p in range(0, stop - start, UNROLLED):
            add_pixels(matrix, products[start + p : start + p + UNROLLED], weight_of[p : p + UNROLLED])
            add_pixels(vector, theta[start + p : start + p + UNROLLED], weighted_of[p : p + UNROLLED])
    constant = np.zeros(n_stars)
    for s in range(n_stars):
        for p in range(PIECE):
            constant[s] += squares[s, p]
    return matrix, vector, constant, count


@compiled
def label_sums(flux: Any, ivar: Any, base: Floats, theta: Floats, products: Floats, s2: Floats, chips: Any) -> Any:
    """The forms of each star (S, P) in each of K chips: G (S, K, C), h (S, K, T), c (S, K), pixels used (S, K).

    `base` (P,), `theta` (P + UNROLLED, T) and `products` (P + UNROLLED, C) are the coefficients, the latter two with
    rows of zeros at the end, because eight pixels may reach beyond the last chip.
    """
    n_stars, n_chips = flux.shape[0], chips.shape[0]
    matrix = np.empty((n_stars, n_chips, products.shape[1]))
    vector = np.empty((n_stars, n_chips, theta.shape[1]))
    constant, count = np.empty((n_stars, n_chips)), np.empty((n_stars, n_chips), dtype=np.int64)
    for group in range(0, n_stars, GROUP):
        last = min(group + GROUP, n_stars)
        for k in range(n_chips):
            sums = chip_sums(flux[group:last], ivar[group:last], base, theta, products, s2, chips[k, 0], chips[k, 1])
            for s in range(last - group):
                copy(sums[0][:, s], matrix[group + s, k])
                copy(sums[1][:, s], vector[group + s, k])
                constant[group + s, k], count[group + s, k] = sums[2][s], sums[3][s]
    return matrix, vector, constant, count
