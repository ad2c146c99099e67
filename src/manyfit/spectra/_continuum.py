"""A continuum of many spectra, and spectra divided by it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np
from astropy import units as u
from numpy.typing import NDArray

from manyfit.errors import InputError
from manyfit.spectra._spectra import Floats, Spectra


class ContinuumStatus(IntEnum):
    """What became of the continuum of one spectrum in one region.

    Examples
    --------
    >>> ContinuumStatus(2).name, ContinuumStatus.NO_PIXELS.sentence
    ('NO_PIXELS', 'No usable pixel of this spectrum is in the region.')
    """

    FITTED = 0
    OUTSIDE = 1
    NO_PIXELS = 2
    TOO_FEW_PIXELS = 3
    NOT_POSITIVE = 4

    @property
    def sentence(self) -> str:
        """What it means, in words."""
        return _SENTENCES[self]


_SENTENCES = {
    ContinuumStatus.FITTED: "The continuum was fitted.",
    ContinuumStatus.OUTSIDE: "No continuum pixel of the grid is in the region: the continuum has the fill value.",
    ContinuumStatus.NO_PIXELS: "No usable pixel of this spectrum is in the region.",
    ContinuumStatus.TOO_FEW_PIXELS: "There are fewer usable pixels than terms, or they leave a term undetermined.",
    ContinuumStatus.NOT_POSITIVE: "The continuum is not positive in a part of the region.",
}


@dataclass(frozen=True, eq=False)
class Continuum:
    """The continuum of N spectra of P pixels, fitted in R regions with T terms.

    Parameters
    ----------
    values
        Continuum (N, P); NaN where it could not be fitted, and the fill value outside of all regions.
    variance
        Variance of the continuum (N, P) by propagation of the errors of the flux. Neighbouring pixels share the
        amplitudes, so their errors are correlated: use `covariance` for sums over pixels.
    status
        `ContinuumStatus` of each spectrum and region (N, R).
    n_points
        Pixels that were used (N, R).
    amplitudes
        Amplitudes (N, R, T); None for a running quantile.
    covariance
        Covariance (N, R, T, T) of the amplitudes; None for a running quantile.
    chi2
        Σ ivar (flux − continuum)² over the used pixels (N, R). Where it is far above `n_points`, lines are among the
        pixels and the variance is too small. None for a running quantile.
    """

    values: Floats
    variance: Floats
    status: NDArray[np.int8]
    n_points: NDArray[np.int64]
    amplitudes: Floats | None = None
    covariance: Floats | None = None
    chi2: Floats | None = None

    def __repr__(self) -> str:
        worst = self.status.max(axis=1, initial=0, where=self.status != ContinuumStatus.OUTSIDE)
        counts = {ContinuumStatus(code).name: int(np.sum(worst == code)) for code in np.unique(worst)}
        n, n_pixels = self.values.shape
        return f"Continuum: {n} × {n_pixels} pixels, {self.status.shape[1]} regions, worst status of spectra {counts}"

    def divide(self, flux: Floats, ivar: Floats, *, propagate: bool = False) -> tuple[Floats, Floats]:
        r"""Flux over continuum, and its inverse variance.

        .. math:: f' = f/c, \qquad w' = c^2 w

        Where nothing is known (the inverse variance is 0, or the continuum is not positive) the flux is 1 and its
        inverse variance 0, so all values are finite.

        Parameters
        ----------
        flux, ivar
            Arrays (N, P). They are not changed.
        propagate
            Whether the variance of the continuum is added: 1/w' = 1/(c² w) + f² var(c)/c⁴.

        Returns
        -------
        flux, ivar
            Arrays (N, P).

        Raises
        ------
        InputError
            The shapes differ.
        """
        flux, ivar = np.atleast_2d(flux), np.atleast_2d(ivar)
        if flux.shape != self.values.shape or ivar.shape != self.values.shape:
            raise InputError(f"flux {flux.shape} and ivar {ivar.shape} need the continuum's shape {self.values.shape}.")
        with np.errstate(all="ignore"):
            divided = flux / self.values
            new_ivar = self.values**2 * ivar
            if propagate:
                new_ivar = new_ivar / (1 + new_ivar * divided**2 * self.variance / self.values**2)
            good = (new_ivar > 0) & np.isfinite(new_ivar) & np.isfinite(divided) & (self.values > 0)
        return np.where(good, divided, 1.0), np.where(good, new_ivar, 0.0)


def normalize(spectra: Spectra, continuum: Continuum, *, propagate: bool = False) -> Spectra:
    """Spectra divided by their continuum: what The Cannon takes.

    Parameters
    ----------
    spectra
        N spectra of P pixels.
    continuum
        Their continuum.
    propagate
        Whether the variance of the continuum is added to that of the flux: see `Continuum.divide`.

    Returns
    -------
    spectra
        Flux around 1 with no unit; where nothing is known the flux is 1 and its inverse variance 0.

    Raises
    ------
    InputError
        The shapes differ.

    Examples
    --------
    >>> from manyfit.spectra import chebyshev_continuum
    >>> s = Spectra(np.linspace(5000, 5100, 101) * u.AA, np.full((1, 101), 40.0), np.full((1, 101), 0.25))
    >>> n = normalize(s, chebyshev_continuum(s.wavelength, s.flux, s.ivar, order=2))
    >>> float(n.flux[0, 50].round(6)), float(n.ivar[0, 50].round(3))
    (1.0, 400.0)
    """
    flux, ivar = continuum.divide(spectra.flux, spectra.ivar, propagate=propagate)
    return replace(spectra, flux=flux, ivar=ivar, unit=u.dimensionless_unscaled)
