"""When is one more component worth it: AICc, BIC, and the chance that noise looks like a line."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from manyfit.errors import InputError, unknown_name

Array = NDArray[np.float64]


def aicc(chi2: ArrayLike, n_free: ArrayLike, n_points: ArrayLike) -> Any:
    r"""Akaike's criterion for few data, :math:`\chi^2 + 2k + 2k(k+1)/(N-k-1)`.

    Infinite where there are not enough points. Source: Sugiura (1978); Hurvich & Tsai (1989, Biometrika 76, 297).

    Parameters
    ----------
    chi2
        Chi2 with absolute errors.
    n_free, n_points
        Number of free parameters, of valid points.

    Examples
    --------
    >>> float(aicc(50.0, 3, 54))
    56.48
    """
    k, n = np.asarray(n_free, float), np.asarray(n_points, float)
    spare = n - k - 1
    return np.where(spare > 0, chi2 + 2 * k + 2 * k * (k + 1) / np.where(spare > 0, spare, 1), np.inf)


def bic(chi2: ArrayLike, n_free: ArrayLike, n_points: ArrayLike) -> Any:
    r"""Schwarz's criterion, :math:`\chi^2 + k \ln N` (Schwarz 1978, Ann. Stat. 6, 461).

    Examples
    --------
    >>> round(float(bic(50.0, 3, 54)), 3)
    61.967
    """
    k, n = np.asarray(n_free, float), np.asarray(n_points, float)
    return np.where(n > k, chi2 + k * np.log(np.maximum(n, 1)), np.inf)


CRITERIA = {"aicc": aicc, "bic": bic}


def criterion_of(name: str) -> Any:
    """The function of a criterion.

    Raises
    ------
    InputError
        The name is not known.
    """
    if name not in CRITERIA:
        raise unknown_name("criterion", name, CRITERIA)
    return CRITERIA[name]


def false_alarms(gain: ArrayLike, n_channels: float, narrow: float, wide: float) -> Any:
    r"""How many Gaussians of free position and width noise alone brings that lower chi2 by more than `gain`.

    A test of chi2 for three more parameters does not hold here: position and width mean nothing while there is no
    line. With :math:`z=\sqrt{\Delta\chi^2}`, noise seen through a filter that matches a Gaussian is a random field of
    position and width. The expected number of its peaks above z is, for axes of length L channels and widths
    (standard deviations) from a to b channels,

    .. math:: E(z) = Q(z) + \frac{e^{-z^2/2}}{2\pi}\Big[\frac{L}{2\sqrt2}\Big(\frac1a+\frac1b\Big)
              + \frac{\ln(b/a)}{\sqrt2}\Big] + \frac{z\,e^{-z^2/2}}{(2\pi)^{3/2}}\,\frac{L}{2}\Big(\frac1a-\frac1b\Big),

    the expected Euler characteristic (Adler & Taylor 2007, Random Fields and Geometry, ch. 12): its parts are those
    of the corners, edges and inside of the region searched, and the metric is that of the overlap of two Gaussians,
    :math:`d\mu^2/(2\sigma^2) + (d\ln\sigma)^2/2`. It is close to the chance of a false line where it is small.

    Parameters
    ----------
    gain
        How much chi2 falls with one more component.
    n_channels
        Length of the axis in channels.
    narrow, wide
        Limits of the standard deviation in channels. A line narrower than half a channel is as one of half a channel:
        it fills one channel.

    Examples
    --------
    >>> bool(false_alarms(25.0, 100, 0.5, 20) < 1e-3 < false_alarms(16.0, 100, 0.5, 20))
    True
    """
    z = np.sqrt(np.maximum(gain, 0.0))
    bell = np.exp(-0.5 * z * z)
    a, b = max(narrow, 0.5), max(wide, 0.5)
    edges = (n_channels * (1 / a + 1 / b) / 2 + np.log(b / a)) / np.sqrt(2)
    inside = n_channels * (1 / a - 1 / b) / 2
    return _upper_tail(z) + bell * (edges / (2 * np.pi) + z * inside / (2 * np.pi) ** 1.5)


def gain_needed(chance: float, n_channels: float, narrow: float, wide: float) -> float:
    """The fall of chi2 that noise alone brings with a given chance: the inverse of `false_alarms`.

    Parameters
    ----------
    chance
        Between 0 and 1.
    n_channels, narrow, wide
        As for `false_alarms`.

    Raises
    ------
    InputError
        The chance is not between 0 and 1.

    Examples
    --------
    >>> round(gain_needed(1e-3, 100, 0.5, 20), 1)
    21.2
    """
    from scipy.optimize import brentq

    if not 0 < chance < 1:
        raise InputError(f"false_alarm is {chance!r}. Give a chance between 0 and 1, or None for the criterion alone.")

    def excess(gain: float) -> float:
        return float(np.log(false_alarms(gain, n_channels, narrow, wide) / chance))

    # The count has its maximum near z = 1; below it the chance is not small and the formula says nothing.
    return float(brentq(excess, 2.0, 1400.0)) if excess(2.0) > 0 else 2.0


def _upper_tail(z: Any) -> Any:
    from scipy.special import ndtr

    return ndtr(-z)


def best(criteria: Array, chi2: Array, needed: float) -> NDArray[np.int64]:
    """The number of components: the first after which no more are worth it.

    m components are worth more than n where their criterion is lower and chi2 falls by at least `needed` for each
    that is more. Going up, the number moves from n to the nearest better m until there is none.

    Parameters
    ----------
    criteria, chi2
        (numbers from 0, elements); NaN or infinite where there is no fit.
    needed
        Fall of chi2 for each component.

    Examples
    --------
    >>> chi2 = np.array([[90.0, 90.0], [60.0, 85.0], [20.0, 84.0]])
    >>> best(chi2 + 6 * np.arange(3)[:, None], chi2, 20.0)
    array([2, 0])
    """
    number = np.zeros(criteria.shape[1], np.int64)
    every = np.arange(criteria.shape[1])
    for more in range(1, len(criteria)):
        with np.errstate(invalid="ignore"):
            fall = chi2[number, every] - chi2[more]
            gains = (criteria[more] < criteria[number, every]) & (fall >= needed * (more - number))
        number = np.where(gains, more, number)
    return number
