"""Start values and bounds of the parameters: numbers or one per element, in the units of the fit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, unknown_name
from ._strip import UnitSystem, in_unit

if TYPE_CHECKING:
    from astropy.modeling import Model

Array = NDArray[np.float64]
Bounds = tuple[float | None, float | None]


@dataclass(frozen=True)
class PerParameter:
    """A value for each parameter.

    Attributes
    ----------
    arrays
        One for each parameter, with as many dimensions as the iterating shape, and its lengths or 1.
    shape
        The iterating shape.
    """

    arrays: tuple[Array, ...]
    shape: tuple[int, ...]

    def read(self, block: tuple[slice, ...]) -> Array:
        """Values for a block as (1 or elements, parameters): 1 if no value differs between elements."""
        if all(array.size == 1 for array in self.arrays):
            return np.array([[array.item() for array in self.arrays]]).reshape(1, len(self.arrays))
        shape = tuple(part.stop - part.start for part in block)
        values = np.empty((*shape, len(self.arrays)))
        for i, array in enumerate(self.arrays):
            own = tuple(slice(0, 1) if n == 1 else part for n, part in zip(array.shape, block, strict=True))
            values[..., i] = array[own]
        return values.reshape(-1, len(self.arrays))


def start_of(model: Model, system: UnitSystem, shape: tuple[int, ...]) -> PerParameter:
    """Start values of a model with or without units, for an iterating shape.

    Raises
    ------
    InputError
        A parameter whose shape does not broadcast to the iterating shape, or whose unit does not convert.
    """
    arrays = []
    for name in model.param_names:
        parameter = getattr(model, name)
        values = in_unit(f"Parameter {name!r}", parameter.value, parameter.unit, system.parameters[name])
        arrays.append(_broadcastable(f"Parameter {name!r}", values, shape))
    return PerParameter(tuple(arrays), shape)


def bounds_of(
    model: Model, system: UnitSystem, shape: tuple[int, ...], bounds: Mapping[str, Any] | None = None
) -> tuple[PerParameter, PerParameter]:
    """Lower and upper bounds, minus and plus infinity where there are none.

    Parameters
    ----------
    model
        Model with or without units. Its own bounds are numbers in the unit of their parameter (astropy drops
        the unit when a bound is set).
    system
        Units of the fit.
    shape
        Iterating shape.
    bounds
        ``{name: (lower, upper)}`` that take the place of the model's own: each a number or Quantity, an array
        that broadcasts to the iterating shape, or None.

    Raises
    ------
    InputError
        An unknown parameter, a pair that is none, bounds that cross, or shapes or units that do not fit.
    """
    given = dict(bounds or {})
    for name in given:
        if name not in model.param_names:
            raise unknown_name("Parameter in bounds", name, model.param_names)
    lower, upper = [], []
    for name in model.param_names:
        low, high = _pair(name, given.get(name, getattr(model, name).bounds))
        lower.append(_bound(model, name, low, -np.inf, system, shape))
        upper.append(_bound(model, name, high, np.inf, system, shape))
        if np.any(lower[-1] > upper[-1]):
            raise InputError(f"bounds of {name!r}: the lower bound {low} is above the upper bound {high}. Swap them.")
    return PerParameter(tuple(lower), shape), PerParameter(tuple(upper), shape)


def common_bounds(names: Iterable[str], lower: PerParameter, upper: PerParameter) -> dict[str, Bounds]:
    """Bounds as an astropy model holds them: None for no bound, and for one that differs between elements."""
    pairs = zip(names, lower.arrays, upper.arrays, strict=True)
    return {name: (_common(low), _common(high)) for name, low, high in pairs}


def _common(bound: Array) -> float | None:
    return float(bound.item()) if bound.size == 1 and np.isfinite(bound).all() else None


def _pair(name: str, pair: Any) -> tuple[Any, Any]:
    try:
        low, high = pair
    except (TypeError, ValueError):
        raise InputError(f"bounds of {name!r} are {pair!r}. Give a pair (lower, upper), None for no bound.") from None
    return low, high


def _bound(model: Model, name: str, value: Any, absent: float, system: UnitSystem, shape: tuple[int, ...]) -> Array:
    what = f"Bound of {name!r}"
    if value is None:
        return np.full((1,) * len(shape), absent)
    values = in_unit(what, value, getattr(model, name).unit, system.parameters[name])
    return _broadcastable(what, np.where(np.isnan(values), absent, values), shape)


def _broadcastable(what: str, values: Array, shape: tuple[int, ...]) -> Array:
    """A copy with as many dimensions as the iterating shape, each of length 1 or that of the shape."""
    own = values.shape
    padded = np.array(values.reshape((1,) * (len(shape) - len(own)) + own))
    if padded.size == 1:
        return padded.reshape((1,) * len(shape))
    if len(own) > len(shape) or any(n not in (1, m) for n, m in zip(padded.shape, shape, strict=True)):
        accepted = f"a number or an array of shape {shape}" if shape else "a number (no axis is iterated over)"
        raise InputError(
            f"{what} has shape {own}, which does not broadcast to the iterating shape {shape}. Accepted: {accepted}."
        )
    return padded
