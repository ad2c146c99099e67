"""The coefficients of a model for stars that move or have broader lines, and their derivatives by both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._model import CannonModel

Floats = NDArray[np.float64]

SPEED_OF_LIGHT = 299792.458  # km/s


@dataclass(frozen=True, eq=False)
class Moved:
    """Coefficients at a shift and a broadening, in pixels.

    Attributes
    ----------
    theta
        Coefficients of labels and hidden labels, (P, T).
    slope, curvature
        First and second derivative by the position in pixels, (P, T).
    s2
        Scatter, (P,); infinite where the moved model is not known.
    """

    theta: Floats
    slope: Floats
    curvature: Floats
    s2: Floats


def pixel_velocity(model: CannonModel) -> float:
    """Width of a pixel, km/s: the unit of shifts and of broadening."""
    return SPEED_OF_LIGHT * float(np.median(np.diff(np.log(model.wavelength))))


def moved(model: CannonModel, shift: float, variance: float) -> Moved:
    """The coefficients for lines that are moved to the red and broadened, chip by chip.

    A cubic spline through the coefficients of each chip, as a function of the logarithm of wavelength, gives values and
    derivatives. Pixels whose model would come from beyond the chip, or from beside a pixel without a model, are not
    known.

    Parameters
    ----------
    model
        The model.
    shift
        Shift in pixels.
    variance
        Square of the width of the Gaussian that broadens, in pixels.
    """
    shape = model.coefficients.shape
    result = Moved(np.zeros(shape), np.zeros(shape), np.zeros(shape), np.full(shape[0], np.inf))
    for first, last in model.chips:
        _move_chip(model, slice(first, last), shift, variance, result)
    return result


def _move_chip(model: CannonModel, chip: slice, shift: float, variance: float, result: Moved) -> None:
    from scipy.interpolate import CubicSpline

    unit = pixel_velocity(model) / SPEED_OF_LIGHT
    position = np.log(model.wavelength[chip]) / unit
    spline = CubicSpline(position, _broadened(model.coefficients[chip], variance))
    origin = position - shift
    result.theta[chip], result.slope[chip], result.curvature[chip] = (spline(origin, order) for order in range(3))
    result.s2[chip] = _moved_scatter(model.s2[chip], np.interp(origin, position, np.arange(len(position)), -9, -9))


def _broadened(theta: Floats, variance: float) -> Any:
    if variance == 0:
        return theta
    from scipy.ndimage import gaussian_filter1d

    return gaussian_filter1d(theta, np.sqrt(variance), axis=0, mode="nearest")


def _moved_scatter(s2: Floats, origin: Floats) -> Floats:
    """Scatter of the nearest pixel of origin, infinite beside unknown ones; origins below zero are beyond the chip."""
    unknown = np.pad(~np.isfinite(s2), 2, constant_values=False)
    beside = np.asarray(np.lib.stride_tricks.sliding_window_view(unknown, 5).any(axis=1))
    nearest = np.rint(np.maximum(origin, 0)).astype(int)
    return np.where((origin >= 0) & ~beside[nearest], s2[nearest], np.inf)
