"""A continuum of Chebyshev polynomials."""

from __future__ import annotations

import numpy as np
from astropy import units as u
from numpy.typing import ArrayLike

from manyfit.errors import InputError
from manyfit.spectra._continuum import Continuum
from manyfit.spectra._linear_continuum import Clip, checked_inputs, fit_linear
from manyfit.spectra._spectra import Floats


def chebyshev_continuum(
    wavelength: u.Quantity | ArrayLike,
    flux: ArrayLike,
    ivar: ArrayLike,
    *,
    regions: ArrayLike | None = None,
    order: int = 4,
    continuum_regions: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    clip: Clip | None = None,
    fill: float = np.nan,
) -> Continuum:
    r"""Fit Chebyshev polynomials to continuum pixels, region by region, weighted by the inverse variance.

    .. math:: c(\lambda) = \sum_{k=0}^{\text{order}} a_k T_k(x), \qquad x \in [-1, 1] \text{ over the region}

    Parameters
    ----------
    wavelength
        Wavelengths (P,), a Quantity, or numbers in Å.
    flux, ivar
        Arrays (N, P). Pixels where either is not finite or the inverse variance is not positive are left out.
    regions
        Pairs of first and last wavelength in Å, each with a continuum of its own; None for one of all pixels.
    order
        Highest degree.
    continuum_regions, mask, clip, fill
        As in `sinusoidal_continuum`.

    Returns
    -------
    continuum
        Values and variance (N, P), amplitudes and covariance, status.

    Raises
    ------
    InputError
        Shapes that do not fit, or an order below 0.

    Examples
    --------
    >>> x = np.linspace(5000, 6000, 300)
    >>> c = chebyshev_continuum(x, 10 + 1e-3 * x, np.full(300, 4.0), order=1)
    >>> c.amplitudes.round(6).tolist()
    [[[15.5, 0.5]]]
    """
    if order < 0:
        raise InputError(f"order is {order}. Give the highest degree, 0 or more.")

    def basis(x: Floats, span: Floats) -> Floats:
        scaled = (2 * x - span[0] - span[-1]) / (span[-1] - span[0])
        terms: Floats = np.polynomial.chebyshev.chebvander(scaled, order)
        return terms

    inputs = checked_inputs(wavelength, flux, ivar, mask)
    return fit_linear(
        inputs, basis, regions=regions, continuum_regions=continuum_regions, ridge=0.0, fill=fill, clip=clip
    )
