"""The likelihood written down once more, slowly: with SciPy for bulk, with mpmath for digits."""

from __future__ import annotations

import mpmath
import numpy as np
from scipy.optimize import brentq
from scipy.special import xlogy


def test_statistic(norm, d, b, e, e_sum):
    """TS of a norm against no source."""
    rate = b + norm * e
    used = d > 0
    return 2.0 * (np.sum(xlogy(d[used], rate[used] / b[used])) - norm * e_sum)


test_statistic.__test__ = False


def best_norm(d, b, e, e_sum, *, signed=False, digits=40):
    """Norm and TS to many digits, by bisection of the derivative."""
    with mpmath.workdps(digits):
        bins = [tuple(mpmath.mpf(float(x)) for x in one) for one in zip(d, b, e, strict=True) if one[0] > 0]
        total = mpmath.mpf(float(e_sum))

        def slope(n):
            return mpmath.fsum(x * z / (y + n * z) for x, y, z in bins) - total

        low, high = mpmath.mpf(0), mpmath.fsum(x for x, _, _ in bins) / total
        if signed:
            edge = -min(y / z for _, y, z in bins if z > 0)
            low = edge + (high - edge) * mpmath.mpf(10) ** -30
        elif slope(low) <= 0:
            return 0.0, 0.0
        for _ in range(int(digits * 3.4)):
            middle = (low + high) / 2
            low, high = (middle, high) if slope(middle) > 0 else (low, middle)
        ts = 2 * (mpmath.fsum(x * mpmath.log(1 + low * z / y) for x, y, z in bins) - low * total)
        return float(low), float(ts)


def crossing(norm, level, side, d, b, e, e_sum):
    """Distance from the norm at which TS has fallen by a level."""
    peak = test_statistic(norm, d, b, e, e_sum)

    def above(n):
        return peak - test_statistic(n, d, b, e, e_sum) - level

    if side > 0:
        step = 1e-3 / e_sum
        while above(norm + step) < 0:
            step *= 2
        return brentq(above, norm, norm + step, xtol=1e-15, rtol=1e-13) - norm
    edge = -np.min(b[(d > 0) & (e > 0)] / e[(d > 0) & (e > 0)])
    low = edge + (norm - edge) * 1e-14
    return norm - brentq(above, low, norm, xtol=1e-15, rtol=1e-13)


def simulated(rng, n_bins=60, n_hypotheses=20, norm=1.0, mean=1.0, scale=1.0):
    """Counts, background and expectations of which the first is in the counts."""
    b = rng.gamma(1.0, mean, n_bins) + 1e-3
    e = rng.gamma(0.5, 2.0, (n_hypotheses, n_bins)) * scale
    return rng.poisson(b + norm * e[0]).astype(float), b, e
