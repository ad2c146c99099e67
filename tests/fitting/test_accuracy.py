"""Real spectra: chi2 is as low as the best of astropy's fitters finds."""

from __future__ import annotations

import os
import warnings

import numpy as np
import pytest
from astropy.modeling import fitting
from astropy.modeling import models as m

import manyfit

pytestmark = pytest.mark.skipif("MANYFIT_TEST_DATA" not in os.environ, reason="MANYFIT_TEST_DATA is not set")

FITTERS = ("TRFLSQFitter", "LevMarLSQFitter", "LMLSQFitter", "DogBoxLSQFitter")
MODELS = {
    # As in astropy's documentation of parallel_fit_dask.
    "documentation": m.Gaussian1D(amplitude=1, mean=4000, stddev=500),
    "bounded": m.Gaussian1D(1, 4000, 500, bounds={"amplitude": (0, None), "mean": (2528, 5982), "stddev": (50, 5000)}),
}


@pytest.fixture(scope="module")
def bright() -> tuple[np.ndarray, np.ndarray]:
    """Velocities, and the spectra with a peak above five sigma, (points, elements)."""
    from astropy.io import fits
    from astropy.stats import mad_std
    from astropy.wcs import WCS

    path = manyfit.datasets.l1448()
    cube = fits.getdata(path).astype(float)
    peak = np.nanmax(cube, axis=0) > 5 * mad_std(cube, axis=0, ignore_nan=True)
    velocity = WCS(fits.getheader(path)).sub(["spectral"]).pixel_to_world_values(np.arange(len(cube)))
    return np.asarray(velocity, float), cube[:, peak]


def best_of_astropy(model, x: np.ndarray, y: np.ndarray) -> float:
    """The lowest chi2 of all fitters that do not fail."""
    valid, found = np.isfinite(y), []
    for name in FITTERS:
        if name == "LMLSQFitter" and model.bounds["mean"] != (None, None):
            continue  # it knows no bounds
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            try:
                fitted = getattr(fitting, name)()(model, x[valid], y[valid])
            except (fitting.NonFiniteValueError, ValueError, RuntimeError):
                continue
            found.append(np.sum((fitted(x[valid]) - y[valid]) ** 2))
    return np.nanmin(found)


def lost(model, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where astropy's best is lower, and the status.

    Without bounds some spectra that only fall have no minimum: chi2 sinks for ever as the Gaussian grows and
    moves away, and the lowest one is that of the most patient fitter.
    """
    mine = manyfit.fit(model, y, world=x, max_iterations=500)
    best = np.array([best_of_astropy(model, x, spectrum) for spectrum in y.T])
    return ~(mine.statistic <= best * (1 + 1e-9)), manyfit.fit(model, y, world=x).status


@pytest.mark.parametrize("name", MODELS)
def test_every_fifth_spectrum(bright, name):
    x, y = bright
    worse, status = lost(MODELS[name], x, y[:, ::5])
    assert worse.sum() == 0
    assert np.mean(status == manyfit.Status.MAX_ITERATIONS) < 0.05


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_all_spectra(bright, name):
    x, y = bright
    assert y.shape[1] > 1000
    worse, status = lost(MODELS[name], x, y)
    assert worse.mean() <= 0.001
    assert np.mean(status == manyfit.Status.MAX_ITERATIONS) < 0.05


@pytest.mark.parametrize("name", MODELS)
def test_good_status_means_the_lowest_chi2(bright, name):
    """With default options too."""
    x, y = bright
    result = manyfit.fit(MODELS[name], y[:, 2::7], world=x)
    best = np.array([best_of_astropy(MODELS[name], x, spectrum) for spectrum in y[:, 2::7].T])
    assert np.all((result.statistic <= best * (1 + 1e-9))[result.good])


def test_statistic_is_that_of_the_parameters(bright):
    """What is reported is what the reported model gives."""
    x, y = bright
    result = manyfit.fit(MODELS["documentation"], y, world=x)
    residual = result.residual()
    np.testing.assert_allclose(np.nansum(residual**2, axis=0), result.statistic, rtol=1e-10)
    np.testing.assert_array_equal(result.n_points, np.isfinite(y).sum(axis=0))


def test_mixed_precision_finds_the_same(bright):
    x, y = bright
    double = manyfit.fit(MODELS["bounded"], y, world=x)
    mixed = manyfit.fit(MODELS["bounded"], y, world=x, precision="mixed")
    assert np.mean(mixed.statistic <= double.statistic * (1 + 1e-9)) > 0.995
