"""Coordinates of the points along the fitting axes, from any kind of world."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, InputTypeError
from ._aligned import Aligned, align
from ._axes import Axes
from ._labelled import Labelled
from ._source import source_of
from ._wcs import WCSCoordinates, coordinates_of

if TYPE_CHECKING:
    from astropy.units import UnitBase


@dataclass(frozen=True)
class ArrayCoordinates:
    """Coordinates that were given as arrays, one for each fitting axis, laid along the axes of the data."""

    arrays: tuple[Aligned, ...]
    units: tuple[UnitBase | None, ...]
    axes: Axes

    @property
    def differ_between_elements(self) -> bool:
        """Whether a coordinate depends on an iterating axis."""
        return any(array.differs_between_elements for array in self.arrays)

    def read(self, block: tuple[slice, ...]) -> NDArray[np.float64]:
        """Coordinates of a block as (elements, inputs, points)."""
        n_elements = int(np.prod([s.stop - s.start for s in block], dtype=np.int64))
        values = np.empty((n_elements, len(self.arrays), self.axes.n_points))
        for i, array in enumerate(self.arrays):
            values[:, i] = array.rows(block)
        return values


Coordinates = ArrayCoordinates | WCSCoordinates


def world_of(world: Any, axes: Axes, *, strict: bool = False) -> Coordinates:
    """Coordinates of the fitting axes, from what the user gave as ``world``.

    Parameters
    ----------
    world
        None for pixel indices; an APE-14 WCS of all axes of the data; or a tuple with one array for each
        fitting axis, of one dimension, or broadcastable to the data (coordinates that differ per element).
    axes
        Axes of the data.
    strict
        Whether to refuse what ``parallel_fit_dask`` refuses: an array alone, or a list.

    Raises
    ------
    InputError
        Shapes or numbers of arrays or axes that do not match.
    InputTypeError
        World of another kind.
    """
    if world is None:
        return _pixels(axes)
    if (wcs := low_level(world)) is not None:
        return coordinates_of(wcs, axes)
    if not isinstance(world, tuple):
        world = _as_tuple(world, len(axes.fitting), strict)
    if len(world) != len(axes.fitting):
        raise InputError(
            f"The number of world arrays ({len(world)}) must match number of fitting axes "
            f"({len(axes.fitting)}). Give one array for each fitting axis, in the order of fitting_axes."
        )
    arrays = tuple(_along(array, axis, axes) for array, axis in zip(world, axes.fitting, strict=True))
    return ArrayCoordinates(arrays, tuple(getattr(array, "unit", None) for array in world), axes)


def world_or_own(given: Any, labelled: Labelled, axes: Axes) -> Any:
    """What the user gave as world, or what came with the data, or None for pixel indices.

    Raises
    ------
    InputError
        The WCS of data without one was asked for.
    """
    match given:
        case None if labelled.wcs is not None:
            return labelled.wcs
        case None if labelled.coordinates is not None:
            own = tuple(labelled.coordinates[axis] for axis in axes.fitting)
            return None if any(coordinate is None for coordinate in own) else own
        case str("pixel"):
            return None
        case str("wcs") if labelled.wcs is None:
            raise InputError('world="wcs" was given, but the data has no WCS. Give the WCS itself or arrays.')
        case str("wcs"):
            return labelled.wcs
    return given


def low_level(world: Any) -> Any:
    """The low-level part of an APE-14 WCS; None for anything else."""
    from astropy.wcs.wcsapi import BaseHighLevelWCS, BaseLowLevelWCS

    if isinstance(world, BaseLowLevelWCS):
        return world
    return world.low_level_wcs if isinstance(world, BaseHighLevelWCS) else None


def _pixels(axes: Axes) -> ArrayCoordinates:
    arrays = tuple(_along(np.arange(axes.shape[axis]), axis, axes) for axis in axes.fitting)
    return ArrayCoordinates(arrays, (None,) * len(arrays), axes)


def _as_tuple(world: Any, n: int, strict: bool) -> tuple[Any, ...]:
    if strict or isinstance(world, str | bytes | dict | set) or np.isscalar(world):
        raise InputTypeError(
            f"world should be None, a WCS object or a tuple of arrays; got {type(world).__name__}. "
            "The tuple has one array for each fitting axis."
        )
    if isinstance(world, list) and any(np.ndim(item) for item in world):
        return tuple(world)
    if n != 1:
        raise InputError(f"world is one array, but there are {n} fitting axes. Give a tuple of {n} arrays.")
    return (np.asarray(world) if isinstance(world, list) else world,)


def _along(array: Any, axis: int, axes: Axes) -> Aligned:
    """A coordinate of one fitting axis: one-dimensional along it, or laid along all axes by broadcasting."""
    source = source_of(array.value if hasattr(array, "unit") and hasattr(array, "value") else array, "world")
    if len(source.shape) == 1:
        if source.shape[0] != axes.shape[axis]:
            raise InputError(
                f"world[{axis}] has length {source.shape[0]} but data along "
                f"dimension {axis} has length {axes.shape[axis]}. Give one coordinate for each point."
            )
        return Aligned(source, (axis,), axes)
    try:
        return align("world", source, axes)
    except InputError as error:
        raise InputError(
            "The arrays in the world tuple should be broadcastable to the shape of the data "
            f"(expected {axes.shape}), got {source.shape}). {error}"
        ) from None
