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
    target = spectral_unit(unit)
    known_rest = rest_of(rest) if rest is not None else cube.rest
    wanted = convention_of(convention) or (cube.convention if is_velocity(target) else None)
    had = cube.convention
    if is_velocity(cube.spectral_axis.unit) and is_velocity(target) and wanted in (None, had):
        return Axis(cube.spectral_axis.to(target), had, known_rest)
    values = cube.spectral_axis
    if is_velocity(values.unit):
        values = values.to(u.Hz, _doppler(had, known_rest, f"the cube's velocities in {values.unit}"))
    if is_velocity(target):
        return Axis(
            values.to(u.Hz, u.spectral()).to(target, _doppler(wanted, known_rest, f"{target}")), wanted, known_rest
        )
    return Axis(values.to(target, u.spectral()), None, known_rest)


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
