"""One hypothesis from expected counts to TS, norm, errors and status."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from manyfit.kernels._jit import compiled

from ._background_kernel import scale
from ._limits_kernel import errors
from ._norm_kernel import INFINITE, NO_BACKGROUND, best_norm, log_sum, sums
from ._norm_kernel import UNDER_FLUCTUATION as UNDER
from ._status import SkyStatus

Array = NDArray[np.float64]

NO_COUNTS, NO_EXPOSURE = int(SkyStatus.NO_COUNTS), int(SkyStatus.NO_EXPOSURE)
NON_FINITE = int(SkyStatus.NON_FINITE)

#: Columns of results: TS, norm, scale of the background, then norm_err, norm_errn, norm_errp, norm_ul if wanted.
TS, NORM, SCALE, ERROR, LOWER, UPPER, LIMIT = range(7)


@compiled
def ratios(b: Array, e: Array, q: Array) -> bool:
    """Fill q with ``b / e``, infinity where no counts are expected; whether e is zero or more everywhere."""
    valid = True
    for i in range(e.size):
        valid &= 0.0 <= e[i] < np.inf
        q[i] = b[i] / e[i] if e[i] > 0.0 else np.inf
    return valid


@compiled
def fit_one(
    d: Array, b: Array, e: Array, s: float, t: float, signed: bool, level: float, q: Array, out: Array
) -> tuple[int, int]:
    """Fit one norm; evaluations and status.

    Parameters
    ----------
    d, b, e
        Counts, background and expectation of the bins with counts.
    s, t
        Sum of the expectation over all bins; of the background, for a free scale, or 0.
    signed
        Whether the norm may be negative.
    level
        Fall of TS at the upper limit.
    q
        Room for as many numbers as there are bins.
    out
        4 or 7 numbers, in the order of the columns above.
    """
    out[:] = np.nan
    if not ratios(b, e, q) or not 0.0 <= s < np.inf:
        return 0, NON_FINITE
    if s == 0.0:
        return 0, NO_EXPOSURE
    d_sum = d.sum()
    if d_sum == 0.0:
        return _without_counts(s, level, out)
    c0, c1 = (1.0 / s, 0.0) if t == 0.0 else (t / (s * d_sum), 1.0 / d_sum)
    u, n, status = best_norm(d, q, c0, c1, signed)
    if status == NO_BACKGROUND:
        out[TS], out[NORM], out[SCALE] = _without_background(d, q, t / s), d_sum / s, 0.0
        return n, status
    _best_values(d, q, u, s, t, d_sum, out)
    if status == INFINITE:
        out[TS] = np.inf
    q += u
    errors(d, q, u, level, status == UNDER, s, d_sum, t, out[ERROR:])
    if out.size > LIMIT:
        out[LIMIT] += out[NORM]
    return n, status


@compiled
def _best_values(d: Array, q: Array, u: float, s: float, t: float, d_sum: float, out: Array) -> None:
    if u == 0.0:
        out[TS], out[NORM], out[SCALE] = 0.0, 0.0, 1.0 if t == 0.0 else d_sum / t
        return
    beta = scale(sums(d, q, u)[0], u, d_sum, t) if t > 0.0 else 1.0
    rise = log_sum(d, q, u)
    cost = u * s if t == 0.0 else d_sum * np.log1p(u * s / t)
    out[TS] = max(2.0 * (rise - cost), 0.0)
    out[NORM], out[SCALE] = u * beta, beta


@compiled
def _without_background(d: Array, q: Array, ratio: float) -> float:
    """TS of a source alone over background alone, both with as many counts as there are."""
    total = 0.0
    for i in range(d.size):
        total += d[i] * np.log(ratio / q[i])
    return max(2.0 * total, 0.0)


@compiled
def _without_counts(s: float, level: float, out: Array) -> tuple[int, int]:
    """TS falls as ``2 N S`` from a norm of zero."""
    out[TS], out[NORM], out[SCALE], out[ERROR] = 0.0, 0.0, 1.0, 0.5 / s
    if out.size > LIMIT:
        out[LOWER], out[UPPER], out[LIMIT] = 0.0, 0.5 / s, 0.5 * level / s
    return 0, NO_COUNTS
