"""Formulas of built-in models whose ``evaluate`` cannot be traced as it is written.

Each has the arguments of the model's ``evaluate`` after the model itself. They take tracers, and arrays too.
"""

from __future__ import annotations

# The arguments are those of the models, used or not.
# ruff: noqa: ARG001
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from manyfit.models._tracer import apply

Rule = Callable[..., Any]

#: First zero of the Bessel function J1.
FIRST_ZERO_OF_J1 = 3.8317059702075125

#: Why the models of some modules of astropy have no formula.
WITHOUT_FORMULA = {
    "astropy.modeling.spline": "a spline is known by its knots, not by a formula",
    "astropy.modeling.tabular": "it interpolates a table",
    "astropy.modeling.projections": "projections of the sky are computed by wcslib",
    "astropy.modeling.rotations": "rotations are computed by matrices of numbers",
}


def missing_formula(model: Any) -> str | None:
    """Why a model has no formula, if that is known of its class."""
    modules = (base.__module__ for base in type(model).__mro__)
    return next((WITHOUT_FORMULA[module] for module in modules if module in WITHOUT_FORMULA), None)


@cache
def rules() -> dict[Callable[..., Any], Rule]:
    """The formulas by the function that they replace: a subclass with its own ``evaluate`` is not meant."""
    from astropy.modeling import models

    table: dict[Any, Rule] = {
        models.Const1D: const_1d,
        models.Const2D: const_2d,
        models.Voigt1D: voigt_1d,
        models.AiryDisk2D: airy_disk_2d,
        models.SmoothlyBrokenPowerLaw1D: smoothly_broken_power_law_1d,
        models.Drude1D: drude_1d,
        models.BlackBody: black_body,
        models.NFW: nfw,
        models.Polynomial2D: polynomial_2d,
        models.Sersic2D: sersic_2d,
    }
    return {evaluate_of(model): rule for model, rule in table.items()}


def evaluate_of(model: Any) -> Callable[..., Any]:
    """The function behind a model's ``evaluate``, be it a static, a class or a usual method."""
    function: Callable[..., Any] = getattr(model.evaluate, "__func__", model.evaluate)
    return function


def const_1d(model: Any, x: Any, amplitude: Any) -> Any:
    """A constant."""
    return amplitude


def const_2d(model: Any, x: Any, y: Any, amplitude: Any) -> Any:
    """A constant of two coordinates."""
    return amplitude


def voigt_1d(model: Any, x: Any, x_0: Any, amplitude_L: Any, fwhm_L: Any, fwhm_G: Any) -> Any:
    """The Voigt profile by the Faddeeva function, scaled to the peak of the Lorentzian."""
    scale = np.sqrt(np.log(2.0)) / fwhm_G
    height = apply("wofz_re", 2.0 * (x - x_0) * scale, fwhm_L * scale)
    return height * np.sqrt(np.pi) * scale * fwhm_L * amplitude_L


def airy_disk_2d(model: Any, x: Any, y: Any, amplitude: Any, x_0: Any, y_0: Any, radius: Any) -> Any:
    """The pattern of a circular aperture, ``(2 J1(r) / r)**2``."""
    r = np.sqrt((x - x_0) ** 2 + (y - y_0) ** 2) * FIRST_ZERO_OF_J1 / radius
    return amplitude * np.where(r > 0, (2.0 * apply("j1", r) / r) ** 2, 1.0)


def smoothly_broken_power_law_1d(
    model: Any, x: Any, amplitude: Any, x_break: Any, alpha_1: Any, alpha_2: Any, delta: Any
) -> Any:
    """Two power laws with a smooth break, through the logarithm: it cannot overflow far from the break."""
    ratio = x / x_break
    log_ratio = np.log(ratio)
    t = log_ratio / delta
    log_bend = np.maximum(t, 0.0) + np.log1p(np.exp(-np.abs(t))) - np.log(2.0)
    value = amplitude * np.exp((alpha_1 - alpha_2) * delta * log_bend - alpha_1 * log_ratio)
    return np.where(ratio < 0, 0.0, value)


def drude_1d(model: Any, x: Any, amplitude: Any, x_0: Any, fwhm: Any) -> Any:
    """The Drude profile, without the division by x of the usual form."""
    width = (fwhm * x) ** 2
    return amplitude * width / (((x - x_0) * (x + x_0)) ** 2 + width)


def black_body(model: Any, x: Any, temperature: Any, scale: Any) -> Any:
    """Planck's law for frequencies in Hz, or for wavelengths in Å where the output is per wavelength.

    The input unit follows from the unit that `scale` was given, as in astropy; temperatures are in K.
    """
    from astropy import constants as const
    from astropy import units as u

    if model.input_units["x"] == u.Hz:
        slope = (const.h * u.Hz / (const.k_B * u.K)).to_value("")
        factor = (2 * const.h * u.Hz**3 / const.c**2 / u.sr).to_value(model._output_units)
        return scale * factor * x**3 / np.expm1(slope * x / temperature)
    slope = (const.h * const.c / (const.k_B * u.K * u.AA)).to_value("")
    factor = (2 * const.h * const.c**2 / u.AA**5 / u.sr).to_value(model._output_units)
    return scale * factor / (x**5 * np.expm1(slope / (x * temperature)))


def nfw(model: Any, r: Any, mass: Any, concentration: Any, redshift: Any) -> Any:
    """The density of Navarro, Frenk & White in solar masses per kpc³, for radii in kpc and solar masses.

    As in astropy, the critical density is that of the redshift at which the model was made.
    """
    from astropy import units as u

    overdensity = model.density_delta.to_value(u.M_sun / u.kpc**3)
    radius = (3.0 * mass / (4.0 * np.pi * overdensity)) ** (1.0 / 3.0) / concentration
    enclosed = np.log1p(concentration) - concentration / (1.0 + concentration)
    density = overdensity * concentration**3 / (3.0 * enclosed)
    return density / (r / radius * (1.0 + r / radius) ** 2)


def polynomial_2d(model: Any, x: Any, y: Any, *coefficients: Any) -> Any:
    """A polynomial of two coordinates; of degree 0 it is its one coefficient."""
    return evaluate_of(type(model))(model, x, y, *coefficients) if model.degree else coefficients[0]


def sersic_2d(
    model: Any,
    x: Any,
    y: Any,
    amplitude: Any,
    r_eff: Any,
    n: Any,
    x_0: Any,
    y_0: Any,
    ellip: Any,
    theta: Any,
    c: Any = None,
) -> Any:
    """The Sersic profile on ellipses, or with `c` on boxes and discs; with one power less than as written."""
    from scipy.special import gammaincinv

    major = ((x - x_0) * np.cos(theta) + (y - y_0) * np.sin(theta)) / r_eff
    minor = ((y - y_0) * np.cos(theta) - (x - x_0) * np.sin(theta)) / ((1.0 - ellip) * r_eff)
    if c is None:
        power, size = 2.0, major**2 + minor**2
    else:
        power = 2.0 + c
        size = np.abs(major) ** power + np.abs(minor) ** power
    return amplitude * np.exp(-gammaincinv(2.0 * n, 0.5) * (size ** (1.0 / (power * n)) - 1.0))
