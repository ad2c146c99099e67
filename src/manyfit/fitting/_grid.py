"""Coordinates in the units of the fit: computed once where all elements share them, else block by block."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ._world import Coordinates

if TYPE_CHECKING:
    from astropy.modeling import Model
    from astropy.units import UnitBase

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Grid:
    """Coordinates of the points of each element.

    Attributes
    ----------
    coordinates
        Coordinates in their own units.
    units
        Units of the fit, None for plain numbers.
    equivalencies
        Equivalencies for each coordinate.
    shared
        Coordinates (inputs, points) if all elements have the same, else None.
    """

    coordinates: Coordinates
    units: tuple[UnitBase | None, ...]
    equivalencies: tuple[list[Any], ...]
    shared: Array | None = field(init=False)

    def __post_init__(self) -> None:
        # frozen, but a field that follows from the others can be computed here only
        object.__setattr__(self, "shared", None)
        if not self.coordinates.differ_between_elements:
            first = tuple(slice(0, 1) for _ in self.coordinates.axes.iterating)
            object.__setattr__(self, "shared", self._converted(self.coordinates.read(first))[0])

    def read(self, block: tuple[slice, ...]) -> Array:
        """Coordinates (inputs, points) that all elements share, or (elements, inputs, points) of a block."""
        return self._converted(self.coordinates.read(block)) if self.shared is None else self.shared

    def _converted(self, x: Array) -> Array:
        """Coordinates (elements, inputs, points) in the units of the fit; the array is changed."""
        for i, (own, target, rules) in enumerate(
            zip(self.coordinates.units, self.units, self.equivalencies, strict=True)
        ):
            if own is not None and target is not None and own != target:
                x[:, i] = own.to(target, x[:, i], equivalencies=rules)
        return x

    def labelled(self) -> tuple[Any, ...] | None:
        """Coordinates of the fitting axes with units: one-dimensional where they follow one axis.

        Coordinates that mix the fitting axes have the fitting shape. None if they differ between elements.
        """
        if self.shared is None:
            return None
        shape = self.coordinates.axes.fitting_shape
        values = [_along_axis(row.reshape(shape), i) for i, row in enumerate(self.shared)]
        return tuple(row if unit is None else row * unit for row, unit in zip(values, self.units, strict=True))


def _along_axis(values: Array, axis: int) -> Array:
    """A grid's values along one of its axes if they depend on that axis only, else the whole grid."""
    line = values[tuple(slice(None) if i == axis else slice(0, 1) for i in range(values.ndim))]
    return (
        line.reshape(-1).copy()
        if np.array_equal(np.broadcast_to(line, values.shape), values, equal_nan=True)
        else values
    )


def grid_of(
    coordinates: Coordinates,
    units: tuple[UnitBase | None, ...],
    model: Model,
    equivalencies: dict[str, list[Any]] | list[Any] | None = None,
) -> Grid:
    """Coordinates in the units of the fit.

    Parameters
    ----------
    coordinates
        Coordinates in their own units.
    units
        Units of the fit.
    model
        Model, for the equivalencies that it brings.
    equivalencies
        Equivalencies of the user: one list for all inputs, or a dictionary by name of input as in astropy.

    Raises
    ------
    InputError
        A unit does not convert.
    """
    rules = tuple(_rules(name, model, equivalencies) for name in model.inputs)
    for name, own, target, rule in zip(model.inputs, coordinates.units, units, rules, strict=True):
        if own is not None and target is not None and not own.is_equivalent(target, rule):
            raise InputError(
                f"world of input {name!r} is in {own}, which does not convert to {target}, the unit of the "
                "model. Change one of them, or give equivalencies (for example astropy.units.spectral())."
            )
    return Grid(coordinates, units, rules)


def _rules(name: str, model: Model, given: dict[str, list[Any]] | list[Any] | None) -> list[Any]:
    own = (model.input_units_equivalencies or {}).get(name) or []
    asked = given.get(name, []) if isinstance(given, dict) else given or []
    return [*asked, *own]
