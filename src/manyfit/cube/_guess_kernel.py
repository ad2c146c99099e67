"""The highest peak of each spectrum: height, place and width, from plain arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from manyfit.kernels._jit import compiled

#: Part of the area of a Gaussian line that lies above half of its maximum: erf(sqrt(ln 2)).
ABOVE_HALF = 0.7609681085504878
#: The narrowest line that is guessed, as a standard deviation in channels.
NARROWEST = 0.4

Array = NDArray[np.float64]


@compiled
def highest_peaks(spectra: Array, sign: float, with_level: bool, found: Array) -> None:
    """Find the highest peak of each spectrum, smoothed over three channels.

    Parameters
    ----------
    spectra
        Values (spectra, channels), not finite where bad.
    sign
        1 for emission, -1 for absorption.
    with_level
        Whether lines stand on a continuum, taken to be the median.
    found
        Output (spectra, 4): height (with its sign), place and standard deviation in channels, level of the continuum;
        NaN for a spectrum without values.
    """
    n = spectra.shape[1]
    smooth = np.empty(n)
    for e in range(spectra.shape[0]):
        y = spectra[e]
        level = _median(y) if with_level else 0.0
        top = _smooth(y, sign, level, smooth)
        found[e, 3] = level
        if top < 0:
            found[e, :] = np.nan
            continue
        height = smooth[top]
        left, right = top, top
        while left > 0 and smooth[left - 1] > 0.5 * height:
            left -= 1
        while right < n - 1 and smooth[right + 1] > 0.5 * height:
            right += 1
        area, moment = 0.0, 0.0
        for i in range(left, right + 1):
            if np.isfinite(y[i]):
                area += sign * (y[i] - level)
                moment += sign * (y[i] - level) * i
        if not (height > 0 and area > 0):
            found[e, 0], found[e, 1], found[e, 2] = sign * max(abs(height), 1e-30), top, 1.0
            continue
        found[e, 0] = sign * height
        found[e, 1] = min(max(moment / area, left), right)
        found[e, 2] = max(area / (height * np.sqrt(2 * np.pi) * ABOVE_HALF), NARROWEST)


@compiled
def _smooth(y: Array, sign: float, level: float, out: Array) -> int:
    """Means of up to three neighbouring values, above the level; the place of the highest, -1 if there is no value."""
    top = -1
    for i in range(y.size):
        total, count = 0.0, 0
        for j in range(max(i - 1, 0), min(i + 2, y.size)):
            if np.isfinite(y[j]):
                total += y[j]
                count += 1
        out[i] = sign * (total / count - level) if count and np.isfinite(y[i]) else -np.inf
        if np.isfinite(out[i]) and (top < 0 or out[i] > out[top]):
            top = i
    return top


@compiled
def _median(y: Array) -> float:
    finite = y[np.isfinite(y)]
    return np.median(finite) if finite.size else np.nan
