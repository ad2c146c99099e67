"""An array laid along the axes of the data by broadcasting: mask, uncertainty, weights, coordinates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ._axes import Axes
from ._source import Source
from ._transpose import rows


@dataclass(frozen=True)
class Aligned:
    """An array with each of its axes laid along an axis of the data; an axis of length 1 is repeated.

    Attributes
    ----------
    source
        The array.
    places
        For each axis of the array, the axis of the data that it lies along.
    axes
        Axes of the data.
    """

    source: Source
    places: tuple[int, ...]
    axes: Axes

    def varies_along(self, axes: tuple[int, ...]) -> bool:
        """Whether the array has more than one value along any of these axes of the data."""
        return any(place in axes and n != 1 for place, n in zip(self.places, self.source.shape, strict=True))

    @property
    def differs_between_elements(self) -> bool:
        """Whether the array varies along the iterating axes."""
        return self.varies_along(self.axes.iterating)

    @property
    def differs_between_points(self) -> bool:
        """Whether the array varies along the fitting axes."""
        return self.varies_along(self.axes.fitting)

    def read(self, block: tuple[slice, ...]) -> NDArray[Any]:
        """The part for a block, with the axes of the data, of length 1 where it is repeated."""
        whole = self.axes.slices(block)
        own = tuple(
            slice(0, 1) if n == 1 else whole[place] for place, n in zip(self.places, self.source.shape, strict=True)
        )
        values = self.source.read(own).transpose(np.argsort(self.places))
        repeated = tuple(axis for axis in range(len(self.axes.shape)) if axis not in self.places)
        return np.expand_dims(values, repeated)

    def rows(self, block: tuple[slice, ...]) -> NDArray[np.float64]:
        """The part for a block as float64 (1 or elements, 1 or points): 1 where all have the same values."""
        values, n = self.axes.arrange(self.read(block)), len(self.axes.iterating)
        elements = tuple(part.stop - part.start for part in block) if self.differs_between_elements else (1,) * n
        points = self.axes.fitting_shape if self.differs_between_points else (1,) * len(self.axes.fitting)
        return rows(np.broadcast_to(values, elements + points), n)


def align(name: str, source: Source, axes: Axes) -> Aligned:
    """Lay an array along the axes of the data.

    The array may have the number of dimensions of the data (NumPy's broadcasting), or fewer: then it is laid
    by NumPy's rule (along the last axes), or along the fitting axes if it has the fitting shape, or along the
    iterating axes if it has the iterating shape.

    Parameters
    ----------
    name
        Name of the argument, for errors.
    source
        The array.
    axes
        Axes of the data.

    Raises
    ------
    InputError
        The array fits in no way, or in two ways that mean different things.

    Examples
    --------
    >>> from ._source import Memory
    >>> axes = Axes(shape=(30, 5, 6), fitting=(0,))
    >>> align("mask", Memory(np.zeros(30)), axes).places
    (0,)
    """
    shape, ndim = source.shape, len(axes.shape)
    candidates = [] if len(shape) > ndim else [tuple(range(ndim - len(shape), ndim))]
    if len(shape) < ndim:
        candidates += [places for places in (axes.fitting, axes.iterating) if len(places) == len(shape)]
    fits = [places for places in candidates if _fits(shape, places, axes)]
    if not fits:
        raise InputError(
            f"{name} has shape {shape}, which does not broadcast to data of shape {axes.shape}. "
            f"Accepted: a scalar, {axes.shape}, {axes.fitting_shape} (fitting axes), "
            f"{axes.iterating_shape} (iterating axes), or lengths of 1 in place of any of these."
        )
    if len({_meaning(shape, places) for places in fits}) > 1:
        raise InputError(
            f"{name} has shape {shape}, which fits data of shape {axes.shape} along axes {fits[0]} "
            f"as well as {fits[1]}. Reshape it to {len(axes.shape)} dimensions, with length 1 where it "
            f"repeats: {_reshaped(shape, fits[0], axes)} or {_reshaped(shape, fits[1], axes)}."
        )
    return Aligned(source, fits[0], axes)


def _fits(shape: tuple[int, ...], places: tuple[int, ...], axes: Axes) -> bool:
    return all(n in (1, axes.shape[place]) for n, place in zip(shape, places, strict=True))


def _meaning(shape: tuple[int, ...], places: tuple[int, ...]) -> tuple[int | None, ...]:
    """Where the axes lie that have more than one value; the others lie anywhere."""
    return tuple(None if n == 1 else place for n, place in zip(shape, places, strict=True))


def _reshaped(shape: tuple[int, ...], places: tuple[int, ...], axes: Axes) -> tuple[int, ...]:
    lengths = dict(zip(places, shape, strict=True))
    return tuple(lengths.get(axis, 1) for axis in range(len(axes.shape)))
