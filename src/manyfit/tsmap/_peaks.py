"""The places of a map where TS is highest, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from manyfit.errors import InputError

from ._containment import source_ts
from ._lookup import unit_vectors

if TYPE_CHECKING:
    from astropy.table import QTable

    from ._ts_map import TSMap


def peaks(tsmap: TSMap, min_ts: float, separation: Any) -> QTable:
    """The table of peaks; see `TSMap.peaks`."""
    from astropy.coordinates import Angle

    from ._table import to_table

    distance = float(Angle(separation, "deg").deg)
    if not 0.0 < distance <= 180.0:
        raise InputError(f"separation is {separation!r}. Give an angle above 0 and up to 180 deg.")
    found = highest(source_ts(tsmap), unit_vectors(tsmap.grid.lon, tsmap.grid.lat), min_ts, distance)
    return to_table(tsmap, found, icrs=True)


def highest(ts: NDArray[np.float64], vectors: NDArray[np.float64], min_ts: float, distance: float) -> NDArray[np.intp]:
    """Positions whose TS is above a limit and above that of all others within a distance in deg, highest first.

    Of equal ones the first counts.

    Examples
    --------
    >>> line = unit_vectors(np.array([0.0, 1.0, 2.0, 30.0]), np.zeros(4))
    >>> highest(np.array([30.0, 50.0, 40.0, 26.0]), line, 25.0, 10.0).tolist()
    [1, 3]
    """
    left = np.flatnonzero(ts >= min_ts)  # NaN is not
    left = left[np.argsort(-ts[left], kind="stable")]
    near = np.cos(np.radians(distance))
    seen = vectors[left]
    alone = [not np.any(seen[:i] @ seen[i] > near) for i in range(left.size)]
    return np.asarray(left[np.array(alone, np.bool_)])
