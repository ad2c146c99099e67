"""Fe XII 192.394 of Hinode/EIS against the parameters, errors and chi2 of the stored mpfit fit.

The reference (eispac) fitted a Gaussian and a constant to the points of its template's window, with the wavelengths of
each spectrum, errors of photons and read-out noise, missing values of -100 left out, and the limits of its template.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from astropy.modeling.models import Const1D, Gaussian1D

import manyfit

h5py = pytest.importorskip("h5py")
FOLDER = Path(os.environ.get("MANYFIT_TEST_DATA", "")) / "cubes"
NAME = "eis_20210306_064444"
STORED = FOLDER / f"{NAME}.fe_12_192_394.1c-0.fit.h5"
pytestmark = pytest.mark.skipif(not STORED.is_file(), reason=f"{STORED.name} is not there")

NAMES = ("amplitude_0", "mean_0", "stddev_0", "amplitude_1")


@pytest.fixture(scope="module")
def stored():
    with h5py.File(STORED) as file:
        return {
            key: np.array(file[f"fit/{key}"]) for key in ("params", "perror", "chi2", "status", "mask", "wavelength")
        }


@pytest.fixture(scope="module")
def limits():
    with h5py.File(FOLDER / "fe_12_192_394.1c.template.h5") as file:
        given, values = np.array(file["parinfo/limited"]), np.array(file["parinfo/limits"])
    ends = [[float(v) if g else None for g, v in zip(*pair, strict=True)] for pair in zip(given, values, strict=True)]
    return dict(zip(NAMES, map(tuple, ends), strict=True))


@pytest.fixture(scope="module")
def spectra():
    """Data, errors and wavelengths (y, x, wavelength), made from the counts as the reference made them."""
    with h5py.File(FOLDER / f"{NAME}.data.h5") as data, h5py.File(FOLDER / f"{NAME}.head.h5") as head:
        counts = np.array(data["level1/win02"])
        response = np.array(head["radcal/win02_pre"])
        wave = np.array(head["wavelength/win02"]) - np.array(head["wavelength/wave_corr"])[..., None]
    # 2.29 DN of 6.3 electrons; a photon frees an electron for each 3.65 eV
    read_noise = 14.427 * 3.65 * wave / 12398.5
    sigma = np.where(counts <= -100, np.nan, np.sqrt(np.abs(counts) + read_noise**2))
    return counts * response, sigma * response, wave


@pytest.fixture(scope="module")
def fit(spectra, stored, limits):
    values, sigma, wave = spectra
    model = Gaussian1D(2.01e4, 192.392, 0.029) + Const1D(484.0)
    return manyfit.fit(
        model, values, fitting_axes=2, world=(wave,), uncertainty=sigma, mask=stored["mask"] != 0, bounds=limits
    )


def test_wavelengths_and_window_are_those_of_the_reference(spectra, stored):
    _, sigma, wave = spectra
    np.testing.assert_array_equal(wave, stored["wavelength"])
    with h5py.File(FOLDER / "fe_12_192_394.1c.template.h5") as file:
        ends = np.array(file["template/data_x"])[[0, -1]]
    inside = (wave >= ends[0]) & (wave <= ends[1]) & np.isfinite(sigma)
    np.testing.assert_array_equal(inside, stored["mask"] == 0)


def both(fit, stored, i):
    """Where both converged and the reference has an error: not on a limit."""
    return fit.good & (stored["status"] > 0) & (stored["perror"][..., i] > 0)


@pytest.mark.parametrize("i", range(4))
def test_parameters(fit, stored, i):
    there = both(fit, stored, i)
    assert np.count_nonzero(there) >= 2990
    off = np.abs(fit[NAMES[i]] - stored["params"][..., i])[there] / stored["perror"][..., i][there]
    assert np.mean(off <= 0.02) >= 0.997
    assert np.median(off) < 0.002


@pytest.mark.parametrize("i", range(4))
def test_errors(fit, stored, i):
    there = both(fit, stored, i) & np.isfinite(fit.error[NAMES[i]])
    assert np.count_nonzero(there) >= 2990
    ratio = fit.error[NAMES[i]][there] / stored["perror"][..., i][there]
    assert np.all(np.abs(ratio - 1) < 0.02)


def test_chi2(fit, stored):
    ratio = (fit.statistic / fit.dof / stored["chi2"])[fit.good & (stored["status"] > 0)]
    assert np.all(ratio < 1 + 1e-6), "the reference is lower somewhere"
    assert np.all(ratio > 0.999), "it stopped far from the minimum, or the data differ"


def test_all_converge(fit, stored):
    assert np.all(fit.good[stored["status"] > 0])
    assert np.all(stored["status"] > 0)


def test_limits_are_reached_together(fit, stored):
    ours = ~np.isfinite(fit.error["stddev_0"])
    np.testing.assert_array_equal(ours, stored["perror"][..., 2] == 0)


def test_one_wavelength_for_all_would_be_wrong(fit, spectra, stored, limits):
    values, sigma, wave = spectra
    model = Gaussian1D(2.01e4, 192.392, 0.029) + Const1D(484.0)
    same = manyfit.fit(model, values, fitting_axes=2, world=(wave[0, 0],), uncertainty=sigma, mask=stored["mask"] != 0)
    off = np.abs(same["mean_0"] - stored["params"][..., 1]) / stored["perror"][..., 1]
    assert np.median(off[both(fit, stored, 1)]) > 1


def test_the_reader_gives_the_same(fit, spectra, stored):
    reader = pytest.importorskip("manyfit.cube._read_eis")
    cube = reader.read_eis(FOLDER / f"{NAME}.data.h5", 192.394)
    values, sigma, wave = (np.moveaxis(each, -1, 0) for each in spectra)
    np.testing.assert_allclose(cube.spectral_axis.value, wave, rtol=1e-14)
    valid = np.isfinite(sigma)
    np.testing.assert_allclose(cube.values()[valid], values[valid], rtol=1e-6)
    # the reference computed in float32
    np.testing.assert_allclose(cube.uncertainty[valid], sigma[valid], rtol=1e-4)
