"""Labels of stars from the small forms of chi-squared: Newton's method from several starts.

``chi2(x) = v G v - 2 h v + c`` for scaled labels x. Symbols: T terms without the constant, L labels; nuisance terms are
labels too.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyfit.kernels._jit import compiled

from ._normal_kernel import copy, factorise, substitute

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

CONVERGED, MAX_ITERATIONS, SINGULAR, NO_VALID_PIXELS, TOO_FEW_PIXELS, NON_FINITE = range(6)

STILL = 1e-9  # a step below this part of a label's range ends a run: the next one would be its square
ROUNDING = 1e-14  # rounding of chi-squared, as a part of the sum of squares that it is the rest of
DAMPING = 1e-3  # first damping after a step that did not lower chi-squared
MOST_DAMPING = 1e12
SAME_POINT = 1e-5  # runs that end closer than this have found the same minimum


@compiled
def highest(exponents: Integers) -> int:
    """The highest power."""
    power = 0
    for t in range(exponents.shape[0]):
        for j in range(exponents.shape[1]):
            power = max(power, exponents[t, j])
    return power


@compiled
def largest(step: Floats) -> float:
    """The largest size of an element; NaN counts for nothing."""
    size = 0.0
    for a in range(len(step)):
        size = max(size, abs(step[a]))
    return size


@compiled
def terms_at(x: Floats, exponents: Integers, powers: Floats, v: Floats) -> None:
    """Values of the terms; fills the table of powers of the labels on the way."""
    for j in range(len(x)):
        powers[j, 0] = 1.0
        for e in range(1, powers.shape[1]):
            powers[j, e] = powers[j, e - 1] * x[j]
    for t in range(len(v)):
        value = 1.0
        for j in range(len(x)):
            value *= powers[j, exponents[t, j]]
        v[t] = value


@compiled
def derivative(exponents: Integers, powers: Floats, t: int, a: int, b: int) -> float:
    """Derivative of term t by label a, and by label b too unless b is negative."""
    value = 1.0
    for j in range(powers.shape[0]):
        e = exponents[t, j]
        if j == a:
            value *= e
            e -= 1
        if j == b:
            value *= e
            e -= 1
        if value == 0.0:
            return 0.0
        value *= powers[j, e]
    return value


@compiled
def slopes_at(exponents: Integers, powers: Floats, jacobian: Floats) -> None:
    """Derivatives of the terms by the labels, (T, L)."""
    for t in range(jacobian.shape[0]):
        for j in range(jacobian.shape[1]):
            jacobian[t, j] = derivative(exponents, powers, t, j, -1)


@compiled
def form(matrix: Floats, vector: Floats, v: Floats) -> float:
    """``v G v - 2 h v``."""
    total = 0.0
    for t in range(len(v)):
        row = -2.0 * vector[t]
        for u in range(len(v)):
            row += matrix[t, u] * v[u]
        total += row * v[t]
    return total


@compiled
def gauss_newton(matrix: Floats, jacobian: Floats, normal: Floats) -> None:
    """``J G J``, half of the second derivative of chi-squared without that of the terms."""
    n_terms, n_labels = jacobian.shape
    column = np.empty(n_terms)
    for a in range(n_labels):
        for t in range(n_terms):
            total = 0.0
            for u in range(n_terms):
                total += matrix[t, u] * jacobian[u, a]
            column[t] = total
        for b in range(a, n_labels):
            total = 0.0
            for t in range(n_terms):
                total += jacobian[t, b] * column[t]
            normal[a, b] = normal[b, a] = total


@compiled
def half_derivatives(
    matrix: Floats, vector: Floats, v: Floats, exponents: Integers, powers: Floats, jacobian: Floats, full: bool
) -> Any:
    """Half of the gradient and of the second derivative of chi-squared, and its Gauss-Newton part."""
    n_terms, n_labels = jacobian.shape
    slopes_at(exponents, powers, jacobian)
    normal, gradient = np.empty((n_labels, n_labels)), np.zeros(n_labels)
    gauss_newton(matrix, jacobian, normal)
    second = np.empty((n_labels, n_labels))
    for a in range(n_labels):
        copy(normal[a], second[a])
    for t in range(n_terms):
        rest = -vector[t]
        for u in range(n_terms):
            rest += matrix[t, u] * v[u]
        for a in range(n_labels):
            gradient[a] += jacobian[t, a] * rest
            if full:
                for b in range(a, n_labels):
                    second[a, b] += rest * derivative(exponents, powers, t, a, b)
    for a in range(n_labels):
        for b in range(a):
            second[a, b] = second[b, a]
    return gradient, second, normal


@compiled
def damped_step(second: Floats, normal: Floats, gradient: Floats, damping: float, step: Floats) -> bool:
    """Newton's step with damping; False if the damped matrix is not positive."""
    size = len(gradient)
    damped = np.empty((size, size))
    for a in range(size):
        copy(second[a], damped[a])
        damped[a, a] += damping * normal[a, a]
        step[a] = -gradient[a]
    if not factorise(damped):
        return False
    substitute(damped, step)
    return True


