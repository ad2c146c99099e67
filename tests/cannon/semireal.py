"""Semi-real stars: spectra by real coefficients and labels of 1801 APOGEE giants, with noise and a hidden label."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from manyfit.cannon import TrainingSet

NAMES = ("FE_H", "LOGG", "TEFF")  # the order of the labels in the reference
CHIPS = ((322, 3242), (3648, 6048), (6412, 8306))
N_PIXELS = 8575


def data(name):
    """A file of real or reference data, or a skipped test."""
    path = Path(os.environ.get("MANYFIT_TEST_DATA", "no-test-data")) / "spectra" / name
    if not path.exists():
        pytest.skip(f"MANYFIT_TEST_DATA has no spectra/{name}")
    return path


def real_model():
    """Real coefficients (15, 7214) in four labels, their scatter, the baseline, and real labels (1801, 4)."""
    folder, stem = data("cannon_model_apokasc"), "apokasc_gc_ind_feh_fix"
    theta = np.loadtxt(folder / f"trained_{stem}.txt")
    scatter = np.loadtxt(folder / f"trained_{stem}_scatter.txt")
    baseline = np.loadtxt(folder / f"trained_{stem}_baseline_labels.txt")
    lines = (folder / f"training_{stem}.txt").read_text().splitlines()
    labels = np.array([[float(x) for x in line.split()[1:5]] for line in lines if not line.startswith("#")])
    return theta, scatter, baseline, labels


def make(rows=None):
    """Training set of 1624 stars and test stars (flux, ivar, labels) in the order of the reference.

    The random numbers are drawn in the order in which the reference set was made.
    """
    theta, scatter, baseline, labels = real_model()
    rng, first_second = np.random.default_rng(42), np.triu_indices(4)
    d = labels - baseline
    flux = np.c_[np.ones(len(d)), d, d[:, first_second[0]] * d[:, first_second[1]]] @ theta
    pixels = np.concatenate([np.arange(*chip) for chip in CHIPS])
    snr = np.clip(rng.lognormal(np.log(150), 0.5, len(d)), 30, 600)[:, None]
    true = np.ones((len(d), N_PIXELS))
    true[:, pixels] = np.clip(flux, 0.05, 1.3)
    noise = np.sqrt(true) / snr
    error = np.maximum(noise, 0.005)
    true += noise * rng.normal(size=true.shape)
    intrinsic = np.zeros(N_PIXELS)
    intrinsic[pixels] = np.nan_to_num(np.abs(scatter), nan=0.1)
    true += np.minimum(intrinsic, 0.1) * rng.normal(size=true.shape)
    bad = rng.random(true.shape) < 0.008
    bad |= ~np.isin(np.arange(N_PIXELS), pixels)
    true[bad] = 1
    ivar = np.where(bad, 0, 1 / error**2).astype("f4")
    order = rng.permutation(len(d))
    labels, flux = labels[:, [2, 1, 0]], true.astype("f4")
    train, test = order[:1624], order[1624:]
    wavelength = 10 ** (4.179 + 6e-6 * np.arange(N_PIXELS))
    return TrainingSet(wavelength, flux[train], ivar[train], labels[train], NAMES), (
        flux[test],
        ivar[test],
        labels[test],
    )
