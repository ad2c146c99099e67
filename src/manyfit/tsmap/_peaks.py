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

Array = NDArray[np.float64]

NEIGHBOURS = 2.0  # widths of a pixel, within which all those are that touch it


def peaks(tsmap: TSMap, min_ts: float, separation: Any) -> QTable:
    """The table of peaks; see `TSMap.peaks`."""
    from astropy.coordinates import Angle

    from ._table import to_table

    distance = float(Angle(separation, "deg").deg)
    if not 0.0 < distance <= 180.0:
        raise InputError(f"separation is {separation!r}. Give an angle above 0 and up to 180 deg.")
    grid = tsmap.grid
    reach = np.full(len(grid), distance)
    if grid.uniq is not None:
        reach = np.maximum(reach, NEIGHBOURS * np.degrees(np.sqrt(grid.area)))
    return to_table(tsmap, highest(source_ts(tsmap), unit_vectors(grid.lon, grid.lat), min_ts, reach), icrs=True)


def highest(ts: Array, vectors: Array, min_ts: float, distance: Array) -> NDArray[np.intp]:
    """Positions whose TS is above a limit and above that of all others within their distance, deg, highest first.

    Of equal ones the first counts.

    Examples
    --------
    >>> line = unit_vectors(np.array([0.0, 1.0, 2.0, 30.0]), np.zeros(4))
    >>> highest(np.array([30.0, 50.0, 40.0, 26.0]), line, 25.0, np.full(4, 10.0)).tolist()
    [1, 3]
    """
    left = np.flatnonzero(ts >= min_ts)  # NaN is not
    left = left[np.argsort(-ts[left], kind="stable")]
    near = np.cos(np.radians(np.minimum(distance, 180.0)))[left]
    seen = vectors[left]
    alone = [not np.any(seen[:i] @ seen[i] > near[i]) for i in range(left.size)]
    return np.asarray(left[np.array(alone, np.bool_)])
