"""World coordinates of the fitting axes from any APE-14 WCS."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from itertools import permutations
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .._foreign import foreign, quiet
from ..errors import InputError
from ._axes import Axes
from ._labelled import unit_of

if TYPE_CHECKING:
    from astropy.units import UnitBase


@dataclass(frozen=True)
class WCSCoordinates:
    """Coordinates of the points of elements, computed from a WCS when they are asked for.

    Attributes
    ----------
    wcs
        Low-level APE-14 WCS of all axes of the data.
    world_axes
        For each fitting axis, the world axis that is its coordinate.
    units
        Units of the coordinates; None for an axis without a unit.
    axes
        Axes of the data.
    """

    wcs: Any
    world_axes: tuple[int, ...]
    units: tuple[UnitBase | None, ...]
    axes: Axes

    @property
    def differ_between_elements(self) -> bool:
        """Whether a coordinate depends on an iterating axis."""
        iterating = [_pixel_axis(axis, self.axes) for axis in self.axes.iterating]
        correlated = np.asarray(self.wcs.axis_correlation_matrix)
        return bool(correlated[np.ix_(self.world_axes, iterating)].any())

    def read(self, block: tuple[slice, ...]) -> NDArray[np.float64]:
        """Coordinates of a block as (elements, inputs, points)."""
        slices = self.axes.slices(block)
        grids = np.meshgrid(*(np.arange(s.start, s.stop) for s in slices), indexing="ij", sparse=True)
        arranged = np.broadcast_arrays(*(self.axes.arrange(grid) for grid in grids))
        # astropy's WCS is not safe in threads: https://github.com/astropy/astropy/issues/16244
        world = deepcopy(self.wcs).array_index_to_world_values(*(grid.reshape(-1) for grid in arranged))
        chosen = [world] if self.wcs.world_n_dim == 1 else [world[axis] for axis in self.world_axes]
        n_elements = int(np.prod([s.stop - s.start for s in block], dtype=np.int64))
        values = np.asarray(chosen, np.float64).reshape(len(chosen), n_elements, self.axes.n_points)
        return np.ascontiguousarray(np.moveaxis(values, 0, 1))


def coordinates_of(wcs: Any, axes: Axes) -> WCSCoordinates:
    """Coordinates of the fitting axes.

    Raises
    ------
    InputError
        The WCS has another number of dimensions than the data, or the fitting axes do not have one coordinate
        each.
    """
    from astropy.wcs.wcsapi import SlicedLowLevelWCS

    ndim = len(axes.shape)
    if wcs.pixel_n_dim != ndim:
        raise InputError(
            f"The WCS pixel_n_dim ({wcs.pixel_n_dim}) does not match the number of dimensions in the data "
            f"({ndim}). Give the WCS of the same axes as the data, for example wcs.sub(...)."
        )
    cut = [slice(None) if axis in axes.fitting else 0 for axis in range(ndim)]
    with quiet, foreign("The WCS of the data"):  # which may be of a header that makes no sense
        found = SlicedLowLevelWCS(wcs, cut).world_n_dim
    if found != len(axes.fitting):
        raise InputError(
            "The number of WCS world axes corresponding to the fitting axes "
            f"({found}) does not match the number of fitting axes ({len(axes.fitting)}). "
            "Fit all axes that share these coordinates, or give world as a tuple of arrays."
        )
    world_axes, names = _world_axes(wcs, axes), wcs.world_axis_units
    return WCSCoordinates(wcs, world_axes, tuple(unit_of(names[axis]) for axis in world_axes), axes)


def _pixel_axis(axis: int, axes: Axes) -> int:
    """Number of a data axis in the order of the WCS, which is the reverse of NumPy's."""
    return len(axes.shape) - 1 - axis


def _world_axes(wcs: Any, axes: Axes) -> tuple[int, ...]:
    """One world axis for each fitting axis, that depends on it; of the same number if there is a choice."""
    correlated = np.asarray(wcs.axis_correlation_matrix)
    pixels = [_pixel_axis(axis, axes) for axis in axes.fitting]
    usable = [world for world in range(wcs.world_n_dim) if correlated[world, pixels].any()]

    def agreement(worlds: tuple[int, ...]) -> tuple[int, int]:
        pairs = list(zip(worlds, pixels, strict=True))
        return sum(bool(correlated[pair]) for pair in pairs), sum(world == pixel for world, pixel in pairs)

    return max(permutations(usable, len(pixels)), key=agreement)


def iterating_wcs(wcs: Any, axes: Axes) -> Any:
    """The WCS of the iterating axes; None when there are none.

    A FITS WCS whose iterating axes stand for themselves gives a FITS WCS again; any other gives a slice at
    the first point of the fitting axes.
    """
    from astropy.wcs import WCS
    from astropy.wcs.wcsapi import HighLevelWCSWrapper, SlicedLowLevelWCS

    if not axes.iterating:
        return None
    kept = sorted(_pixel_axis(axis, axes) for axis in axes.iterating)
    left = sorted(_pixel_axis(axis, axes) for axis in axes.fitting)
    if isinstance(wcs, WCS) and not np.asarray(wcs.axis_correlation_matrix)[np.ix_(kept, left)].any():
        return _part(wcs, kept, left)
    cut = [0 if axis in axes.fitting else slice(None) for axis in range(len(axes.shape))]
    return HighLevelWCSWrapper(SlicedLowLevelWCS(wcs, cut))


def _part(wcs: Any, kept: list[int], left: list[int]) -> Any:
    """The part of a FITS WCS whose world axes do not depend on the pixel axes that are left out."""
    wcs = wcs.deepcopy()
    matrix = wcs.wcs.cd if wcs.wcs.has_cd() else wcs.wcs.pc
    matrix[np.ix_(left, kept)] = 0  # a spectral axis may depend on the column; without it this has no meaning
    return wcs.sub([axis + 1 for axis in kept])
