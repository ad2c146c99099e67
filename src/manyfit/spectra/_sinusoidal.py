"""A continuum of sines and cosines, the method of APOGEE's Cannon."""

from __future__ import annotations

import numpy as np
from astropy import units as u
from numpy.typing import ArrayLike

from manyfit.errors import InputError
from manyfit.spectra._continuum import Continuum
from manyfit.spectra._linear_continuum import Clip, checked_inputs, fit_linear
from manyfit.spectra._regions import APOGEE_REGIONS
from manyfit.spectra._spectra import Floats


def sinusoidal_continuum(
    wavelength: u.Quantity | ArrayLike,
    flux: ArrayLike,
    ivar: ArrayLike,
    *,
    regions: ArrayLike | None = APOGEE_REGIONS,
    length: float = 1400.0,
    order: int = 3,
    ridge: float = 1e-6,
    continuum_regions: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    clip: Clip | None = None,
    fill: float = np.nan,
) -> Continuum:
    r"""Fit a continuum of sines and cosines to continuum pixels, region by region, weighted by the inverse variance.

    .. math:: c(\lambda) = a_0 + \sum_{k=1}^{\text{order}} a_{2k-1} \cos\frac{2\pi k \lambda}{L}
              + a_{2k} \sin\frac{2\pi k \lambda}{L}

    The method is that of AnniesLasso and SDSS Astra (Casey et al. 2016, arXiv:1603.03040), number for number; masks,
    clipping and the covariance are what it lacks.

    Parameters
    ----------
    wavelength
        Wavelengths (P,), a Quantity, or numbers in Å.
    flux, ivar
        Arrays (N, P). Pixels where either is not finite or the inverse variance is not positive are left out.
    regions
        Pairs of first and last wavelength in Å, each with a continuum of its own; None for one of all pixels.
    length
        L in Å.
    order
        Number of sines and of cosines.
    ridge
        Added to the diagonal of the normal matrix, as a fraction of its largest eigenvalue.
    continuum_regions
        Pairs (R, 2) of wavelengths in Å between which there are continuum pixels (see `read_regions`); None for all
        pixels, which then should be clipped.
    mask
        True where a pixel is not to be fitted, (N, P) or (P,).
    clip
        How outliers and lines are left out; None to keep all pixels, as published.
    fill
        The continuum outside of all regions: NaN, so that pixels there become unusable, or 1, as published.

    Returns
    -------
    continuum
        Values and variance (N, P), amplitudes and covariance, status.

    Raises
    ------
    InputError
        Shapes that do not fit, or numbers that make no sense.

    Examples
    --------
    >>> x = np.linspace(15200, 15800, 500)
    >>> flux = 100 + 5 * np.cos(2 * np.pi * x / 1400)
    >>> c = sinusoidal_continuum(x, flux, np.ones(500), regions=None, order=1)
    >>> bool(np.allclose(c.values, flux, rtol=1e-4)), c.amplitudes.shape
    (True, (1, 1, 3))
    """
    if order < 0 or length <= 0 or ridge < 0:
        raise InputError(f"order={order}, length={length}, ridge={ridge}: the length is positive, the others >= 0.")

    def basis(x: Floats, _: Floats) -> Floats:
        return sines_and_cosines(x, length, order)

    inputs = checked_inputs(wavelength, flux, ivar, mask)
    return fit_linear(
        inputs, basis, regions=regions, continuum_regions=continuum_regions, ridge=ridge, fill=fill, clip=clip
    )


def sines_and_cosines(x: Floats, length: float, order: int) -> Floats:
    """The terms 1, cos, sin, cos 2, sin 2 and so on: (P, 2 order + 1)."""
    terms = [np.ones_like(x)]
    for k in range(1, order + 1):
        phase = 2 * np.pi * k * x / length
        terms += [np.cos(phase), np.sin(phase)]
    return np.stack(terms, axis=1)
