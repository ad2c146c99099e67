"""The positions that are tried: HEALPix pixels of one size or of several, or a list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from manyfit.errors import InputError, InputTypeError, unknown_name

if TYPE_CHECKING:
    from astropy.coordinates import SkyCoord

Array = NDArray[np.float64]
Pixels = NDArray[np.int64]

FRAMES = ("galactic", "icrs")
ORDERS = ("nested", "ring")
SPHERE = 4.0 * np.pi
HIGHEST_LEVEL = 29


@dataclass(frozen=True, eq=False)
class Grid:
    """Positions on the sky.

    Attributes
    ----------
    lon, lat
        Degrees, (position,).
    frame
        ``"galactic"`` or ``"icrs"``.
    uniq
        Number ``4**(level + 1) + nested pixel`` of each HEALPix pixel, or None for a list of positions.
    nside, order
        Of the whole grid: 2**level and ``"nested"`` or ``"ring"``; None if pixels differ in size.

    Examples
    --------
    >>> grid = healpix_grid(2, order="ring")
    >>> len(grid), grid.is_whole_sky, grid.lat[:2].round(3).tolist()
    (48, True, [66.444, 66.444])
    """

    lon: Array
    lat: Array
    frame: str
    uniq: Pixels | None = None
    nside: int | None = None
    order: str | None = None

    def __len__(self) -> int:
        """Number of positions."""
        return self.lon.size

    @property
    def vectors(self) -> Array:
        """Unit vectors in the galactic frame, (position, 3)."""
        skycoord = self.skycoord if self.frame == "galactic" else self.skycoord.galactic
        return np.ascontiguousarray(skycoord.cartesian.xyz.value.T)

    @property
    def skycoord(self) -> SkyCoord:
        """Coordinates in the frame of the grid."""
        from astropy.coordinates import SkyCoord

        return SkyCoord(self.lon, self.lat, unit="deg", frame=self.frame)

    @property
    def level(self) -> Pixels:
        """HEALPix level (log2 of nside) of each pixel."""
        return level_and_pixel(self.unique())[0]

    @property
    def nested(self) -> Pixels:
        """Number in nested order of each pixel at its level."""
        return level_and_pixel(self.unique())[1]

    @property
    def pixels(self) -> Pixels:
        """Number of each pixel in the order of the grid."""
        if self.order == "ring":
            from astropy_healpix.core import nested_to_ring

            return np.asarray(nested_to_ring(self.nested, self.nside), np.int64)
        return self.nested

    @property
    def area(self) -> Array:
        """Steradians of each pixel."""
        return np.asarray(SPHERE / (12.0 * 4.0**self.level))

    @property
    def is_whole_sky(self) -> bool:
        """Whether pixels cover the sky."""
        return self.uniq is not None and bool(np.isclose(self.area.sum(), SPHERE))

    def unique(self) -> Pixels:
        """Unique numbers of the pixels; an error for a list of positions, which has none."""
        if self.uniq is None:
            raise InputError("A list of positions has no pixels. Fit a HEALPix grid (nside=...) for areas and maps.")
        return self.uniq


def healpix_grid(nside: int, *, order: str = "nested", frame: str = "galactic", region: Any = None) -> Grid:
    """All HEALPix pixels of one size, or those whose centre lies in a region.

    Parameters
    ----------
    nside
        A power of two.
    order
        ``"nested"`` or ``"ring"``.
    frame
        ``"galactic"`` or ``"icrs"``: of the pixels.
    region
        None for the whole sky; ``(SkyCoord, radius)`` for a cone; a ``mocpy.MOC``.
    """
    _check_names(order, frame)
    if nside < 1 or nside & (nside - 1) or nside > 2**HIGHEST_LEVEL:
        raise InputError(f"nside is {nside!r}. Give a power of two: 1, 2, 4, ... 2**{HIGHEST_LEVEL}.")
    pixels = np.arange(12 * int(nside) ** 2)
    if order == "ring":
        from astropy_healpix.core import ring_to_nested

        pixels = np.asarray(ring_to_nested(pixels, nside), np.int64)
    grid = uniq_grid(4 * int(nside) ** 2 + pixels, frame=frame)
    grid = Grid(grid.lon, grid.lat, frame, grid.uniq, int(nside), order)
    return grid if region is None else chosen(grid, inside(grid, region))


def uniq_grid(uniq: ArrayLike, *, frame: str = "galactic") -> Grid:
    """Pixels of any sizes, by their unique numbers."""
    from astropy_healpix import healpix_to_lonlat

    uniq = np.asarray(uniq, np.int64)
    level, pixel = level_and_pixel(uniq)
    lon, lat = healpix_to_lonlat(pixel, 2**level, order="nested")
    nside = 2 ** int(level[0]) if level.size and np.all(level == level[0]) else None
    return Grid(lon.deg, lat.deg, frame, uniq, nside, "nested" if nside else None)


def positions_grid(positions: SkyCoord) -> Grid:
    """A list of positions, kept in the galactic frame or in ICRS."""
    from astropy.coordinates import SkyCoord

    if not isinstance(positions, SkyCoord):
        raise InputTypeError(f"positions is a {type(positions).__name__}. Give an astropy SkyCoord.")
    flat = positions.reshape(-1)
    if flat.frame.name == "galactic":
        return Grid(flat.l.deg, flat.b.deg, "galactic")
    icrs = flat.icrs
    return Grid(icrs.ra.deg, icrs.dec.deg, "icrs")


def chosen(grid: Grid, where: NDArray[np.bool_]) -> Grid:
    """The positions where a mask is true."""
    if not where.any():
        raise InputError("No pixel of the grid has its centre in the region. Use a larger nside or region.")
    uniq = None if grid.uniq is None else grid.uniq[where]
    return Grid(grid.lon[where], grid.lat[where], grid.frame, uniq, grid.nside, grid.order)


def inside(grid: Grid, region: Any) -> NDArray[np.bool_]:
    """Which positions lie in a cone or a MOC."""
    coordinates = grid.skycoord
    if isinstance(region, tuple) and len(region) == 2:
        from astropy.coordinates import Angle

        return np.asarray(coordinates.separation(region[0]) <= Angle(region[1]))
    if hasattr(region, "contains_skycoords"):
        return np.asarray(region.contains_skycoords(coordinates.icrs))
    raise InputTypeError(f"region is a {type(region).__name__}. Give (SkyCoord, radius) or a mocpy.MOC.")


def level_and_pixel(uniq: Pixels) -> tuple[Pixels, Pixels]:
    """HEALPix level and nested pixel of unique numbers.

    >>> level_and_pixel(np.array([4, 15, 16, 63 + 16]))
    (array([0, 0, 1, 2]), array([ 0, 11,  0, 15]))
    """
    first = np.int64(4) << (2 * np.arange(HIGHEST_LEVEL + 1))
    level = np.searchsorted(first, uniq, side="right") - 1
    return level, uniq - first[level]


def _check_names(order: str, frame: str) -> None:
    if order not in ORDERS:
        raise unknown_name("order", order, ORDERS)
    if frame not in FRAMES:
        raise unknown_name("frame", frame, FRAMES)
