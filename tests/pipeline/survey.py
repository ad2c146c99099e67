"""A small survey: apStar files of stars with known labels, in the tree of the archive, and a training set."""

from __future__ import annotations

import os
import pickle
from functools import cache
from pathlib import Path

import numpy as np
from astropy.io import fits

from manyfit.spectra import Clip, Spectra, apogee_grid, normalize, sinusoidal_continuum, survey_file

NAMES = ("TEFF", "LOGG", "FE_H")
LOW, HIGH = np.array([4200.0, 1.0, -1.2]), np.array([5200.0, 3.4, 0.3])
CHIPS = ((322, 3242), (3648, 6048), (6412, 8306))
EACH = 20  # one pixel of so many is kept: the grid of the survey, but coarse
PIXELS = np.arange(8575)[::EACH]
KNOWN = np.concatenate([np.arange(*chip) for chip in CHIPS])
USED = np.flatnonzero(np.isin(PIXELS, KNOWN))
LOG = {"CRVAL1": 4.179, "CDELT1": 6e-6 * EACH, "CRPIX1": 1, "CTYPE1": "LOG-LINEAR", "DC-FLAG": 1}
FIELDS = {"apred": "r12", "apstar": "stars", "telescope": "apo25m", "field": "000+14", "prefix": "ap"}
FIRST = "2M16505794-2118004"


def real(name):
    """A file of the test data, or None."""
    path = Path(os.environ.get("MANYFIT_TEST_DATA", "no-test-data")) / "spectra" / name
    return path if path.exists() else None


@cache
def coefficients():
    """Coefficients (10, pixels) of the flux in three labels, and the labels that they refer to.

    Those that were found for APOGEE's giants if they are here (at the mean of the fourth label), else simulated lines.
    """
    folder, stem = real("cannon_model_apokasc"), "apokasc_gc_ind_feh_fix"
    if folder is None:
        return simulated_lines(), (LOW + HIGH) / 2
    theta = np.loadtxt(folder / f"trained_{stem}.txt")
    baseline = np.loadtxt(folder / f"trained_{stem}_baseline_labels.txt")
    first, second = np.triu_indices(4)
    three = np.r_[0:4, 5 + np.flatnonzero((first < 3) & (second < 3))]
    return theta[three][:, np.isin(KNOWN, PIXELS)], baseline[:3]


def simulated_lines():
    """Two hundred lines whose depths are quadratic in the labels."""
    rng = np.random.default_rng(5)
    pixels = np.arange(USED.size)[:, None]
    shape = np.exp(-0.5 * ((pixels - rng.uniform(0, USED.size, 200)) / 3) ** 2)
    depths = rng.normal(0, 0.03, (10, 200)) / np.array([1, 300, 1, 0.5, 1e5, 300, 150, 2, 1, 0.5])[:, None]
    depths[0] = -rng.uniform(0.05, 0.4, 200)
    theta = depths @ shape.T
    theta[0] += 1
    return theta


def true_flux(labels):
    """Flux over continuum of stars (N, 3), 1 outside of the detectors."""
    theta, reference = coefficients()
    d = np.atleast_2d(labels) - reference
    first, second = np.triu_indices(3)
    flux = np.ones((len(d), PIXELS.size))
    flux[:, USED] = np.clip(np.c_[np.ones(len(d)), d, d[:, first] * d[:, second]] @ theta, 0.05, 1.3)
    return flux


def counts(labels, rng, snr):
    """Flux with a continuum and noise, and its error."""
    x = np.linspace(-1, 1, PIXELS.size)
    slope, level = rng.normal(0, 0.2, (len(labels), 1)), rng.uniform(200, 2000, (len(labels), 1))
    continuum = level * (1 + slope * x - 0.1 * x**2)
    error = continuum / snr
    flux = true_flux(labels) * continuum + error * rng.standard_normal(continuum.shape)
    outside = ~np.isin(PIXELS, KNOWN)
    flux[:, outside], error = 0, np.where(outside, 1e10, error)
    return flux, error


def random_labels(n, rng):
    """Labels like those of giants: surface gravity falls with temperature."""
    labels = rng.uniform(LOW, HIGH, (n, 3))
    labels[:, 1] = np.clip(1 + (labels[:, 0] - 4200) / 450 + rng.normal(0, 0.4, n), 0.8, 3.6)
    return labels


def training_set(n=150, seed=1):
    """The dictionary of the tutorial: labels are (L, N)."""
    rng = np.random.default_rng(seed)
    labels = random_labels(n, rng)
    flux, error = counts(labels, rng, 150.0)
    s = Spectra(apogee_grid()[::EACH], flux, np.where(error < 1e9, error**-2, 0))
    # as the stars are normalised: the labels are as good as that
    continuum = sinusoidal_continuum(s.wavelength, s.flux, s.ivar, clip=Clip())
    n = normalize(s, continuum)
    arrays = {"wavelength": s.wavelength.value, "flux": n.flux, "ivar": n.ivar}
    return arrays | {"labels": labels.T, "label_names": NAMES}


def write_training_set(path):
    """Write it as the tutorial says: a binary pickle."""
    with Path(path).open("wb") as file:
        pickle.dump(training_set(), file)


def write_star(tree, obj, labels, *, n_visits=3, snr=60.0, seed=0):
    """Write the apStar file of a star where the archive has it."""
    rng = np.random.default_rng(seed)
    flux, error = counts(np.repeat(np.atleast_2d(labels), n_visits, axis=0), rng, snr)
    scale = 500 / np.median(flux[:, USED], axis=1, keepdims=True)
    flux, error = flux * scale, np.where(error < 1e9, error * scale, error)
    if n_visits > 1:
        # as the survey: the coadds by pixel and by visit hold the photons of the visits
        flux = np.vstack([flux.mean(axis=0), flux.mean(axis=0), flux])
        coadd = np.sqrt(np.sum(error**2, axis=0)) / n_visits
        error = np.vstack([coadd, coadd, error])
    primary = fits.PrimaryHDU()
    primary.header.update({"NVISITS": n_visits, "SNR": snr * np.sqrt(n_visits), "OBJID": obj, "VHELIO": 0.0})
    mask = np.zeros(flux.shape, np.int16)
    images = [fits.ImageHDU(each) for each in (flux.astype(np.float32), error.astype(np.float32), mask)]
    for image in images:
        image.header.update(LOG)
    path = survey_file("apStar", release="dr16", obj=obj, **FIELDS).local(tree)
    path.parent.mkdir(parents=True, exist_ok=True)
    fits.HDUList([primary, *images]).writeto(path, overwrite=True)
    return path
