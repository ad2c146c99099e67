"""Colour limits that a few wild values cannot spoil."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from manyfit.errors import InputError


def colour_limits(
    values: NDArray[np.float64],
    percentile: tuple[float, float] = (1.0, 99.0),
    *,
    centre: float | None = None,
) -> tuple[float, float]:
    """Lower and upper limit of a colour scale: percentiles of the finite values.

    Parameters
    ----------
    values
        Array of any shape; NaN and infinite values do not count.
    percentile
        Lower and upper percentile, 0 to 100.
    centre
        If given, the limits are at equal distance from this value and still hold both percentiles.

    Returns
    -------
    lower, upper
        With lower < upper always, also for constant values or none at all.

    Raises
    ------
    InputError
        If the percentiles are not two increasing numbers between 0 and 100.

    Examples
    --------
    >>> colour_limits(np.arange(101.0))
    (1.0, 99.0)
    >>> colour_limits(np.arange(101.0), centre=40.0)
    (-19.0, 99.0)
    """
    low, high = percentile
    if not 0 <= low < high <= 100:
        raise InputError(f"percentile is {percentile}. Give two increasing numbers between 0 and 100.")
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        return _around(0.0 if centre is None else centre, 0.0)
    lower, upper = (float(limit) for limit in np.percentile(finite, [low, high]))
    if centre is not None:
        return _around(centre, max(centre - lower, upper - centre))
    return (lower, upper) if lower < upper else _around(lower, 0.0)


def _around(centre: float, distance: float) -> tuple[float, float]:
    # A distance below the spacing of floats near the centre would leave no range at all.
    distance = max(distance, 1e-6 * abs(centre)) or 1.0
    return centre - distance, centre + distance
