"""The data as it is fitted: what was given, in the unit that was asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..errors import InputError, InputTypeError
from ._inputs import read
from ._labelled import Labelled
from ._source import kind_of

if TYPE_CHECKING:
    from astropy.units import UnitBase


def data_of(data: Any, data_unit: Any = None) -> Labelled:
    """Labelled data in a unit.

    Parameters
    ----------
    data
        Data of any kind that `read` accepts.
    data_unit
        Unit that takes the place of the one that comes with the data. A Quantity is converted, because its
        unit belongs to its values; that of a header or container may be wrong or missing, and is replaced.

    Raises
    ------
    InputError
        The unit cannot be read, or the Quantity does not convert.
    InputTypeError
        Data that is not made of real numbers.

    Examples
    --------
    >>> import astropy.units as u
    >>> data_of([1.0, 2.0] * u.km, "m").source.read((slice(0, 2),))
    array([1000., 2000.])
    """
    unit = _unit(data_unit)
    labelled = read(data if unit is None else _converted(data, unit))
    if labelled.source.dtype.kind == "b":
        raise InputTypeError("data is made of booleans. Give numbers, for example data.astype(float).")
    return labelled if unit is None else replace(labelled, unit=unit)


def _unit(data_unit: Any) -> UnitBase | None:
    import astropy.units as u

    try:
        return None if data_unit is None else u.Unit(data_unit)
    except (ValueError, TypeError) as error:
        raise InputError(f"data_unit={data_unit!r} is no unit: {error}") from None


def _converted(data: Any, unit: UnitBase) -> Any:
    import astropy.units as u

    if not kind_of(data, "astropy", "Quantity"):
        return data
    try:
        return data.to(unit)
    except u.UnitConversionError:
        raise InputError(
            f"data is in {data.unit}, which does not convert to data_unit={unit}. Give one that it does."
        ) from None
