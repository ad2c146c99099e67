"""Noise of spectra that lines may fill: differences of neighbouring channels, corrected for their correlation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from manyfit.cube._robust import mad_std

Array = NDArray[np.float64]

#: Channels this far apart are taken to have independent noise.
FAR = 3
#: The part of the spectra, with the values nearest to zero, that the correlation is measured in, and the least number.
QUIET, FEWEST = 0.1, 20


def difference(values: Array, lag: int = 1) -> Array:
    """Robust standard deviation of each row from the differences of values some channels apart, over sqrt 2."""
    if values.shape[1] <= lag:
        return np.full(len(values), np.nan)
    found: Array = mad_std(values[:, lag:] - values[:, :-lag]) / np.sqrt(2)
    return found


def ingredients(values: Array) -> Array:
    """What `combined` needs of each row: differences of neighbours, of channels far apart, and |mean|; (3, rows)."""
    count = np.count_nonzero(~np.isnan(values), axis=1)
    mean = np.abs(np.nansum(values, axis=1)) / np.maximum(count, 1)
    return np.stack([difference(values), difference(values, FAR), mean])


def combined(near: Array, far: Array, mean: Array) -> Array:
    """The noise of each spectrum: that of neighbouring channels times one factor for their correlation.

    The factor is the ratio of the differences of channels `FAR` apart to those of neighbours, as medians over the
    spectra whose mean is nearest to zero: in those a line is least likely, and a line adds more to `far`.
    """
    usable = np.flatnonzero((near > 0) & np.isfinite(far))
    if not usable.size:
        return near
    count = min(usable.size, max(FEWEST, int(QUIET * usable.size)))
    quiet = usable[np.argsort(mean[usable], kind="stable")[:count]]
    factor: float = np.median(far[quiet]) / np.median(near[quiet])
    return near * factor
