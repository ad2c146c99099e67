"""Median and median absolute deviation of many spectra at once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# Standard deviation over median absolute deviation of a normal distribution: 1 / Phi^-1(3/4).
MAD_TO_STD = 1.482602218505602


def medians(rows: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Median of the values of each row that are not NaN; NaN for a row without any.

    NumPy's partition runs in vector registers, ten times as fast as a selection loop. It puts NaN last, so rows with
    equally many values are done together.

    Examples
    --------
    >>> medians(np.array([[3.0, 1.0, 2.0, np.nan], [4.0, 2.0, 1.0, 3.0]]))
    array([2. , 2.5])
    """
    counts = rows.shape[1] - np.count_nonzero(np.isnan(rows), axis=1)
    out = np.full(len(rows), np.nan)
    for count in np.unique(counts[counts > 0]):
        some = counts == count
        out[some] = _medians(rows if some.all() else rows[some], int(count))
    return out


def _medians(rows: NDArray[np.floating[Any]], count: int) -> NDArray[np.float64]:
    half = count // 2
    parted = np.partition(rows, half, axis=1)
    upper = parted[:, half].astype(np.float64)
    return upper if count % 2 else (upper + parted[:, :half].max(axis=1)) / 2


def mad_std(rows: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Standard deviation of each row from the median absolute deviation, 1.4826 median |x - median x|.

    Parameters
    ----------
    rows
        Values of (spectra, channels), NaN where bad.
    """
    deviation = rows - medians(rows)[:, None]
    return MAD_TO_STD * medians(np.abs(deviation, out=deviation))