@compiled
def newton(
    matrix: Floats, vector: Floats, constant: float, exponents: Integers, x: Floats, limit: int, full: bool
) -> Any:
    """Move labels to a minimum, in place. Returns chi-squared, number of steps and status."""
    n_terms, n_labels = exponents.shape
    powers, v = np.empty((n_labels, highest(exponents) + 1)), np.empty(n_terms)
    jacobian = np.empty((n_terms, n_labels))
    trial, step = np.empty(n_labels), np.empty(n_labels)
    terms_at(x, exponents, powers, v)
    now, damping = constant + form(matrix, vector, v), 0.0
    for iteration in range(1, limit + 1):
        gradient, second, normal = half_derivatives(matrix, vector, v, exponents, powers, jacobian, full)
        moved = False
        while not moved:
            if damped_step(second, normal, gradient, damping, step):
                for a in range(n_labels):
                    trial[a] = x[a] + step[a]
                terms_at(trial, exponents, powers, v)
                new = constant + form(matrix, vector, v)
                moved = new <= now + ROUNDING * constant
            if not moved:
                damping = max(DAMPING, 4.0 * damping)
                if damping > MOST_DAMPING:
                    return now, iteration, SINGULAR
        copy(trial, x)
        now = new
        if largest(step) < STILL and damping < 1.0:
            return now, iteration, CONVERGED
        damping = 0.1 * damping if damping > DAMPING else 0.0
    return now, limit, MAX_ITERATIONS


@compiled
def best_starts(matrix: Floats, vector: Floats, designs: Floats, count: int) -> Integers:
    """Indices of the starts with the smallest chi-squared; `designs` (K, T) are their terms."""
    n_starts = len(designs)
    values, order = np.empty(n_starts), np.empty(n_starts, dtype=np.int64)
    for k in range(n_starts):
        values[k] = form(matrix, vector, designs[k])
        place = k
        while place > 0 and values[k] < values[order[place - 1]]:
            order[place] = order[place - 1]
            place -= 1
        order[place] = k
    return order[:count]


@compiled
def covariance_at(matrix: Floats, exponents: Integers, x: Floats, covariance: Floats) -> bool:
    """Inverse of ``J G J`` at the labels; NaN and False if it is singular."""
    n_terms, n_labels = exponents.shape
    powers, v = np.empty((n_labels, highest(exponents) + 1)), np.empty(n_terms)
    jacobian = np.empty((n_terms, n_labels))
    terms_at(x, exponents, powers, v)
    slopes_at(exponents, powers, jacobian)
    normal = np.empty((n_labels, n_labels))
    gauss_newton(matrix, jacobian, normal)
    regular = factorise(normal)
    for a in range(n_labels):
        for b in range(n_labels):
            covariance[a, b] = (1.0 if a == b else 0.0) if regular else np.nan
        if regular:
            substitute(normal, covariance[a])
    return regular


@compiled
def add_unpacked(half: Floats, full: Floats) -> None:
    """Add the symmetric matrix whose upper half is given row by row."""
    c = 0
    for t in range(len(full)):
        full[t, t] += half[c]
        c += 1
        for u in range(t + 1, len(full)):
            full[t, u] += half[c]
            full[u, t] = full[t, u]
            c += 1


