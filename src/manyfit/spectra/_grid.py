"""Wavelength grids, and the edges of their pixels."""

from __future__ import annotations

import numpy as np
from astropy import units as u

from manyfit.errors import InputError
from manyfit.spectra._spectra import Floats

GAP = 1.5
"""A step larger than this times the step on the other side of the pixel is a gap without pixels."""


def log_grid(start: float, step: float, n: int) -> u.Quantity:
    r"""A grid that is linear in the logarithm: :math:`\lambda_i = 10^{\text{start} + i\,\text{step}}` Å.

    Examples
    --------
    >>> log_grid(3.5, 1e-4, 3).round(3)
    <Quantity [3162.278, 3163.006, 3163.734] Angstrom>
    """
    if n < 2 or step <= 0:
        raise InputError(f"n={n}, step={step}: a grid has two pixels or more and increases.")
    return u.Quantity(10.0 ** (start + step * np.arange(n)), u.AA)


def apogee_grid() -> u.Quantity:
    """The grid of apStar files: 8575 pixels from 15100.8 to 16999.8 Å in vacuum, 4.14 km/s each.

    Examples
    --------
    >>> apogee_grid()[[0, -1]].round(3)
    <Quantity [15100.802, 16999.807] Angstrom>
    """
    return log_grid(4.179, 6e-6, 8575)


def pixel_edges(wavelength: Floats) -> tuple[Floats, Floats]:
    """First and last wavelength of each pixel: half way to its neighbours, and not into a gap.

    At a gap between detectors (a step more than 1.5 times that on the other side), and at the ends, a pixel is as wide
    on that side as on the other.

    Examples
    --------
    >>> low, high = pixel_edges(np.array([1.0, 2.0, 3.0, 7.0, 8.0]))
    >>> low.tolist(), high.tolist()
    ([0.5, 1.5, 2.5, 6.5, 7.5], [1.5, 2.5, 3.5, 7.5, 8.5])
    """
    step = np.diff(wavelength)
    middle = wavelength[:-1] + step / 2
    left, right = np.concatenate([step[:1], step]), np.concatenate([step, step[-1:]])
    half = np.minimum(left, right) / 2
    low = np.where(left > GAP * right, wavelength - half, np.concatenate([wavelength[:1] - half[:1], middle]))
    high = np.where(right > GAP * left, wavelength + half, np.concatenate([middle, wavelength[-1:] + half[-1:]]))
    return low, high
