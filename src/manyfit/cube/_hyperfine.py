"""Lines with hyperfine structure as astropy models: N2H+ 1-0 and NH3 (1,1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import astropy.units as u
import numpy as np
from astropy.modeling import Fittable1DModel, Parameter

from manyfit.cube import _n2hp, _nh3

#: Temperature of the cosmic background, K.
BACKGROUND = 2.73
#: h / k in K per GHz, from the exact constants of the SI.
KELVIN_PER_GHZ = 6.62607015e-34 * 1e9 / 1.380649e-23

Lines = Sequence[tuple[float, float]]


def opacity(x: Any, lines: Lines, tau: Any, velocity: Any, stddev: Any) -> Any:
    """Opacity at velocities x: a Gaussian for each line, with its part of the total `tau` at its peak."""
    total = 0.0
    for offset, part in lines:
        total = total + part * np.exp(-0.5 * ((x - velocity - offset) / stddev) ** 2)
    return tau * total


def brightness(tex: Any, opacity: Any, frequency: float) -> Any:
    """Brightness above the background, [J(tex) - J(2.73 K)] (1 - exp(-opacity)), in K."""
    scale = KELVIN_PER_GHZ * frequency
    background = scale / np.expm1(scale / BACKGROUND)
    return (scale / np.expm1(scale / tex) - background) * -np.expm1(-opacity)


class HyperfineLine(Fittable1DModel):  # type: ignore[misc]
    """A line with hyperfine structure; its kinds differ in nothing but their constants.

    Attributes
    ----------
    FREQUENCY
        Rest frequency, GHz.
    LINES
        Offset in km/s and part of the opacity of each line.
    """

    FREQUENCY: float
    LINES: Lines

    tex = Parameter(default=6.0, bounds=(BACKGROUND, None), description="excitation temperature")
    tau = Parameter(default=1.0, bounds=(0.0, None), description="total opacity")
    velocity = Parameter(default=0.0, description="radio velocity")
    stddev = Parameter(default=0.2, bounds=(1e-3, None), description="standard deviation of each line")

    # numbers are taken as km/s
    _input_units_allow_dimensionless = True
    # astropy would read the annotation of evaluate as a unit
    _return_units = None

    @property
    def input_units(self) -> dict[str, Any]:
        """Coordinates are velocities in km/s."""
        return {self.inputs[0]: u.km / u.s}

    def _parameter_units_for_data_units(self, inputs_unit: Any, _: Any) -> dict[str, Any]:
        velocity = inputs_unit[self.inputs[0]]
        return {"tex": u.K, "tau": u.dimensionless_unscaled, "velocity": velocity, "stddev": velocity}

    @classmethod
    def evaluate(cls, x: Any, tex: Any, tau: Any, velocity: Any, stddev: Any) -> Any:
        """Brightness at velocities x; numbers are in K and km/s."""
        speed = u.km / u.s
        x, velocity, stddev = (_plain(value, speed) for value in (x, velocity, stddev))
        depth = opacity(x, cls.LINES, _plain(tau, u.one), velocity, stddev)
        kelvins = brightness(_plain(tex, u.K), depth, cls.FREQUENCY)
        return kelvins * u.K if isinstance(tex, u.Quantity) else kelvins


class N2HPlus1D(HyperfineLine):
    r"""The seven lines of N2H+ J = 1-0, in brightness above the background (K) at radio velocities.

    .. math:: T(v) = [J(T_{ex}) - J(T_{bg})]\,(1 - e^{-\tau(v)}),\quad
              \tau(v) = \tau \sum_i w_i\, e^{-(v - v_0 - v_i)^2 / 2\sigma^2},\quad
              J(T) = \frac{h\nu/k}{e^{h\nu/kT} - 1}

    J is the radiation temperature by Planck's law, not the approximation of Rayleigh and Jeans. All lines have one
    excitation temperature, width and velocity; :math:`\sum w_i = 1`, so `tau` is the sum of the opacities of all lines
    at their peaks.

    Parameters
    ----------
    tex
        Excitation temperature, K.
    tau
        Total opacity.
    velocity
        Radio velocity of the line F1 F = 2 3 - 1 2 for the rest frequency 93.1737637 GHz, km/s.
    stddev
        Standard deviation of each line, km/s.

    Notes
    -----
    Coordinates are velocities: km/s, or a Quantity. While `tau` is small, only the product of `tau` and
    :math:`J(T_{ex})-J(T_{bg})` is determined: fix one of them, or look at the errors and the status.

    Offsets and parts: Pagani, Daniel & Dubernet (2009, A&A 494, 719). Background: 2.73 K. A subclass with other
    constants is another line.

    Examples
    --------
    >>> line = N2HPlus1D(tex=8, tau=4, velocity=4, stddev=0.2)
    >>> round(float(line(4.0)), 3)
    3.165
    """

    FREQUENCY = _n2hp.FREQUENCY
    LINES = _n2hp.LINES


class Ammonia1D(HyperfineLine):
    r"""The eighteen lines of NH3 (J,K) = (1,1), in brightness above the background (K) at radio velocities.

    The formula and the parameters are those of `N2HPlus1D`; velocities are for the rest frequency 23.6944955 GHz.

    Parameters
    ----------
    tex
        Excitation temperature, K.
    tau
        Total opacity: the main group of lines has half of it.
    velocity
        Radio velocity, km/s.
    stddev
        Standard deviation of each line, km/s.

    Notes
    -----
    Offsets: Kukolich (1967, Phys. Rev. 156, 83) and Rydbeck et al. (1977, ApJ 215, L35). Parts: angular momenta
    (Townes & Schawlow 1955). Background: 2.73 K.

    Examples
    --------
    >>> line = Ammonia1D(tex=6, tau=3, velocity=0, stddev=0.2)
    >>> round(float(line(0.0)), 3)
    2.053
    """

    FREQUENCY = _nh3.FREQUENCY
    LINES = _nh3.LINES


def _plain(value: Any, unit: Any) -> Any:
    return value.to_value(unit) if isinstance(value, u.Quantity) else value
