"""A continuum that is linear in its amplitudes, fitted to many spectra at once by their normal equations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from astropy import units as u
from numpy.typing import ArrayLike, NDArray

from manyfit.errors import InputError
from manyfit.spectra._continuum import Continuum, ContinuumStatus
from manyfit.spectra._regions import Region, continuum_pixels, split
from manyfit.spectra._spectra import Floats, angstrom

Basis: TypeAlias = Callable[[Floats, Floats], Floats]
"""Values (P, T) of the terms at some wavelengths, given those and the wavelengths of the pixels of the region."""

BLOCK = 128


@dataclass(frozen=True)
class Clip:
    """Pixels further than this from the continuum are left out, and it is fitted again.

    Parameters
    ----------
    low, high
        Limits below and above the continuum, in standard deviations. If the flux scatters more than its errors (as it
        does where there are lines), the standard deviation is that of the scatter: 1.4826 × the median distance.
    iterations
        Fits after the first one, at most; it stops when no pixel changes.
    """

    low: float = 2.0
    high: float = 3.0
    iterations: int = 5


@dataclass(frozen=True, eq=False)
class Inputs:
    """Checked arrays: wavelength (P,) in Å; flux and weights (N, P), finite, weight 0 where a pixel is unusable."""

    wavelength: Floats
    flux: Floats
    weight: Floats


@dataclass(frozen=True, eq=False)
class Fit:
    """Amplitudes (N, T) of one region with covariance (N, T, T), χ² and number of pixels (N,)."""

    amplitudes: Floats
    covariance: Floats
    chi2: Floats
    n_points: NDArray[np.int64]


def checked_inputs(
    wavelength: u.Quantity | ArrayLike, flux: ArrayLike, ivar: ArrayLike, mask: ArrayLike | None
) -> Inputs:
    """Arrays that fit each other; pixels that are masked, not finite or without positive weight get the weight 0.

    Raises
    ------
    InputError
        The shapes do not fit.
    """
    grid = angstrom(wavelength)
    f = np.atleast_2d(np.asarray(flux, dtype=np.float64))
    w = np.atleast_2d(np.asarray(ivar, dtype=np.float64))
    if f.ndim != 2 or f.shape[1] != grid.size or w.shape != f.shape:
        raise InputError(f"flux {f.shape} and ivar {w.shape} do not fit {grid.size} wavelengths. Give (N, P) each.")
    with np.errstate(invalid="ignore"):
        good = np.isfinite(f) & np.isfinite(w) & (w > 0)
    if mask is not None:
        left_out = np.asarray(mask)
        if left_out.dtype != bool or left_out.shape not in {f.shape, (grid.size,)}:
            raise InputError(
                f"mask is {left_out.dtype} {left_out.shape}. Give bool {f.shape}, True where a pixel is left out; "
                "bits are chosen by Spectra.good(bits=…)."
            )
        good &= ~left_out
    return Inputs(grid, np.where(good, f, 0.0), np.where(good, w, 0.0))


def fit_linear(
    inputs: Inputs,
    basis: Basis,
    *,
    regions: ArrayLike | None,
    continuum_regions: ArrayLike | None,
    ridge: float,
    fill: float,
    clip: Clip | None,
) -> Continuum:
    """Fit all spectra in all regions; blocks of spectra bound the memory."""
    parts = split(inputs.wavelength, regions, continuum_pixels(inputs.wavelength, continuum_regions))
    n, n_pixels = inputs.flux.shape
    n_terms = basis(inputs.wavelength[:1], inputs.wavelength).shape[1]
    made = Continuum(
        values=np.full((n, n_pixels), fill),
        variance=np.zeros((n, n_pixels)),
        status=np.zeros((n, len(parts)), np.int8),
        n_points=np.zeros((n, len(parts)), np.int64),
        amplitudes=np.full((n, len(parts), n_terms), np.nan),
        covariance=np.full((n, len(parts), n_terms, n_terms), np.nan),
        chi2=np.full((n, len(parts)), np.nan),
    )
    for start in range(0, n, BLOCK):
        for r, region in enumerate(parts):
            _fit_region(inputs, basis, region, made, (slice(start, min(n, start + BLOCK)), r), ridge, clip)
    return made


def _fit_region(
    inputs: Inputs,
    basis: Basis,
    region: Region,
    made: Continuum,
    where: tuple[slice, int],
    ridge: float,
    clip: Clip | None,
) -> None:
    if not region.fit.size:
        made.status[where] = ContinuumStatus.OUTSIDE
        return
    rows, _ = where
    span = inputs.wavelength[region.model]
    design = basis(inputs.wavelength[region.fit], span)
    flux, weight = inputs.flux[rows, region.fit], inputs.weight[rows, region.fit]
    fit = _clipped(design, flux, weight, ridge, clip) if clip else solve(design, flux, weight, ridge)
    terms = basis(inputs.wavelength[region.model], span)
    values = fit.amplitudes @ terms.T
    n_terms = design.shape[1]
    squares = (terms[:, :, None] * terms[:, None, :]).reshape(-1, n_terms**2)
    made.values[rows, region.model] = values
    made.variance[rows, region.model] = np.maximum(fit.covariance.reshape(-1, n_terms**2) @ squares.T, 0.0)
    made.n_points[where] = fit.n_points
    made.status[where] = _status(fit.n_points, values, n_terms)
    for name in ("amplitudes", "covariance", "chi2"):
        getattr(made, name)[where] = getattr(fit, name)


def _status(n_points: NDArray[np.int64], values: Floats, n_terms: int) -> NDArray[np.int8]:
    conditions = [n_points == 0, n_points < n_terms, ~(values > 0).all(axis=1)]
    codes = [ContinuumStatus.NO_PIXELS, ContinuumStatus.TOO_FEW_PIXELS, ContinuumStatus.NOT_POSITIVE]
    return np.select(conditions, codes, ContinuumStatus.FITTED).astype(np.int8)


def solve(design: Floats, flux: Floats, weight: Floats, ridge: float) -> Fit:
    r"""Amplitudes of many spectra that share the terms, by their normal equations.

    With M the design (K, T) and W the weights of one spectrum,

    .. math:: A = M^T W M, \quad B = (A + \rho\,\lambda_\max(A)\,1)^{-1}, \quad a = B M^T W f, \quad
              \mathrm{cov}(a) = B A B

    The covariance is that of this estimator, ridge included, if the weights are inverse variances. Spectra with
    fewer usable pixels than terms get NaN.
    """
    n, (_, n_terms) = len(flux), design.shape
    squares = (design[:, :, None] * design[:, None, :]).reshape(len(design), -1)
    matrix = (weight @ squares).reshape(n, n_terms, n_terms)
    right = (weight * flux) @ design
    n_points = np.count_nonzero(weight, axis=1)
    enough = n_points >= n_terms
    identity = np.eye(n_terms)
    matrix[~enough] = identity
    damped = matrix + ridge * np.linalg.eigvalsh(matrix)[:, -1, None, None] * identity
    inverse = np.linalg.inv(damped)
    amplitudes = np.where(enough[:, None], np.linalg.solve(damped, right[..., None])[..., 0], np.nan)
    covariance = np.where(enough[:, None, None], inverse @ matrix @ inverse, np.nan)
    chi2 = np.einsum("nk,nk->n", weight, (flux - amplitudes @ design.T) ** 2)
    return Fit(amplitudes, covariance, chi2, n_points)


def _clipped(design: Floats, flux: Floats, weight: Floats, ridge: float, clip: Clip) -> Fit:
    kept = weight
    fit = solve(design, flux, kept, ridge)
    for _ in range(clip.iterations):
        pull = np.sqrt(weight) * (flux - fit.amplitudes @ design.T)
        scale = _scatter(pull, kept > 0)
        # NaN (too few pixels) is neither below nor above
        inside = ~((pull < -clip.low * scale) | (pull > clip.high * scale))
        again = np.where(inside, weight, 0.0)
        if ((again > 0) == (kept > 0)).all():
            break
        kept = again
        fit = solve(design, flux, kept, ridge)
    return fit


def _scatter(pull: Floats, used: NDArray[np.bool_]) -> Floats:
    """Standard deviation of the pulls, from the median distance, and not less than 1."""
    distances = np.sort(np.where(used, np.abs(pull), np.inf), axis=1)
    middle = np.maximum(used.sum(axis=1) - 1, 0) // 2
    median = np.take_along_axis(distances, middle[:, None], axis=1)
    return np.where(np.isfinite(median), np.maximum(1.4826 * median, 1.0), 1.0)
