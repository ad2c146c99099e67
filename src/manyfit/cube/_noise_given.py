"""Noise as the user gave it, or as it came with a cube, laid along the axes of the cube."""

from __future__ import annotations

from typing import Any

import numpy as np

from manyfit.cube._cube import Cube
from manyfit.cube._given import laid
from manyfit.errors import InputError


def noise_given(cube: Cube, given: Any) -> Any:
    """Standard deviations in the unit of the cube with its axes, each of full length or 1; None if none is known.

    Parameters
    ----------
    cube
        The cube.
    given
        Number, Quantity or array that broadcasts to the cube, or has its channels or its spatial shape; None for the
        uncertainty of the cube.

    Raises
    ------
    InputError
        The shape does not fit, the unit does not convert, or no value is positive.
    """
    if given is None:
        return None if cube.uncertainty is None else laid("uncertainty", cube.uncertainty, cube.shape)
    values = laid("noise", np.asarray(_in_unit(cube, given), np.float64), cube.shape)
    check_positive(values)
    return values


def check_positive(values: Any) -> None:
    """Refuse noise that is zero everywhere.

    Raises
    ------
    InputError
        No value is positive and finite.
    """
    if not ((values > 0) & (values < np.inf)).any():
        raise InputError(
            "The noise is zero, negative or NaN everywhere, so nothing can be compared with it. Give positive standard "
            "deviations as noise=; an estimate is zero where more than half of the values of a spectrum are equal."
        )


def _in_unit(cube: Cube, given: Any) -> Any:
    import astropy.units as u

    if not isinstance(given, u.Quantity):
        return given
    try:
        return given.to_value(cube.unit)
    except u.UnitConversionError:
        raise InputError(
            f"noise is in {given.unit} and the cube in {cube.unit or 'no unit'}. Give it in that."
        ) from None
