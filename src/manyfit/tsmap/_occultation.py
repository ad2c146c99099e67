"""What the Earth hides: positions too far from the zenith."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

EARTH_RADIUS = 6378.0  # km, of the equator; what COSI's tools take


def horizon(altitude: Array) -> Array:
    """Cosine of the angle from the zenith at which the Earth begins, for a height in km.

    The Earth's disk has the half-angle ``asin(R / (R + h))`` around the nadir, without atmosphere.

    Examples
    --------
    >>> np.degrees(np.arccos(horizon(np.array([0.0, 550.0])))).round(2).tolist()
    [90.0, 112.98]
    """
    share = EARTH_RADIUS / (EARTH_RADIUS + altitude)
    return np.asarray(-np.sqrt(1.0 - share * share))
