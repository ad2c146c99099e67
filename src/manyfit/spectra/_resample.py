"""Spectra on another grid: the flux is conserved and its variance propagated."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from astropy import units as u
from numpy.typing import ArrayLike, NDArray

from manyfit.errors import InputError
from manyfit.spectra._grid import pixel_edges
from manyfit.spectra._light import doppler_factor
from manyfit.spectra._spectra import Floats, Spectra, checked_grid


@dataclass(frozen=True, eq=False)
class Overlaps:
    """All overlaps of the pixels of two grids, sorted by wavelength: pixel of each grid, and length."""

    source: NDArray[np.intp]
    target: NDArray[np.intp]
    length: Floats


def overlaps(source: tuple[Floats, Floats], target: tuple[Floats, Floats]) -> Overlaps:
    """The overlaps of pixels that are given by their first and last wavelengths.

    Examples
    --------
    >>> o = overlaps((np.array([0.0, 2.0]), np.array([2.0, 4.0])), (np.array([1.0]), np.array([2.5])))
    >>> o.source.tolist(), o.target.tolist(), o.length.tolist()
    ([0, 1], [0, 0], [1.0, 0.5])
    """
    # runs that are sorted already: a stable sort merges them
    edges = np.sort(np.concatenate([*source, *target]), kind="stable")
    length = np.diff(edges)
    middle = edges[:-1] + length / 2
    found = [_pixel_at(middle, *grid) for grid in (source, target)]
    both = (found[0] >= 0) & (found[1] >= 0) & (length > 0)
    return Overlaps(found[0][both], found[1][both], length[both])


def _pixel_at(x: Floats, low: Floats, high: Floats) -> NDArray[np.intp]:
    """The pixel that each wavelength is in, -1 for none."""
    pixel = np.searchsorted(low, x, side="right") - 1
    return np.where((pixel >= 0) & (x < high[pixel]), pixel, -1)


def resample(
    spectra: Spectra,
    wavelength: u.Quantity,
    *,
    velocity: ArrayLike | u.Quantity | None = None,
    min_coverage: float = 0.5,
) -> Spectra:
    r"""Spectra on another grid, at rest if velocities are given.

    With the length :math:`d_{ij}` that the old pixel j and the new pixel i share, summed over usable pixels,

    .. math:: f'_i = \frac{\sum_j d_{ij} f_j}{\sum_j d_{ij}}, \qquad
              \mathrm{var}(f'_i) = \frac{\sum_j d_{ij}^2\,\mathrm{var}(f_j)}{(\sum_j d_{ij})^2}

    as in drizzling (Fruchter & Hook 2002, PASP 114, 144) and SpectRes (Carnall 2017, arXiv:1705.05165): the
    integral of the flux density is conserved. New pixels that share an old one have correlated errors, and that
    covariance is not kept: the variance is right for each pixel, and the sum of many pixels has a larger error than
    their variances say.

    Parameters
    ----------
    spectra
        Spectra whose flux is per wavelength (or normalised).
    wavelength
        The new grid (P',), increasing.
    velocity
        Velocity of the star in the frame of the spectra in km/s (or a Quantity), one for all or one for each row, such
        as ``spectra.rows["velocity"]``: the new grid is then at rest. None to stay in the frame.
    min_coverage
        New pixels of which a smaller part is covered by usable pixels are unusable (NaN, inverse variance 0).

    Returns
    -------
    spectra
        As many rows; a new pixel has the bits of all old ones that it shares.

    Raises
    ------
    InputError
        The grid does not increase, or there are not as many velocities as rows.

    Examples
    --------
    >>> s = Spectra([1, 2, 3, 4] * u.um, [[1, 1, 3, 3]], [[4, 4, 4, 4]])
    >>> r = resample(s, [1.5, 3.5] * u.um)
    >>> r.flux.tolist(), r.ivar.tolist()
    ([[1.0, 3.0]], [[8.0, 8.0]])
    """
    if not 0 < min_coverage <= 1:
        raise InputError(f"min_coverage is {min_coverage}. Give a part of a pixel: above 0, at most 1.")
    grid = checked_grid(wavelength)
    factors = np.ones(len(spectra)) if velocity is None else _per_row(doppler_factor(velocity), len(spectra))
    low, high = pixel_edges(spectra.wavelength.to_value(grid.unit))
    target = pixel_edges(grid.value)
    shape = (len(spectra), grid.size)
    flux, ivar = np.full(shape, np.nan), np.zeros(shape)
    bitmask = None if spectra.bitmask is None else np.zeros(shape, np.int64)
    for factor in np.unique(factors):
        shared = overlaps((low / factor, high / factor), target)
        width = target[1] - target[0]
        for row in np.flatnonzero(factors == factor):
            flux[row], ivar[row] = _average(shared, spectra.flux[row], spectra.ivar[row], width, min_coverage)
            if bitmask is not None and spectra.bitmask is not None:
                bitmask[row] = _bits(shared, spectra.bitmask[row], grid.size)
    made = replace(spectra, wavelength=grid, flux=flux, ivar=ivar, bitmask=bitmask)
    return made if velocity is None else _at_rest(made)


def _per_row(factors: Floats, n: int) -> Floats:
    if factors.ndim > 1 or (factors.ndim == 1 and factors.size != n):
        raise InputError(f"There are {factors.size} velocities and {n} spectra. Give one, or one for each row.")
    return np.broadcast_to(factors, n)


def _average(shared: Overlaps, flux: Floats, ivar: Floats, width: Floats, min_coverage: float) -> tuple[Floats, Floats]:
    usable = ivar > 0
    part = np.where(usable[shared.source], shared.length, 0.0)
    variance = np.divide(1.0, ivar, out=np.zeros_like(ivar), where=usable)
    sums = [
        np.bincount(shared.target, weights, minlength=width.size)
        for weights in (
            part,
            part * np.where(usable, flux, 0.0)[shared.source],
            part**2 * variance[shared.source],
        )
    ]
    covered, total, spread = sums
    # half a pixel, to rounding, is half a pixel
    enough = covered >= (min_coverage - 1e-9) * width
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(enough, total / covered, np.nan), np.where(enough, covered**2 / spread, 0.0)


def _bits(shared: Overlaps, bitmask: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    bits = np.zeros(n, np.int64)
    if shared.target.size:
        present, starts = np.unique(shared.target, return_index=True)
        bits[present] = np.bitwise_or.reduceat(bitmask[shared.source], starts)
    return bits


def _at_rest(spectra: Spectra) -> Spectra:
    rows = spectra.rows.copy()
    rows["velocity"] = u.Quantity(np.zeros(len(spectra)), "km/s")
    return replace(spectra, rows=rows, frame="rest")
