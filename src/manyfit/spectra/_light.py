"""Wavelengths in air and vacuum, and the Doppler shift."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from astropy import units as u
from astropy.constants import c
from numpy.typing import ArrayLike

from manyfit.errors import InputError
from manyfit.spectra._spectra import Floats, Spectra

SPEED_OF_LIGHT = float(c.to_value("km/s"))
MAX_STEPS = 20


def vacuum_to_air(wavelength: u.Quantity) -> u.Quantity:
    r"""Wavelengths in standard air (15 °C, 101.325 kPa, 450 ppm CO₂) of wavelengths in vacuum.

    .. math:: \frac{\lambda_\mathrm{vac}}{\lambda_\mathrm{air}} = n = 1 + \frac{0.05792105}{238.0185 - s^2} +
              \frac{0.00167917}{57.362 - s^2}, \qquad s = \frac{1\,\mathrm{µm}}{\lambda_\mathrm{vac}}

    Ciddor (1996, Applied Optics 35, 1566), from 0.23 to 1.7 µm; below 0.2 µm light is given in vacuum by custom, and
    is not changed.

    Parameters
    ----------
    wavelength
        A Quantity of length.

    Examples
    --------
    >>> vacuum_to_air(6564.614 * u.AA).round(3)
    <Quantity 6562.801 Angstrom>
    """
    micron = np.asarray(wavelength.to_value(u.um), dtype=np.float64)
    return u.Quantity(wavelength / _refraction(micron), wavelength.unit)


def air_to_vacuum(wavelength: u.Quantity) -> u.Quantity:
    """Wavelengths in vacuum of wavelengths in standard air: `vacuum_to_air` solved for its input, to rounding.

    Parameters
    ----------
    wavelength
        A Quantity of length.

    Examples
    --------
    >>> air_to_vacuum(6562.801 * u.AA).round(3)
    <Quantity 6564.614 Angstrom>
    """
    air = np.asarray(wavelength.to_value(u.um), dtype=np.float64)
    vacuum = air
    for _ in range(MAX_STEPS):
        # a contraction: n changes by 1e-5 of the change of the wavelength
        again = air * _refraction(vacuum)
        done = np.all(np.abs(again - vacuum) <= np.spacing(again))
        vacuum = again
        if done:
            break
    return u.Quantity(vacuum, u.um).to(wavelength.unit)


def _refraction(micron: Floats) -> Floats:
    s2 = np.where(micron < 0.2, 1.0, micron) ** -2.0
    n = 1 + 0.05792105 / (238.0185 - s2) + 0.00167917 / (57.362 - s2)
    return np.where(micron < 0.2, 1.0, n)


def doppler_factor(velocity: ArrayLike | u.Quantity) -> Floats:
    r"""Observed over emitted wavelength of a source that recedes with a velocity (km/s if it has no unit).

    .. math:: \frac{\lambda_\mathrm{obs}}{\lambda_\mathrm{rest}} = \sqrt{\frac{1 + \beta}{1 - \beta}},
              \qquad \beta = v/c

    Raises
    ------
    InputError
        A velocity that is not finite, or not below that of light.

    Examples
    --------
    >>> float(doppler_factor(0.6 * c).round(12))
    2.0
    """
    value = velocity.to_value("km/s") if isinstance(velocity, u.Quantity) else np.asarray(velocity, dtype=np.float64)
    beta = np.asarray(value) / SPEED_OF_LIGHT
    if not (np.abs(beta) < 1).all():
        raise InputError(f"The velocity is {value} km/s. Give finite velocities below that of light.")
    return np.asarray(np.sqrt((1 + beta) / (1 - beta)))


def to_vacuum(spectra: Spectra) -> Spectra:
    """Spectra with their wavelengths in vacuum; the flux stays as it is.

    Raises
    ------
    InputError
        The medium of the wavelengths is not known.

    Examples
    --------
    >>> s = Spectra([5000, 5001] * u.AA, [[1, 1]], [[1, 1]], medium="air")
    >>> to_vacuum(s).wavelength.round(3)
    <Quantity [5001.395, 5002.395] Angstrom>
    """
    if spectra.medium == "unknown":
        raise InputError("It is not known whether the wavelengths are in air. Say so: read(…, medium='air').")
    if spectra.medium == "vacuum":
        return spectra
    return replace(spectra, wavelength=air_to_vacuum(spectra.wavelength), medium="vacuum")


def to_rest(spectra: Spectra, velocity: ArrayLike | u.Quantity | None = None) -> Spectra:
    """Spectra with wavelengths as emitted by the star: divided by the Doppler factor, on a shifted grid.

    Rows of different velocities can not share a shifted grid: give their velocities to `resample`.

    Parameters
    ----------
    spectra
        Spectra in any frame.
    velocity
        Velocity of the star in that frame, in km/s or a Quantity; ``spectra.rows["velocity"]`` if not given.

    Raises
    ------
    InputError
        No velocity is known, or there are several.

    Examples
    --------
    >>> s = Spectra([5000, 5001] * u.AA, [[1, 1]], [[1, 1]])
    >>> to_rest(s, 30).wavelength.round(3)
    <Quantity [4999.5, 5000.5] Angstrom>
    """
    if velocity is None and spectra.frame == "rest":
        return spectra
    factors = np.unique(doppler_factor(row_velocity(spectra) if velocity is None else velocity))
    if factors.size != 1:
        raise InputError(f"There are {factors.size} velocities and one grid. Use resample(spectra, grid, velocity=…).")
    rows = spectra.rows.copy()
    rows["velocity"] = u.Quantity(np.zeros(len(spectra)), "km/s")
    return replace(spectra, wavelength=spectra.wavelength / factors[0], rows=rows, frame="rest")


def row_velocity(spectra: Spectra) -> u.Quantity:
    """Velocity of the star in each row, as the file gives it.

    Raises
    ------
    InputError
        It is not given.
    """
    if "velocity" not in spectra.rows.colnames or not np.isfinite(spectra.rows["velocity"]).all():
        raise InputError("The velocity of a star is not in the file. Give it: velocity=… in km/s.")
    return u.Quantity(spectra.rows["velocity"], "km/s")
