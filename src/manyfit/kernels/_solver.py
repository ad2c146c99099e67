"""Levenberg-Marquardt for one element, and the loop over the elements of a tile.

The functions are plain Python on flat arrays; a target compiles the text of this file, with the types that the
annotations say (see `targets.cpu`). They ask little of a compiler, reads and writes at an index, so that compiling
them takes seconds, not tens of them. ``at(array, k)`` is the array from place ``k`` on, ``call(kernel, ...)`` calls a
kernel.

The kernel of a model is a function ``kernel(p, x, y, w, points, g, h, rows)`` that returns the statistic ``S`` and
fills half its gradient ``g`` and the lower triangle of the normal matrix ``h``. A step ``s`` changes the statistic by
``2 g.s + s.h.s`` to second order.

Damping follows Nielsen (1999, IMM-REP-1999-05), scaling by the largest diagonal seen so far MINPACK (More 1978, LNM
630, 105). What the normal matrix lacks of the true curvature is learned from the steps, as in NL2SOL (Dennis, Gay &
Welsch 1981, ACM TOMS 7, 348). Parameters on a bound are held while the gradient presses them against it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from manyfit.kernels.targets.python import at, call

# What the annotations mean to a compiler: see `targets.cpu`.
Numbers = NDArray[np.floating]
Wholes = NDArray[np.int64]
Counts = NDArray[np.int32]
Codes = NDArray[np.int8]
Kernel = Callable[[Numbers, Numbers, Numbers, Numbers, int, Numbers, Numbers, Numbers], float]

# The codes of `Status`: a compiled function cannot read the enumeration.
CONVERGED, AT_BOUND, MAX_ITERATIONS, SINGULAR = 0, 1, 3, 4
NO_VALID_POINTS, TOO_FEW_POINTS, BAD_START, NON_FINITE, STALLED = 5, 6, 7, 8, 11

#: Relative damping of the first step of a model that is not linear: poor start values are led home more often than
#: with the customary 1e-3, good ones need hardly longer.
FIRST_DAMPING = 0.1
#: Steps with less damping than this are taken for undamped.
LITTLE_DAMPING = 1e-3
#: The most that the predicted decrease is trusted to fall again from one step to the next.
LARGEST_SHRINK = 1e-3
#: A step this many roundings small against the parameters, in the norm of the normal matrix, is no step.
SMALLEST_STEP = 64.0
#: Points of one chunk of rows of a kernel (see `_emit`): ten rows of float64 fill half of a first-level cache.
CHUNK = 256
#: Pivots below this many roundings of the diagonal mean that the parameters are undetermined.
SMALLEST_PIVOT = 64.0


def solve(a: Numbers, n: int, smallest: float, b: Numbers) -> bool:
    """Solve ``a z = b`` in place for a symmetric n x n matrix, by L D L^T.

    Only the lower triangle of ``a`` is read; it is overwritten. Returns whether all pivots are larger than
    ``smallest`` times the diagonal, that is for 0, whether the matrix is positive definite.
    """
    definite = True
    for j in range(n):
        for i in range(j):
            value = a[j * n + i]
            for k in range(i):
                value -= a[j * n + k] * a[i * n + k]
            a[j * n + i] = value
        pivot = a[j * n + j]
        least = smallest * pivot
        value = b[j]
        for i in range(j):
            factor = a[j * n + i] * a[i * n + i]
            pivot -= factor * a[j * n + i]
            value -= factor * b[i]
            a[j * n + i] = factor
        b[j] = value
        if not pivot > least:
            definite = False
            break
        a[j * n + j] = 1.0 / pivot
    if definite:
        for j in range(n - 1, -1, -1):
            value = b[j] * a[j * n + j]
            for i in range(j + 1, n):
                value -= a[i * n + j] * b[i]
            b[j] = value
    return definite


def without_held(h: Numbers, held: Wholes, n: int, a: Numbers) -> None:
    """Copy the lower triangle of a matrix; the rows and columns that are held become those of the unit matrix."""
    for i in range(n):
        for j in range(i):
            a[i * n + j] = 0.0 if held[i] != 0 or held[j] != 0 else h[i * n + j]
        a[i * n + i] = 1.0 if held[i] != 0 else h[i * n + i]


def bounded_step(
    p: Numbers,
    g: Numbers,
    h: Numbers,
    scale: Numbers,
    damping: float,
    lower: Numbers,
    upper: Numbers,
    n: int,
    step: Numbers,
    a: Numbers,
    held: Wholes,
) -> float:
    """The damped Gauss-Newton step that stays within the bounds.

    A parameter that the step would carry past a bound is put on it, and the step of the others is computed again.
    Returns the predicted decrease of the statistic, negative where the matrix has no factor.
    """
    for i in range(n):
        step[i] = 0.0
        held[i] = 1
        if (p[i] > lower[i] or g[i] < 0.0) and (p[i] < upper[i] or g[i] > 0.0):
            held[i] = 0
    decrease = 0.0
    waiting = True
    while waiting:
        without_held(h, held, n, a)
        for i in range(n):
            if held[i] == 0:
                a[i * n + i] += damping * scale[i]
                value = -g[i]
                for j in range(n):
                    # What a parameter already put on a bound adds to the gradient of the others.
                    if held[j] != 0:
                        value -= h[i * n + j] * step[j]
                step[i] = value
        waiting = False
        if not solve(a, n, 0.0, step):
            decrease = -1.0
            break
        for i in range(n):
            if held[i] == 0 and step[i] < 0.0 and p[i] + step[i] <= lower[i]:
                step[i] = lower[i] - p[i]
                held[i] = 1
                waiting = True
            elif held[i] == 0 and step[i] > 0.0 and p[i] + step[i] >= upper[i]:
                step[i] = upper[i] - p[i]
                held[i] = 1
                waiting = True
    if decrease == 0.0:
        for i in range(n):
            row = 2.0 * g[i]
            for j in range(n):
                row += h[i * n + j] * step[j]
            decrease -= row * step[i]
    return decrease


def learn_bend(
    g: Numbers,
    trial_g: Numbers,
    h: Numbers,
    trial_h: Numbers,
    step: Numbers,
    fall: float,
    bend: Numbers,
    missing: Numbers,
    known: Numbers,
    n: int,
) -> bool:
    """Learn from an accepted step what the second derivatives of the model add to the normal matrix.

    Without them the steps shrink slowly where residuals are large, as in a spectrum of mere noise. The secant update
    and its sizing are those of NL2SOL (Dennis, Gay & Welsch 1981, ACM TOMS 7, 348). Returns whether the fall of the
    statistic was predicted better with the old `bend` than without it.
    """
    along = 0.0
    missing_along = 0.0
    known_along = 0.0
    without = fall
    for i in range(n):
        turn = trial_g[i] - g[i]
        lost = turn
        seen = 0.0
        row = 2.0 * g[i]
        for j in range(n):
            lost -= trial_h[i * n + j] * step[j]
            seen += bend[i * n + j] * step[j]
            row += h[i * n + j] * step[j]
        missing[i] = lost
        known[i] = seen
        along += turn * step[i]
        missing_along += lost * step[i]
        known_along += seen * step[i]
        without += row * step[i]
    size = 1.0
    if missing_along * missing_along < known_along * known_along:
        size = missing_along / known_along
        size = size if size > 0.0 else -size
    if along > 0.0:
        inverse = 1.0 / along
        rest = (missing_along - size * known_along) * inverse
        for i in range(n):
            change = (trial_g[i] - g[i]) * inverse
            gap = (missing[i] - size * known[i]) * inverse
            for j in range(i + 1):
                turn = trial_g[j] - g[j]
                value = gap * turn + change * (missing[j] - size * known[j] - rest * turn) + size * bend[i * n + j]
                bend[i * n + j] = value
                bend[j * n + i] = value
    with_it = without + known_along
    return with_it * with_it <= without * without


def mirror(h: Numbers, n: int) -> None:
    """Copy the lower triangle of a matrix to the upper."""
    for i in range(n):
        for j in range(i):
            h[j * n + i] = h[i * n + j]


def minimise(
    kernel: Kernel,
    x: Numbers,
    y: Numbers,
    w: Numbers,
    points: int,
    p: Numbers,
    lower: Numbers,
    upper: Numbers,
    n: int,
    options: Numbers,
    limit: int,
    outcome: Numbers,
    g: Numbers,
    h: Numbers,
    trial: Numbers,
    trial_g: Numbers,
    trial_h: Numbers,
    scale: Numbers,
    step: Numbers,
    a: Numbers,
    rows: Numbers,
    held: Wholes,
    bend: Numbers,
    curvature: Numbers,
    missing: Numbers,
    known: Numbers,
) -> int:
    """Minimise the statistic of one element over ``p[:n]``, in place; see `fit_tile` for the arguments.

    Returns a code of `Status`; ``outcome`` takes the statistic and the number of evaluations. ``g`` and ``h`` are those
    of the last point that was accepted.
    """
    unit, tolerance, epsilon, damping = options[0], options[1], options[2], options[3]
    statistic = call(kernel, p, x, y, w, points, g, h, rows)
    mirror(h, n)
    evaluations = 1
    check = statistic
    for i in range(n):
        check += g[i] + h[i * n + i]
        scale[i] = 0.0
    status = CONVERGED if check - check == 0.0 else NON_FINITE
    freedom = points - n if points > n else 1
    growth = 2.0
    last = 0.0
    probing = False
    refuted = False
    curved = False
    for i in range(n * n):
        bend[i] = 0.0
    running = status == CONVERGED
    while running:
        length = 0.0
        size = 0.0
        for i in range(n):
            if h[i * n + i] > scale[i]:
                scale[i] = h[i * n + i]
            if not scale[i] > 0.0:
                scale[i] = 1.0
        for i in range(n):
            for j in range(n):
                curvature[i * n + j] = h[i * n + j] + (bend[i * n + j] if curved else 0.0)
        predicted = bounded_step(p, g, curvature, scale, 0.0 if probing else damping, lower, upper, n, step, a, held)
        if predicted < 0.0 and curved:
            # Not positive definite with what was learned of the curvature: do without, and learn anew.
            curved = False
            for i in range(n * n):
                bend[i] = 0.0
            continue
        for i in range(n):
            length += scale[i] * step[i] * step[i]
            size += scale[i] * p[i] * p[i]
            trial[i] = p[i] + step[i]
            if trial[i] < lower[i]:
                trial[i] = lower[i]
            if trial[i] > upper[i]:
                trial[i] = upper[i]
        # Decreases shrink by a constant factor near the minimum, so this one times that factor is what remains after
        # the step. A single large fall is not yet the rule: hence the limit on the factor.
        shrink = predicted / last if predicted < last else 1.0
        remaining = predicted * (shrink if shrink > LARGEST_SHRINK else LARGEST_SHRINK)
        rounding = 4.0 * epsilon * (statistic if statistic > 0.0 else -statistic)
        is_small = predicted <= rounding or remaining <= tolerance * tolerance * (
            unit if unit > 0.0 else statistic / freedom
        )
        negligible = length <= SMALLEST_STEP * SMALLEST_STEP * epsilon * epsilon * size
        if predicted < 0.0 and probing:
            # The parameters are not determined here, and what is determined has converged.
            running = False
        elif predicted >= 0.0 and is_small and damping > LITTLE_DAMPING and not probing and not refuted:
            # A damped step is small for two reasons: look at the one without damping before believing it. Once is
            # enough at one place: at a kink no step helps, however good it looks.
            probing = True
            continue
        elif predicted >= 0.0 and (is_small or negligible):
            # So close that the step itself is the answer and needs no evaluation to confirm it.
            for i in range(n):
                p[i] = trial[i]
            statistic -= predicted
            running = False
        elif evaluations >= limit:
            status = MAX_ITERATIONS
            running = False
        else:
            if probing:
                damping = LITTLE_DAMPING
                growth = 2.0
                last = 0.0
                probing = False
                refuted = True
            ratio = -1.0
            if predicted > 0.0:
                trial_statistic = call(kernel, trial, x, y, w, points, trial_g, trial_h, rows)
                mirror(trial_h, n)
                evaluations += 1
                ratio = (statistic - trial_statistic) / predicted
            # A trial that is not finite has a ratio that is not a number, and is not greater than zero.
            if ratio > 0.0:
                curved = learn_bend(g, trial_g, h, trial_h, step, statistic - trial_statistic, bend, missing, known, n)
                statistic = trial_statistic
                last = predicted
                refuted = False
                for i in range(n):
                    p[i] = trial[i]
                    g[i] = trial_g[i]
                    for j in range(n):
                        h[i * n + j] = trial_h[i * n + j]
                fall = 2.0 * ratio - 1.0
                factor = 1.0 - fall * fall * fall
                damping *= factor if factor > 1.0 / 3.0 else 1.0 / 3.0
                growth = 2.0
            else:
                damping = (damping if damping > epsilon else epsilon) * growth
                growth *= 2.0
                if damping * epsilon > 1.0:
                    # No step along the gradient lowers the statistic: a kink, or the edge of what is defined.
                    status = STALLED
                    running = False
    outcome[0] = statistic
    outcome[1] = evaluations
    return status


def covariance(
    h: Numbers,
    p: Numbers,
    lower: Numbers,
    upper: Numbers,
    n: int,
    epsilon: float,
    factor: float,
    packed: Numbers,
    a: Numbers,
    column: Numbers,
    held: Wholes,
) -> int:
    """``factor`` times the inverse of the normal matrix, as packed lower triangle.

    Parameters on a bound are left out and stay NaN. Returns CONVERGED, AT_BOUND or SINGULAR.
    """
    status = CONVERGED
    for i in range(n):
        held[i] = 0 if lower[i] < p[i] and p[i] < upper[i] else 1
        if held[i] != 0:
            status = AT_BOUND
    for k in range(n):
        for i in range(n):
            column[i] = 1.0 if i == k else 0.0
        without_held(h, held, n, a)
        if not solve(a, n, SMALLEST_PIVOT * epsilon, column):
            status = SINGULAR
            break
        for i in range(k, n):
            if held[i] == 0 and held[k] == 0:
                packed[i * (i + 1) // 2 + k] = factor * column[i]
    return status


def compress(
    x: Numbers,
    y: Numbers,
    w: Numbers,
    inputs: int,
    points: int,
    weighted: bool,
    xs: Numbers,
    ys: Numbers,
    ws: Numbers,
) -> int:
    """Copy the valid points: a finite datum and, where there are weights, a finite positive one. Returns their number.

    The inputs of the copy follow each other without gaps.
    """
    count = points
    for k in range(inputs):
        m = 0
        for i in range(points):
            value = y[i]
            weight = w[i] if weighted else 1.0
            if value - value == 0.0 and weight > 0.0 and weight - weight == 0.0:
                xs[k * count + m] = x[k * points + i]
                ys[m] = value
                if weighted:
                    ws[m] = weight
                m += 1
        count = m
    return count


def count_valid(y: Numbers, w: Numbers, points: int, weighted: bool) -> int:
    """Number of the points that `compress` keeps."""
    count = 0
    if weighted:
        for i in range(points):
            count += 1 if y[i] - y[i] == 0.0 and w[i] > 0.0 and w[i] - w[i] == 0.0 else 0
    else:
        for i in range(points):
            count += 1 if y[i] - y[i] == 0.0 else 0
    return count


def start_at(
    p: Numbers,
    trial: Numbers,
    start: Numbers,
    lower: Numbers,
    upper: Numbers,
    n: int,
    parameters: int,
) -> int:
    """Copy the start values, moved into the bounds; 0 where one of them or a bound cannot be used."""
    usable = 1
    for i in range(parameters):
        p[i] = start[i]
        if i < n and p[i] < lower[i]:
            p[i] = lower[i]
        if i < n and p[i] > upper[i]:
            p[i] = upper[i]
        trial[i] = p[i]
        if not p[i] - p[i] == 0.0 or (i < n and not lower[i] <= upper[i]):
            usable = 0
    return usable


def fit_tile(
    kernel: Kernel,
    information: Kernel,
    x: Numbers,
    y: Numbers,
    w: Numbers,
    element_weight: Numbers,
    start: Numbers,
    lower: Numbers,
    upper: Numbers,
    sizes: Wholes,
    options: Numbers,
    work: Numbers,
    indices: Wholes,
    values: Numbers,
    packed: Numbers,
    statistics: Numbers,
    counts: Counts,
    evaluations: Counts,
    statuses: Codes,
) -> None:
    """Fit every element of a tile; all arrays are flat.

    Parameters
    ----------
    kernel, information
        The functions of the model; `information` overwrites the normal matrix with the observed one.
    x, y, w, element_weight, start, lower, upper
        Coordinates (inputs, points), data (points,), weights of points (points,), weight of the whole element,
        start values (parameters,) with the free ones first, bounds (free,), one after the other for all elements.
    sizes
        elements, inputs, points, free, parameters, limit on evaluations, flags of the observed information and of
        weights, then how far x, w, element_weight, start and bounds move from one element to the next (0: shared).
    options
        The change of the statistic that one standard deviation makes, 0 to take it from the residuals; tolerance: how
        far from the minimum to stop, in standard deviations; rounding of the type of number; damping of the first
        step.
    work, indices
        Scratch, as long as `scratch_sizes` says.
    values, packed, statistics, counts, evaluations, statuses
        Results: (free,), (free (free + 1) / 2,) and four single numbers for each element; NaN beforehand.
    """
    inputs, points, n, parameters = sizes[1], sizes[2], sizes[3], sizes[4]
    weighted = sizes[7] != 0
    p, trial = at(work, 0), at(work, parameters)
    g, trial_g = at(work, 2 * parameters), at(work, 2 * parameters + n)
    scale, step = at(work, 2 * parameters + 2 * n), at(work, 2 * parameters + 3 * n)
    outcome = at(work, 2 * parameters + 4 * n)
    missing, known = at(work, 2 * parameters + 4 * n + 2), at(work, 2 * parameters + 5 * n + 2)
    first = 2 * parameters + 6 * n + 2
    h, trial_h, a = at(work, first), at(work, first + n * n), at(work, first + 2 * n * n)
    bend, curvature = at(work, first + 3 * n * n), at(work, first + 4 * n * n)
    rows = at(work, first + 5 * n * n)
    copies = first + 5 * n * n + (n + 1) * CHUNK
    xs, ys, ws = at(work, copies), at(work, copies + inputs * points), at(work, copies + (inputs + 1) * points)
    held = at(indices, 0)
    for e in range(sizes[0]):
        xe, ye, we = at(x, e * sizes[8]), at(y, e * points), at(w, e * sizes[9])
        low, high = at(lower, e * sizes[12]), at(upper, e * sizes[12])
        whole = element_weight[e * sizes[10]]
        count = count_valid(ye, we, points, weighted)
        if not (whole > 0.0 and whole - whole == 0.0):
            count = 0
        counts[e] = count
        evaluations[e] = 0
        if count == 0:
            status = NO_VALID_POINTS
        elif count < n:
            status = TOO_FEW_POINTS
        elif start_at(p, trial, at(start, e * sizes[11]), low, high, n, parameters) == 0:
            status = BAD_START
        else:
            if count < points:
                compress(xe, ye, we, inputs, points, weighted, xs, ys, ws)
                xe, ye, we = xs, ys, ws
            status = minimise(
                kernel,
                xe,
                ye,
                we,
                count,
                p,
                low,
                high,
                n,
                at(options, 0),
                sizes[5],
                outcome,
                g,
                h,
                trial,
                trial_g,
                trial_h,
                scale,
                step,
                a,
                rows,
                held,
                bend,
                curvature,
                missing,
                known,
            )
            evaluations[e] = outcome[1]
            if status != NON_FINITE:
                if sizes[6] != 0:
                    call(information, p, xe, ye, we, count, g, h, rows)
                determined = covariance(
                    h, p, low, high, n, options[2], 1.0 / whole, at(packed, e * (n * (n + 1) // 2)), a, step, held
                )
                if status == CONVERGED:
                    status = determined
                statistics[e] = outcome[0] * whole
                for i in range(n):
                    values[e * n + i] = p[i]
        statuses[e] = status


def scratch_sizes(inputs: int, points: int, n: int, parameters: int) -> tuple[int, int]:
    """Lengths of ``work`` and ``indices`` of `fit_tile`."""
    work = 2 * parameters + 6 * n + 2 + 5 * n * n + (n + 1) * CHUNK + (inputs + 2) * points
    return work, n
