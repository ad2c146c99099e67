"""A polynomial below the lines, about the middle of the spectral axis."""

from __future__ import annotations

from collections.abc import Sequence
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
    check_degree(degree)
    return model + polynomial(degree, middle_of(cube), cube.unit, cube.spectral_axis.unit)


def polynomial(degree: int, middle: Any, data_unit: Any = 1, unit: Any = 1, values: Sequence[Any] = ()) -> Model:
    """A polynomial in the distance from the middle.

    Parameters
    ----------
    degree
        Its degree.
    middle
        Where the distance is zero.
    data_unit, unit
        Units of values and coordinates; 1 for plain numbers.
    values
        Coefficients. Default: zero.

    Examples
    --------
    >>> float(polynomial(1, 100.0, values=[1.0, 2.0])(103.0)), polynomial(1, 100.0).param_names
    (7.0, ('offset_0', 'c0_1', 'c1_1'))
    """
    from astropy.modeling.models import Polynomial1D, Shift

    coefficients: dict[str, Any] = {
        f"c{i}": value * data_unit / unit**i for i, value in enumerate(values or [0.0] * (int(degree) + 1))
    }
    line = Polynomial1D(int(degree), **coefficients)
    return line if degree == 0 else Shift(-middle, fixed={"offset": True}) | line


def middle_of(cube: Cube) -> Any:
    """The middle of the spectral axis, a Quantity."""
    return 0.5 * (np.nanmin(cube.spectral_axis) + np.nanmax(cube.spectral_axis))


def check_degree(degree: Any) -> None:
    """Refuse what is no degree of a polynomial.

    Raises
    ------
    InputError
        The degree is not a whole number from zero.
    """
    if not float(degree).is_integer() or degree < 0:
        raise InputError(f"baseline is {degree!r}. Give the degree of a polynomial: 0, 1, 2, ...")
