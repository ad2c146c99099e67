"""The exact minimum of chi-squared plus an L1 penalty, for the small matrix of one pixel.

Minimises ``theta A theta - 2 b theta + penalty sum_t |theta_t|`` over the terms; the constant (term 0) is free.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from manyfit.kernels._jit import compiled

from ._normal_kernel import copy, factorise, substitute, unpack

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

SWEEPS = 20  # coordinate sweeps between two exact solutions
ROUNDS = 500
ZERO = 1e-12  # relative rounding that a gradient may have beyond the penalty
STILL = 1e-15  # relative step at which coordinate descent stands still


@compiled
def sweep(matrix: Floats, vector: Floats, penalty: float, used: Bools, theta: Floats) -> float:
    """One round of coordinate descent, in place; the largest step, relative to the largest coefficient."""
    step, largest = 0.0, 0.0
    for t in range(len(theta)):
        if not used[t] or matrix[t, t] <= 0.0:
            continue
        right = vector[t]
        for u in range(len(theta)):
            if u != t:
                right -= matrix[t, u] * theta[u]
        half = 0.5 * penalty if t > 0 else 0.0
        new = np.sign(right) * max(abs(right) - half, 0.0) / matrix[t, t]
        step = max(step, abs(new - theta[t]))
        largest = max(largest, abs(new))
        theta[t] = new
    return step / largest if largest > 0.0 else 0.0


@compiled
def solve_with_signs(matrix: Floats, vector: Floats, penalty: float, used: Bools, theta: Floats) -> bool:
    """Move `theta` to the exact minimum among coefficients with its zeros and signs; False if that has other signs."""
    size = len(theta)
    full, right = np.zeros((size, size)), np.zeros(size)
    for t in range(size):
        held = not used[t] or (t > 0 and theta[t] == 0.0)
        for u in range(size):
            free = not held and used[u] and (u == 0 or theta[u] != 0.0)
            full[t, u] = matrix[t, u] if free else 0.0
        if held:
            full[t, t] = 1.0
        else:
            right[t] = vector[t] - (0.5 * penalty * np.sign(theta[t]) if t > 0 else 0.0)
    if not factorise(full):
        return False
    substitute(full, right)
    for t in range(1, size):
        if np.sign(right[t]) != np.sign(theta[t]):
            return False
    copy(right, theta)
    return True


@compiled
def is_minimum(matrix: Floats, vector: Floats, penalty: float, used: Bools, theta: Floats) -> bool:
    """Whether no coefficient that is zero wants to leave zero."""
    for t in range(1, len(theta)):
        if theta[t] != 0.0 or not used[t]:
            continue
        gradient, size = vector[t], abs(vector[t])
        for u in range(len(theta)):
            gradient -= matrix[t, u] * theta[u]
            size += abs(matrix[t, u] * theta[u])
        if abs(gradient) > 0.5 * penalty + ZERO * size:
            return False
    return True


@compiled
def lasso(matrix: Floats, vector: Floats, penalty: float, used: Bools, theta: Floats) -> bool:
    """The minimum for one pixel, in place of a first guess; True if it is proved to be exact.

    Coordinate descent finds which coefficients are zero and the signs of the others; with those the minimum is a
    linear system. It is the answer if its signs agree and its gradient at the zeros is below the penalty.
    """
    for _ in range(ROUNDS):
        step = 0.0
        for _ in range(SWEEPS):
            step = sweep(matrix, vector, penalty, used, theta)
        trial = theta.copy()
        if solve_with_signs(matrix, vector, penalty, used, trial) and is_minimum(matrix, vector, penalty, used, trial):
            copy(trial, theta)
            return True
        if step < STILL:
            return False
    return False


@compiled
def lasso_pixels(
    matrix: Floats, vector: Floats, penalty: Floats, used: NDArray[np.bool_], theta: Floats, active: Bools
) -> None:
    """L1 coefficients (T, B) of the active pixels of a tile, in place of first guesses."""
    n_terms, n_pixels = vector.shape
    full, right, guess = np.empty((n_terms, n_terms)), np.empty(n_terms), np.empty(n_terms)
    held = np.empty(n_terms, dtype=np.bool_)
    for p in range(n_pixels):
        if not active[p]:
            continue
        unpack(matrix, p, used[:, p], full)
        for t in range(n_terms):
            right[t], held[t] = vector[t, p], used[t, p]
            guess[t] = theta[t, p] if used[t, p] else 0.0
        lasso(full, right, penalty[p], held, guess)
        copy(guess, theta[:, p])
