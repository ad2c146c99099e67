"""Uncertainties and weights of any kind, turned into inverse variances."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, InputTypeError
from ._aligned import Aligned, align
from ._axes import Axes
from ._inputs import read
from ._source import kind_of

if TYPE_CHECKING:
    from astropy.units import UnitBase

# Power of the standard deviation that the values are, and so the power of the data's unit.
POWERS = {"std": 1, "var": 2, "ivar": -2, "weight": -1}


@dataclass(frozen=True)
class Weighting:
    """Inverse variances, read one block at a time.

    Attributes
    ----------
    values
        What the user gave, laid along the axes of the data.
    meaning
        What the values are: "std", "var", "ivar" or "weight" (factor on the residual, 1/std).
    scale
        Factor that turns the values into the unit of the data (or its power).
    """

    values: Aligned
    meaning: str
    scale: float

    def read(self, block: tuple[slice, ...]) -> NDArray[np.float64]:
        """Inverse variance of a block, of shape (1 or elements, 1 or points): 1 where all have the same.

        Points to be left out have a value that is zero, negative or not finite.
        """
        values = self.values.rows(block)  # a new array, so it can be changed in place
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            if self.scale != 1:
                values *= self.scale
            match self.meaning:
                case "std":
                    np.maximum(values, 0, out=values)  # a square would hide that a negative value is none
                    np.square(values, out=values)
                    np.reciprocal(values, out=values)
                case "var":
                    np.reciprocal(values, out=values)
                case "weight":
                    np.square(values, out=values)
        return values


def weighting_of(uncertainty: Any, weights: Any, axes: Axes, data_unit: UnitBase | None) -> Weighting | None:
    """Inverse variances from what the user gave as uncertainty or weights; None if neither was given.

    Parameters
    ----------
    uncertainty
        Standard deviation: scalar, Quantity, array that broadcasts to the data, path or HDU; or
        ``NDUncertainty`` of any type. Without a unit it is in the unit of the data.
    weights
        Factor on the residuals (1 / standard deviation), as in astropy's fitters; or ``NDUncertainty``.
    axes
        Axes of the data.
    data_unit
        Unit of the data.

    Raises
    ------
    InputError
        Both were given, the shape does not fit, or the unit does not convert.
    InputTypeError
        Not real numbers, or an uncertainty of unknown type.
    """
    if uncertainty is not None and weights is not None:
        raise InputError("Both uncertainty and weights were given. Give one: weights are 1 / uncertainty.")
    if uncertainty is None and weights is None:
        return None
    what, given = ("uncertainty", uncertainty) if weights is None else ("weights", weights)
    meaning = "std" if weights is None else "weight"
    if kind_of(given, "astropy", "NDUncertainty"):
        meaning, given = given.uncertainty_type, _with_unit(given)
    if meaning not in POWERS:
        raise InputTypeError(
            f"{what} is an NDUncertainty of type {meaning!r}. Accepted: StdDevUncertainty, "
            "VarianceUncertainty, InverseVariance, or an array of standard deviations."
        )
    labelled = read(given, what)
    values = align(what, labelled.source, axes)
    return Weighting(values, meaning, _scale(what, labelled.unit, data_unit, POWERS[meaning]))


def _with_unit(uncertainty: Any) -> Any:
    """Values of an NDUncertainty, with its unit if it has one of its own."""
    return uncertainty.array if uncertainty.unit is None else uncertainty.quantity


def _scale(what: str, unit: UnitBase | None, data_unit: UnitBase | None, power: int) -> float:
    """Factor from a unit to the same power of the unit of the data."""
    import astropy.units as u

    if unit is None:
        return 1.0
    target = (u.dimensionless_unscaled if data_unit is None else data_unit) ** power
    try:
        return float(unit.to(target))
    except u.UnitConversionError:
        remedy = "Give data_unit" if data_unit is None else f"Give it in a unit that converts to {target}"
        raise InputError(
            f"{what} is in {unit}, but the data is in {data_unit or 'no unit'}: {unit} does not convert to "
            f"{target or 'a number'}. {remedy}."
        ) from None