@compiled
def search(
    matrix: Floats,
    vector: Floats,
    constant: float,
    exponents: Integers,
    starts: Floats,
    designs: Floats,
    n_starts: int,
    limit: int,
    full: bool,
    best: Floats,
) -> Any:
    """The lowest minimum from several starts, in `best`.

    Returns chi-squared, steps, status, start, and by how much the next other minimum is higher.
    """
    order = best_starts(matrix, vector, designs, n_starts)
    ends, values = np.empty((len(order), starts.shape[1])), np.empty(len(order))
    chi2, steps, status, start = np.inf, 0, NON_FINITE, -1
    for k in range(len(order)):
        copy(starts[order[k]], ends[k])
        value, n, code = newton(matrix, vector, constant, exponents, ends[k], limit, full)
        values[k] = value if code == CONVERGED else np.inf
        # An earlier run keeps its place unless a later one is better beyond rounding.
        if np.isfinite(value) and (start < 0 or value < chi2 - 10.0 * ROUNDING * constant):
            chi2, steps, status, start = value, n, code, order[k]
            copy(ends[k], best)
    gap = np.inf
    for k in range(len(order)):
        for a in range(len(best)):
            ends[k, a] -= best[a]
        if largest(ends[k]) > SAME_POINT:
            gap = min(gap, values[k] - chi2)
    return chi2, steps, status, start, gap


@compiled
def packed_form(half: Floats, vector: Floats, v: Floats) -> float:
    """``v G v - 2 h v`` for the upper half of G."""
    total, c = 0.0, 0
    for t in range(len(v)):
        row = half[c] * v[t] - 2.0 * vector[t]
        c += 1
        for u in range(t + 1, len(v)):
            row += 2.0 * half[c] * v[u]
            c += 1
        total += row * v[t]
    return total


@compiled
def star_form(
    matrix: Floats, vector: Floats, constant: Floats, count: Integers, n_labels: int, total: Floats, right: Floats
) -> Any:
    """Add the forms of the chips of a star to `total` and `right`; returns the constant and a status."""
    rest, pixels = 0.0, 0
    for chip in range(len(constant)):
        add_unpacked(matrix[chip], total)
        for t in range(len(right)):
            right[t] += vector[chip, t]
        rest += constant[chip]
        pixels += count[chip]
    if pixels == 0:
        return rest, NO_VALID_PIXELS
    if pixels < n_labels:
        return rest, TOO_FEW_PIXELS
    check = rest
    for t in range(len(right)):
        check += abs(right[t])
        for u in range(len(right)):
            check += abs(total[t, u])
    return rest, CONVERGED if abs(check) < np.inf else NON_FINITE


@compiled
def infer_stars(
    matrix: Floats,
    vector: Floats,
    constant: Floats,
    count: Integers,
    exponents: Integers,
    prior: Floats,
    starts: Floats,
    designs: Floats,
    n_starts: int,
    limit: int,
    full: bool,
) -> Any:
    """Labels of stars from their forms in each chip and the precision `prior` (T,) of terms whose mean is zero.

    Returns scaled labels (S, L), their covariance (S, L, L), chi-squared by chip (S, K), status, steps, start, and the
    gap to the next other minimum, (S,).
    """
    n_stars, n_chips = constant.shape
    n_terms, n_labels = exponents.shape
    labels, covariance = np.full((n_stars, n_labels), np.nan), np.full((n_stars, n_labels, n_labels), np.nan)
    chip_chi2, gap = np.full((n_stars, n_chips), np.nan), np.full(n_stars, np.inf)
    status, steps, start = np.zeros(n_stars, np.int64), np.zeros(n_stars, np.int64), np.full(n_stars, -1)
    powers, v = np.empty((n_labels, highest(exponents) + 1)), np.empty(n_terms)
    for n in range(n_stars):
        total, right = np.zeros((n_terms, n_terms)), np.zeros(n_terms)
        rest, status[n] = star_form(matrix[n], vector[n], constant[n], count[n], n_labels, total, right)
        if status[n] != CONVERGED:
            continue
        for t in range(n_terms):
            total[t, t] += prior[t]
        _, steps[n], status[n], start[n], gap[n] = search(
            total, right, rest, exponents, starts, designs, n_starts, limit, full, labels[n]
        )
        if start[n] < 0:
            continue
        if not covariance_at(total, exponents, labels[n], covariance[n]):
            status[n] = SINGULAR
        terms_at(labels[n], exponents, powers, v)
        for chip in range(n_chips):
            chip_chi2[n, chip] = constant[n, chip] + packed_form(matrix[n, chip], vector[n, chip], v)
    return labels, covariance, chip_chi2, status, steps, start, gap
