"""Which pixel of a map a direction falls into, for pixels of any sizes on all of the sky or on a part of it."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ._grid import Grid, Pixels

if TYPE_CHECKING:
    from astropy.coordinates import SkyCoord

Array = NDArray[np.float64]
NOWHERE = -1


class Lookup:
    """Finds pixels of a grid.

    Parameters
    ----------
    grid
        HEALPix pixels.

    Raises
    ------
    InputError
        The grid is a list of positions.

    Examples
    --------
    >>> from manyfit.tsmap._grid import healpix_grid
    >>> grid = healpix_grid(4, order="ring")
    >>> Lookup(grid).at(grid.lon[[7, 100]], grid.lat[[7, 100]]).tolist()
    [7, 100]
    """

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        level = grid.level
        self.top = int(level.max(initial=0))
        start = grid.nested << (2 * (self.top - level))
        self.order = np.argsort(start, kind="stable")
        self.start = start[self.order]
        self.end = (start + (np.int64(1) << (2 * (self.top - level))))[self.order]

    def at(self, lon: Array, lat: Array) -> Pixels:
        """Place in the map of the pixel around each direction in the frame of the grid, deg; -1 where there is none."""
        return self.of(pixel_around(np.ravel(lon), np.ravel(lat), self.top)).reshape(np.shape(lon))

    def of(self, pixel: Pixels) -> Pixels:
        """The same for nested pixels of the size of the smallest ones."""
        before = np.searchsorted(self.start, pixel, side="right") - 1
        found = (before >= 0) & (pixel < self.end[before])
        return np.where(found, self.order[before], NOWHERE)

    def at_frame(self, lon: Array, lat: Array, frame: str) -> Pixels:
        """As `at`, for directions in another frame."""
        return self.at(*turned(lon, lat, frame, self.grid.frame))

    def at_skycoord(self, position: SkyCoord) -> Pixels:
        """As `at`, for coordinates in any frame."""
        there = position.transform_to(self.grid.frame)
        return self.at(np.asarray(there.spherical.lon.deg), np.asarray(there.spherical.lat.deg))


def pixel_around(lon: Array, lat: Array, level: int) -> Pixels:
    """Nested number of the pixel of a level around each direction, deg."""
    from astropy import units as u
    from astropy_healpix.core import lonlat_to_healpix

    return np.asarray(lonlat_to_healpix(lon * u.deg, lat * u.deg, 2**level, order="nested"), np.int64)


def turned(lon: Array, lat: Array, frame: str, to: str) -> tuple[Array, Array]:
    """Directions in another frame, deg."""
    if frame == to:
        return lon, lat
    return lonlat(unit_vectors(lon, lat) @ rotation(frame, to).T)


@cache
def rotation(frame: str, to: str) -> Array:
    """The matrix that turns vectors of one frame into those of another; both are at rest, so one holds for all."""
    from astropy.coordinates import SkyCoord

    axes = SkyCoord([0.0, 90.0, 0.0], [0.0, 0.0, 90.0], unit="deg", frame=frame)
    return np.asarray(axes.transform_to(to).cartesian.xyz.value)


def unit_vectors(lon: Array, lat: Array) -> Array:
    """Unit vectors of directions in deg, (..., 3)."""
    lon, lat = np.radians(lon), np.radians(lat)
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)


def lonlat(vectors: Array) -> tuple[Array, Array]:
    """Longitude and latitude of unit vectors, deg."""
    lon = np.degrees(np.arctan2(vectors[..., 1], vectors[..., 0])) % 360.0
    return lon, np.degrees(np.arcsin(np.clip(vectors[..., 2], -1.0, 1.0)))
