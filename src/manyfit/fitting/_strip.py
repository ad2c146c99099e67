"""A model taken to the units of world and data and stripped of them, and dressed in them again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError
from ._units import has_units, input_units, parameter_units

if TYPE_CHECKING:
    from astropy.modeling import Model
    from astropy.units import UnitBase


@dataclass(frozen=True)
class UnitSystem:
    """The units in which a model is fitted.

    Attributes
    ----------
    inputs
        Unit in which each coordinate is handed to the model, None for plain numbers.
    data
        Unit of the data, or None.
    parameters
        Unit of each parameter by name, None for plain numbers.
    attached
        Whether the fitted model carries units: if the given model did or the data has a unit, as in astropy.
    """

    inputs: tuple[UnitBase | None, ...]
    data: UnitBase | None
    parameters: dict[str, UnitBase | None]
    attached: bool


def unit_system(
    model: Model, world: tuple[UnitBase | None, ...], data: UnitBase | None, *, pixels: bool = False
) -> UnitSystem:
    """The units in which a model is fitted to data.

    Parameters
    ----------
    model
        Model with or without units.
    world
        Unit of each coordinate, None where there is none.
    data
        Unit of the data, or None.
    pixels
        Whether the coordinates are pixel indices.

    Raises
    ------
    InputError
        The model has units that the data or world lacks.
    """
    expected = input_units(model)
    if pixels:
        _refuse_pixels(expected)
    inputs = tuple(a if a is not None else b for a, b in zip(expected, world, strict=True))
    attached = data is not None or has_units(model)
    try:
        units = parameter_units(model, inputs, (data,))
    except u.UnitsError as error:
        raise InputError(
            f"The units of the model do not go with those of world {inputs} and data {data}: {error}"
        ) from error
    return UnitSystem(inputs, data, dict(zip(model.param_names, units, strict=True)), attached)


def _refuse_pixels(expected: tuple[UnitBase | None, ...]) -> None:
    for unit in expected:
        if unit is not None and not unit.is_equivalent(u.pix) and not unit.is_equivalent(u.dimensionless_unscaled):
            raise InputError(
                f"The model has coordinates in {unit}, but no world was given, so the coordinates are pixel "
                "indices. Give world: a WCS or a tuple of arrays."
            )


def in_unit(what: str, value: Any, own: UnitBase | None, target: UnitBase | None) -> NDArray[np.float64]:
    """A value as a number in the target unit.

    Parameters
    ----------
    what
        What the value is, for the error.
    value
        Number, array or Quantity.
    own
        Unit of a value that is no Quantity; None if it is in the target unit already.
    target
        The unit, None for plain numbers.

    Examples
    --------
    >>> float(in_unit("mean", 4 * u.km, None, u.m))
    4000.0
    """
    unit = getattr(value, "unit", None)
    unit = own if unit is None else unit
    values = np.asarray(getattr(value, "value", value), np.float64)
    if unit is None or unit == target:
        return values
    try:
        return np.asarray(unit.to(u.dimensionless_unscaled if target is None else target, values), np.float64)
    except u.UnitConversionError:
        raise InputError(
            f"{what} is in {unit}, which does not convert to {_named(target)}. {_remedy(target)}"
        ) from None


def _named(unit: UnitBase | None) -> str:
    return "a number without unit" if unit is None or unit == u.dimensionless_unscaled else str(unit)


def _remedy(target: UnitBase | None) -> str:
    if target is None or target == u.dimensionless_unscaled:
        return "Data or world has no unit: give data_unit, or world with units, or a model without units."
    return "Give it in a unit that converts, or check the units of data and world."


def bare(model: Model, bounds: Mapping[str, tuple[float | None, float | None]] | None = None) -> Model:
    """A copy of the model without units, with one number per parameter; constraints are kept.

    The numbers have no meaning: start values are kept apart, as arrays.

    Parameters
    ----------
    model
        Model with or without units.
    bounds
        Bounds in the units of the fit, in place of those of the model.
    """
    copy = model.copy()
    for name, pair in (bounds or {}).items():
        getattr(copy, name).bounds = pair
    first = {name: _first(getattr(copy, name).value) for name in copy.param_names}
    for name in copy.param_names:
        copy_parameter = getattr(copy, name)
        copy_parameter._set_unit(None, force=True)
    copy._reset_parameters(**first)
    _count_parameters(copy)
    return copy


def _count_parameters(model: Any) -> None:
    """Correct the number of parameters of each part: a compound model counted each number of an array."""
    if hasattr(model, "n_left_params"):
        model.n_left_params = len(model.left.param_names)
        _count_parameters(model.left)
        _count_parameters(model.right)


def check_stripped(model: Model, start: Mapping[str, float], system: UnitSystem, x: NDArray[np.float64]) -> None:
    """Refuse a model that means something else without its units than with them.

    Parameters
    ----------
    model
        A bare model.
    start
        Values of its parameters.
    system
        Units of the fit.
    x
        One point, a number for each input.

    Raises
    ------
    InputError
        The values of the model with units, in the unit of the data, are not those without.
    """
    point = [_with_unit(value, unit) for value, unit in zip(x, system.inputs, strict=True)]
    values = [_with_unit(start[name], unit) for name, unit in system.parameters.items()]
    with np.errstate(all="ignore"):
        try:
            with_units = model.evaluate(*point, *values).to_value(system.data)
        except (u.UnitsError, TypeError, AttributeError):
            return  # a model that cannot be evaluated with units has only one meaning
        without = model.evaluate(*x, *start.values())
    if not np.allclose(with_units, without, rtol=1e-6, atol=0, equal_nan=True):
        raise InputError(
            f"At {point} the model is {with_units} {system.data} with its units, but {without} when fitted "
            "without them: astropy's rules of units do not hold for this model. Give the model without units."
        )


def _with_unit(value: ArrayLike, unit: UnitBase | None) -> Any:
    return value if unit is None else value * unit


def _first(value: ArrayLike) -> float:
    flat = np.ravel(value)
    return float(flat[0]) if flat.size else 1.0


def dressed(model: Model, values: Mapping[str, ArrayLike], system: UnitSystem) -> Model:
    """A copy of a bare model with values for its parameters and, if the system says so, with units."""
    copy = model.copy()
    units = system.parameters if system.attached else dict.fromkeys(system.parameters)
    arrays = {name: np.asarray(values[name], np.float64) for name in units}
    copy._reset_parameters(**{name: _with_unit(arrays[name], unit) for name, unit in units.items()})
    return copy
