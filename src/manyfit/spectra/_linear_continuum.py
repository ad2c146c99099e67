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

BLOCK = 64
ROUNDING = float(np.finfo(np.float64).eps)


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
    """Checked arrays: wavelength (P,) in Å; flux, inverse variance and mask (True = left out) of the shape (N, P)."""

    wavelength: Floats
    flux: Floats
    ivar: Floats
    mask: NDArray[np.bool_]

    def clean(self, rows: slice) -> tuple[Floats, Floats]:
        """Flux and weights of some rows: finite, and weight 0 where a pixel is unusable."""
        flux, ivar = self.flux[rows], self.ivar[rows]
        with np.errstate(invalid="ignore"):
            good = np.isfinite(flux) & np.isfinite(ivar) & (ivar > 0) & ~self.mask[rows]
        return np.where(good, flux, 0.0), np.where(good, ivar, 0.0)


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
    """Arrays that fit each other.

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
    left_out = np.asarray(False if mask is None else mask)
    if left_out.dtype != bool or left_out.shape not in {f.shape, (grid.size,), ()}:
        raise InputError(
            f"mask is {left_out.dtype} {left_out.shape}. Give bool {f.shape}, True where a pixel is left out; "
            "bits are chosen by Spectra.good(bits=…)."
        )
    return Inputs(grid, f, w, np.broadcast_to(left_out, f.shape))


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
        variance=np.full((n, n_pixels), 0.0 * fill),
        status=np.zeros((n, len(parts)), np.int8),
        n_points=np.zeros((n, len(parts)), np.int64),
        amplitudes=np.full((n, len(parts), n_terms), np.nan),
        covariance=np.full((n, len(parts), n_terms, n_terms), np.nan),
        chi2=np.full((n, len(parts)), np.nan),
    )
    prepared = [_prepare(inputs.wavelength, basis, region) for region in parts]
    for start in range(0, n, BLOCK):
        rows = slice(start, min(n, start + BLOCK))
        flux, weight = inputs.clean(rows)
        for r, terms in enumerate(prepared):
            if not terms.region.fit.size:
                made.status[rows, r] = ContinuumStatus.OUTSIDE
                continue
            f, w = flux[:, terms.region.fit], weight[:, terms.region.fit]
            fit = _clipped(terms, f, w, ridge, clip) if clip else solve(terms, f, w, ridge)
            _write(made, rows, r, terms, fit)
    return made


@dataclass(frozen=True, eq=False)
class Terms:
    """The terms of one region: `fit` (K, T) at the K pixels it is fitted to, with their products `squares` (K, T²).

    `model` (T, M) and `model_squares` (T², M) are those at the M pixels that get a continuum, one term after the other
    in memory: the product of matrices is then several times faster.
    """

    region: Region
    fit: Floats
    squares: Floats
    model: Floats
    model_squares: Floats


def _prepare(wavelength: Floats, basis: Basis, region: Region) -> Terms:
    span = wavelength[region.model]
    if not region.fit.size:
        return Terms(region, *[np.empty((0, 0))] * 4)
    fit, model = basis(wavelength[region.fit], span), basis(span, span)
    contiguous = [np.ascontiguousarray(each.T) for each in (model, _products(model))]
    return Terms(region, fit, _products(fit), *contiguous)


def _products(design: Floats) -> Floats:
    """Products (K, T²) of all pairs of terms."""
    return (design[:, :, None] * design[:, None, :]).reshape(len(design), -1)


def _write(made: Continuum, rows: slice, r: int, terms: Terms, fit: Fit) -> None:
    n, model = len(fit.amplitudes), terms.region.model
    values = fit.amplitudes @ terms.model
    made.values[rows, model] = values
    made.variance[rows, model] = np.maximum(fit.covariance.reshape(n, -1) @ terms.model_squares, 0.0)
    made.status[rows, r] = _status(fit, values)
    made.n_points[rows, r] = fit.n_points
    for name in ("amplitudes", "covariance", "chi2"):
        getattr(made, name)[rows, r] = getattr(fit, name)


def _status(fit: Fit, values: Floats) -> NDArray[np.int8]:
    conditions = [fit.n_points == 0, np.isnan(fit.amplitudes[:, 0]), ~(values > 0).all(axis=1)]
    codes = [ContinuumStatus.NO_PIXELS, ContinuumStatus.TOO_FEW_PIXELS, ContinuumStatus.NOT_POSITIVE]
    return np.select(conditions, codes, ContinuumStatus.FITTED).astype(np.int8)


def solve(terms: Terms, flux: Floats, weight: Floats, ridge: float) -> Fit:
    r"""Amplitudes of many spectra that share the terms, by their normal equations.

    With M the terms (K, T) and W the weights of one spectrum,

    .. math:: A = M^T W M, \quad B = (A + \rho\,\lambda_\max(A)\,1)^{-1}, \quad a = B M^T W f, \quad
              \mathrm{cov}(a) = B A B

    The covariance is that of this estimator, ridge included, if the weights are inverse variances. Spectra with
    fewer usable pixels than terms, or whose weights leave a term undetermined, get NaN.
    """
    n, n_terms = len(flux), terms.fit.shape[1]
    n_points = np.count_nonzero(weight, axis=1)
    # weights of the order of 1, so that nothing overflows
    scale = np.maximum(weight.max(axis=1), np.finfo(float).tiny)
    scaled = weight / scale[:, None]
    identity = np.eye(n_terms)
    matrix = (scaled @ terms.squares).reshape(n, n_terms, n_terms)
    matrix[n_points < n_terms] = identity
    levels = np.linalg.eigvalsh(matrix)
    damping = ridge * levels[:, -1]
    solved = (n_points >= n_terms) & (levels[:, 0] + damping > ROUNDING * n_terms * levels[:, -1])
    damped = np.where(solved[:, None, None], matrix + damping[:, None, None] * identity, identity)
    inverse = np.linalg.inv(damped)
    right = (scaled * flux) @ terms.fit
    amplitudes = np.where(solved[:, None], np.linalg.solve(damped, right[..., None])[..., 0], np.nan)
    covariance = inverse @ matrix @ inverse / scale[:, None, None]
    covariance[~solved] = np.nan
    chi2 = np.einsum("nk,nk->n", weight, (flux - amplitudes @ terms.fit.T) ** 2)
    return Fit(amplitudes, covariance, chi2, n_points)


def _clipped(terms: Terms, flux: Floats, weight: Floats, ridge: float, clip: Clip) -> Fit:
    kept = weight
    fit = solve(terms, flux, kept, ridge)
    for _ in range(clip.iterations):
        pull = np.sqrt(weight) * (flux - fit.amplitudes @ terms.fit.T)
        scale = _scatter(pull, kept > 0)
        # NaN (too few pixels) is neither below nor above
        inside = ~((pull < -clip.low * scale) | (pull > clip.high * scale))
        again = np.where(inside, weight, 0.0)
        if ((again > 0) == (kept > 0)).all():
            break
        kept = again
        fit = solve(terms, flux, kept, ridge)
    return fit


def _scatter(pull: Floats, used: NDArray[np.bool_]) -> Floats:
    """Standard deviation of the pulls, from the median distance, and not less than 1."""
    distances = np.sort(np.where(used, np.abs(pull), np.inf), axis=1)
    middle = np.maximum(used.sum(axis=1) - 1, 0) // 2
    median = np.take_along_axis(distances, middle[:, None], axis=1)
    return np.where(np.isfinite(median), np.maximum(1.4826 * median, 1.0), 1.0)
