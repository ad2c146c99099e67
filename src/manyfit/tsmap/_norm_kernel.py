"""One hypothesis: the norm that maximises the Poisson likelihood of counts over background and source.

With expectation ``b + N e`` and ``q = b / e`` the sums over bins with counts ``d`` are ``A = sum d / (q + N)`` and
``B = sum d / (q + N)**2``; ``S = sum e`` is over all bins. At the maximum ``1 / A = c0 + c1 N``: fixed background has
``c0 = 1 / S, c1 = 0``; with a free scale of the background, of sum T, the scale is eliminated: ``N`` then means source
over background, ``c0 = T / (S D)`` and ``c1 = 1 / D`` with ``D = sum d``. ``1 / A``, a harmonic mean of linear
functions, is concave and rises, so that Newton's step on it never overshoots from below: no damping, and 4 steps where
Newton's on the likelihood itself takes up to 40.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from manyfit.kernels._jit import compiled
from manyfit.kernels.targets.vector import log1p

from ._status import SkyStatus

Array = NDArray[np.float64]

MAX_ITERATIONS = 60
NEAR = 1e-3  # of the norm: steps below converge quadratically, so that the next one can be told
STEP = 1e-14  # of the norm: the next step if no other is to follow
FLAT = 1e-12  # of the slope: below, the background has no share in the best fit and the ratio goes to infinity
ROUNDING = 1e-15  # of the natural scale of a norm: steps below are noise

# Numba takes enumerations slowly; constants it folds.
GOOD, UNDER_FLUCTUATION, NEGATIVE = int(SkyStatus.GOOD), int(SkyStatus.UNDER_FLUCTUATION), int(SkyStatus.NEGATIVE)
INFINITE, NO_BACKGROUND = int(SkyStatus.INFINITE), int(SkyStatus.NO_BACKGROUND)
LIMIT_REACHED = int(SkyStatus.MAX_ITERATIONS)


# Sums in several parts ("reassoc") are what vectorises them, 7 times faster; NaN and infinity keep their meaning. The
# parts depend on the number of bins alone, never on threads or tiles.
@compiled(reassociate=True)
def sums(d: Array, q: Array, norm: float) -> tuple[float, float]:
    """``A`` and ``B`` at a norm."""
    a = b = 0.0
    for i in range(d.size):
        r = 1.0 / (q[i] + norm)
        t = d[i] * r
        a += t
        b += t * r
    return a, b


@compiled(reassociate=True)
def log_sum(d: Array, q: Array, norm: float) -> float:
    """``sum d log(1 + N / q)``."""
    total = 0.0
    for i in range(d.size):
        total += d[i] * log1p(norm / q[i])
    return total


@compiled
def lower_bound(d: Array, q: Array, c0: float, c1: float) -> float:
    """A norm that is not above the best one: each bin alone gives one, by ``d / (q + N) <= A = 1 / (c0 + c1 N)``."""
    bound = -np.inf
    for i in range(d.size):
        rest = 1.0 - d[i] * c1
        if rest > 0.0:
            bound = max(bound, (d[i] * c0 - q[i]) / rest)
    return bound


@compiled
def climb(d: Array, q: Array, start: float, c0: float, c1: float) -> tuple[float, int, int]:
    """From a norm below the best one up to it; norm, evaluations, status."""
    norm, last = start, np.inf
    for n in range(1, MAX_ITERATIONS + 1):
        a, b = sums(d, q, norm)
        mean = 1.0 / a
        slope = b * mean * mean - c1
        if not slope > FLAT * c1:
            return norm, n, NO_BACKGROUND
        step = abs((c0 + c1 * norm - mean) / slope)
        norm += step if c0 + c1 * norm > mean else -step  # down by rounding only
        if step <= NEAR * abs(norm) and step * (step / last) ** 2 <= STEP * abs(norm):
            return norm, n, GOOD
        if step <= ROUNDING * mean / slope:
            return norm, n, GOOD
        last = step
    return norm, MAX_ITERATIONS, LIMIT_REACHED


@compiled
def best_norm(d: Array, q: Array, c0: float, c1: float, signed: bool) -> tuple[float, int, int]:
    """The best norm of zero or more, or of any sign; evaluations, status."""
    a, b = sums(d, q, 0.0)
    if a == np.inf:  # counts without background: only positive norms are possible
        norm, n, status = climb(d, q, lower_bound(d, q, c0, c1), c0, c1)
        return norm, n + 1, max(status, INFINITE)
    if a * c0 >= 1.0:
        return climb(d, q, 0.0, c0, c1)
    if not signed:
        return 0.0, 1, UNDER_FLUCTUATION
    bound = lower_bound(d, q, c0, c1)
    if a == 0.0 or bound == -np.inf:
        return 0.0, 1, UNDER_FLUCTUATION
    slope = b / (a * a) - c1
    first = (c0 - 1.0 / a) / slope if slope > 0.0 else bound
    norm, n, status = climb(d, q, max(first, bound), c0, c1)
    return norm, n + 1, NEGATIVE if status == GOOD else status
