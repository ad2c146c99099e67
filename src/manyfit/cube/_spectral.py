"""Spectral coordinates: frequency, wavelength, energy and velocity, converted exactly; widths of channels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np

from manyfit.errors import InputError, unknown_name

if TYPE_CHECKING:
    from astropy.units import Quantity, UnitBase

    from manyfit.cube._cube import Cube

CONVENTIONS = {
    "radio": u.doppler_radio,
    "optical": u.doppler_optical,
    "relativistic": u.doppler_relativistic,
}
ROUNDING = 8 * np.finfo(float).eps


@dataclass(frozen=True, eq=False)
class Axis:
    """Spectral coordinates with what is known of their meaning."""

    values: Quantity
    convention: str | None
    rest: Quantity | None


def converted_axis(cube: Cube, unit: Any, convention: str | None, rest: Any) -> Axis:
    """Spectral coordinates of a cube in another unit and convention.

    Raises
    ------
    InputError
        The unit is not spectral, or a rest frequency or convention is needed and not known.
    """
    target, had = spectral_unit(unit), cube.convention
    new_rest = cube.rest if rest is None else rest_of(rest)
    old_rest = new_rest if cube.rest is None else cube.rest
    wanted = convention_of(convention) or (had if is_velocity(target) else None)
    values = cube.spectral_axis
    same = wanted in (None, had) and (new_rest is old_rest or _equal(new_rest, old_rest))
    if is_velocity(values.unit) and is_velocity(target) and same:
        return Axis(values.to(target), had, new_rest)
    if is_velocity(values.unit):
        values = values.to(u.Hz, _doppler(had, old_rest, f"the cube's velocities in {values.unit}"))
    if is_velocity(target):
        return Axis(values.to(u.Hz, u.spectral()).to(target, _doppler(wanted, new_rest, f"{target}")), wanted, new_rest)
    _check_medium(cube, target)
    return Axis(values.to(target, u.spectral()), None, new_rest)


def _equal(one: Quantity | None, other: Quantity | None) -> bool:
    """Whether two rest frequencies or wavelengths are the same."""
    if one is None or other is None:
        return one is other
    return bool(np.isclose(one.to_value(u.Hz, u.spectral()), other.to_value(u.Hz, u.spectral()), rtol=1e-14, atol=0))


def _check_medium(cube: Cube, target: UnitBase) -> None:
    """Refuse to make frequencies of wavelengths in air, which would be wrong by the refraction, 3 parts in 10 000."""
    if cube.medium == "air" and not target.is_equivalent(u.m):
        raise InputError(
            f"The wavelengths are in air, so {target} cannot be had from them by division. Convert them to vacuum "
            "first, and give them as spectral_axis= with medium='vacuum'."
        )


def spectral_unit(unit: Any) -> UnitBase:
    """A unit of a spectral coordinate.

    Raises
    ------
    InputError
        It is no unit, or that of something else.
    """
    try:
        found = u.Unit(unit)
    except (ValueError, TypeError) as error:
        raise InputError(f"spectral_unit={unit!r} is no unit: {error}") from None
    if not is_velocity(found) and not found.is_equivalent(u.Hz, u.spectral()):
        raise InputError(
            f"{found.to_string() or 'A number'} is no unit of a spectral axis. Give one of frequency, wavelength, "
            "energy, wavenumber or velocity, such as 'GHz', 'Angstrom' or 'km/s'."
        )
    return found


def is_velocity(unit: UnitBase) -> bool:
    """Whether a unit is one of velocity."""
    return bool(unit.is_equivalent(u.m / u.s))


def rest_of(rest: Any) -> Quantity:
    """A rest frequency or wavelength (or energy) as given, with unit.

    Raises
    ------
    InputError
        It has no spectral unit or is not positive.
    """
    try:
        found = u.Quantity(rest)
        positive = bool(found.to_value(u.Hz, u.spectral()) > 0)
    except (u.UnitConversionError, TypeError, ValueError):
        positive = False
    if not positive:
        raise InputError(f"rest={rest!r} is no rest frequency or wavelength. Give a positive one with its unit.")
    return found


def convention_of(given: str | None) -> str | None:
    """A convention of velocities, or None.

    Raises
    ------
    InputError
        There is no such convention.
    """
    if given is not None and given not in CONVENTIONS:
        raise unknown_name("convention", given, CONVENTIONS)
    return given


def _doppler(convention: str | None, rest: Quantity | None, what: str) -> Any:
    if rest is None:
        raise InputError(
            f"A rest frequency or wavelength is needed for {what}, and the cube has none (RESTFRQ). "
            "Give rest=, for example rest=115.2712018 * u.GHz (--rest '115.2712018 GHz')."
        )
    if convention is None:
        raise InputError(
            f"It is not known how velocities are defined for {what}. "
            "Give convention='radio', 'optical' or 'relativistic'."
        )
    return CONVENTIONS[convention](rest)


def widths(axis: Quantity) -> Quantity:
    """Widths of channels from the distances between their centres, positive; 1 channel has no width (NaN).

    Examples
    --------
    >>> widths([1.0, 2.0, 4.0] * u.GHz)
    <Quantity [1. , 1.5, 2. ] GHz>
    """
    values = np.asarray(axis.value, np.float64)
    if len(values) < 2:
        return np.full(values.shape, np.nan) << axis.unit
    mean = np.abs(values[-1] - values[0]) / (len(values) - 1)
    found = np.abs(np.gradient(values, axis=0))
    tolerance = 1e-9 * mean + ROUNDING * np.abs(values).max(axis=0)
    regular = (np.abs(found - mean) <= tolerance).all(axis=0)  # the mean of many is exacter than each
    return np.where(regular, mean, found) << axis.unit
