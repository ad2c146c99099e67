"""A polynomial below the lines, about the middle of the spectral axis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from manyfit.errors import InputError

if TYPE_CHECKING:
    from astropy.modeling import Model

    from manyfit.cube._cube import Cube


def with_baseline(model: Model, degree: int, cube: Cube) -> Model:
    """A model plus a polynomial in the distance from the middle of the spectral axis, its coefficients zero.

    Powers of a frequency of 10^11 Hz cannot be told apart in a band of 10^7 Hz; those of the distance from its middle
    can. So the polynomial is ``Shift(-middle) | Polynomial1D(degree)``, with the shift fixed.

    Raises
    ------
    InputError
        The degree is not a whole number from zero.
    """
    from astropy.modeling.models import Polynomial1D, Shift

    if not float(degree).is_integer() or degree < 0:
        raise InputError(f"baseline is {degree!r}. Give the degree of a polynomial: 0, 1, 2, ...")
    unit = cube.spectral_axis.unit
    coefficients: dict[str, Any] = {f"c{i}": 0.0 * cube.unit / unit**i for i in range(degree + 1)}
    if degree == 0:
        return model + Polynomial1D(0, **coefficients)
    middle = 0.5 * (np.nanmin(cube.spectral_axis) + np.nanmax(cube.spectral_axis))
    return model + (Shift(-middle, fixed={"offset": True}) | Polynomial1D(int(degree), **coefficients))
