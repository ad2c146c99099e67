"""Which axes of the data are fitted and which are iterated over."""

from __future__ import annotations

import operator
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, InputTypeError, unknown_name


@dataclass(frozen=True)
class Axes:
    """The axes of N-D data, divided into fitting axes and iterating axes.

    Attributes
    ----------
    shape
        Shape of the data.
    fitting
        Fitting axes (not negative), in the order of the inputs of the model.
    """

    shape: tuple[int, ...]
    fitting: tuple[int, ...]

    @property
    def iterating(self) -> tuple[int, ...]:
        """The other axes, in the order of the data."""
        return tuple(axis for axis in range(len(self.shape)) if axis not in self.fitting)

    @property
    def fitting_shape(self) -> tuple[int, ...]:
        """Lengths of the fitting axes, in the order of the inputs of the model."""
        return tuple(self.shape[axis] for axis in self.fitting)

    @property
    def iterating_shape(self) -> tuple[int, ...]:
        """Lengths of the iterating axes; ``()`` when every axis is fitted."""
        return tuple(self.shape[axis] for axis in self.iterating)

    @property
    def n_points(self) -> int:
        """Number of points of one element."""
        return prod(self.fitting_shape)

    def slices(self, block: tuple[slice, ...]) -> tuple[slice, ...]:
        """One slice per axis of the data that cuts out a block of the iterating shape."""
        whole = [slice(0, length) for length in self.shape]
        for axis, part in zip(self.iterating, block, strict=True):
            whole[axis] = part
        return tuple(whole)

    def arrange(self, array: NDArray[np.generic]) -> NDArray[np.generic]:
        """View of an array with the data's axes as (iterating axes..., fitting axes...)."""
        return array.transpose(self.iterating + self.fitting)


def axes_of(
    fitting_axes: object, shape: tuple[int, ...], n_inputs: int, names: Sequence[Hashable] | None = None
) -> Axes:
    """The axes of data of a given shape, from what the user gave as ``fitting_axes``.

    Parameters
    ----------
    fitting_axes
        Axis or tuple or list of axes, one for each input of the model and in that order; negative axes count
        from the end. With labelled data, names of dimensions.
    shape
        Shape of the data.
    n_inputs
        Number of inputs of the model.
    names
        Names of the axes of the data, if it has any.

    Raises
    ------
    InputError
        Axes out of range, given twice, or not as many as the model has inputs; fitting axes without points.

    Examples
    --------
    >>> axes_of(-1, (5, 6, 30), n_inputs=1).iterating_shape
    (5, 6)
    """
    given = tuple(fitting_axes) if isinstance(fitting_axes, tuple | list) else (fitting_axes,)
    if len(given) != n_inputs:
        raise InputError(
            f"Model is {n_inputs}-dimensional, but got {len(given)} value(s) in "
            f"fitting_axes={fitting_axes!r}. Give one axis of the data for each input of the model."
        )
    fitting = tuple(_axis(axis, len(shape), names) for axis in given)
    if len(set(fitting)) != len(fitting):
        raise InputError(f"fitting_axes={fitting_axes!r} names an axis twice. Each axis can be one input of the model.")
    axes = Axes(tuple(shape), fitting)
    if axes.n_points == 0:
        raise InputError(
            f"Data of shape {tuple(shape)} has no points along fitting_axes={fitting_axes!r}. "
            "At least one point along each fitting axis is needed."
        )
    return axes


def _axis(given: object, ndim: int, names: Sequence[Hashable] | None) -> int:
    if isinstance(given, str):
        return _named_axis(given, names)
    try:
        axis = operator.index(given)  # type: ignore[arg-type]
    except TypeError:
        raise InputTypeError(
            f"fitting_axes has a value {given!r} of type {type(given).__name__}. "
            "Give integers, or names of dimensions for xarray data."
        ) from None
    if not -ndim <= axis < ndim:
        raise InputError(
            f"Fitting index {axis} out of range for {ndim}-dimensional data. Give axes from {-ndim} to {ndim - 1}."
        )
    return axis % ndim


def _named_axis(given: str, names: Sequence[Hashable] | None) -> int:
    if names is None:
        raise InputError(
            f"fitting_axes={given!r} is a name, but the data has no named dimensions. Give the number of the axis."
        )
    if given not in names:
        raise unknown_name("Dimension", given, [str(name) for name in names])
    return list(names).index(given)
