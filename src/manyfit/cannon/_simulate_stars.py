"""Simulated red giants with known labels, to try everything on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from manyfit.errors import InputError

from ._training_set import TrainingSet

LABELS = ("TEFF", "LOGG", "FE_H")
MIDDLE, SPREAD = np.array([4700.0, 2.5, -0.2]), np.array([400.0, 0.8, 0.4])
HIDDEN = 0.004  # what an abundance that is no label does to a line: so real spectra differ from any model
GRID = (15200.0, 15600.0)  # Å
Floats = NDArray[np.float64]


def simulate_stars(n_stars: int = 600, n_pixels: int = 1000, *, seed: int = 1) -> TrainingSet:
    """Normalised spectra of giants with noise, bad pixels, and an abundance that is no label.

    Lines are Gaussian, of a depth that is a quadratic function of temperature, surface gravity and metallicity. Stars
    are along a giant branch; the signal-to-noise ratio is 30 to 300 a pixel.

    Parameters
    ----------
    n_stars, n_pixels
        How many.
    seed
        Of the random numbers of the stars; lines are always the same.

    Raises
    ------
    InputError
        For a number that is not positive.

    Examples
    --------
    >>> stars = simulate_stars(20, 100)
    >>> stars.label_names, stars.flux.shape, str(stars.ids[0])
    (('TEFF', 'LOGG', 'FE_H'), (20, 100), 'star-0001-00000')
    """
    if n_stars < 1 or n_pixels < 2:
        raise InputError(f"{n_stars} stars of {n_pixels} pixels cannot be simulated; give 1 or more, and 2 or more.")
    rng = np.random.default_rng(seed)
    labels, alpha = _giants(rng, n_stars)
    wavelength = np.linspace(*GRID, n_pixels)
    flux = _spectra(wavelength, (labels - MIDDLE) / SPREAD, alpha)
    sigma = np.sqrt(np.maximum(flux, 0.05)) / rng.lognormal(np.log(100), 0.5, (n_stars, 1)).clip(30, 300)
    bad = rng.random(flux.shape) < 0.005
    flux = np.where(bad, 1.0, flux + rng.normal(size=flux.shape) * sigma)
    return TrainingSet(
        wavelength=wavelength,
        flux=flux.astype(np.float32),
        ivar=np.where(bad, 0.0, 1.0 / sigma**2).astype(np.float32),
        labels=labels,
        label_names=LABELS,
        ids=np.array([f"star-{seed:04d}-{n:05d}" for n in range(n_stars)]),
    )


def _giants(rng: np.random.Generator, n_stars: int) -> tuple[Floats, Floats]:
    """Labels (N, 3) along a giant branch, which moves with metallicity, and the hidden abundance (N,)."""
    logg = rng.triangular(0.8, 2.6, 3.6, n_stars)
    fe_h = np.clip(rng.normal(-0.15, 0.3, n_stars), -1.2, 0.45)
    teff = 4700 + 420 * (logg - 2.5) - 260 * fe_h + rng.normal(0, 150, n_stars)
    return np.stack([teff, logg, fe_h], axis=1), rng.normal(0.05 - 0.2 * fe_h, 0.08)


def _spectra(wavelength: Floats, x: Floats, alpha: Floats) -> Floats:
    """Flux without noise, (N, P), for scaled labels (N, 3)."""
    lines = np.random.default_rng(7)
    count = 150
    centre, width = lines.uniform(*GRID, count), lines.uniform(0.35, 0.6, count)
    depth = lines.exponential(0.09, count).clip(0.005, 0.45)
    slope = depth[:, None] * lines.normal([-0.25, -0.15, 0.45], 0.25, (count, 3))
    bend = depth[:, None] * lines.normal(0, 0.05, (count, 3))
    hidden = HIDDEN * lines.normal(0, 1, count) / 0.08
    profile = np.exp(-0.5 * ((wavelength - centre[:, None]) / width[:, None]) ** 2)
    strength = depth + x @ slope.T + x**2 @ bend.T + np.outer(alpha, hidden)
    flux: Floats = np.clip(1.0 - strength @ profile, 0.05, 1.2)
    return flux
