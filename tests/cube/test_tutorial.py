"""Noise, masks, labels and moments are those of spectral-cube, SciPy and dask-image."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.wcs import WCS

from manyfit import cube, datasets
from tests.cube.tutorial import tutorial

pytest.importorskip("spectral_cube")
pytest.importorskip("dask_image")


def real(name: str) -> Path:
    path = Path(os.environ.get("MANYFIT_TEST_DATA", "/nonexistent")) / "cubes" / name
    if not path.is_file():
        pytest.skip(f"{name} is not in the folder cubes of MANYFIT_TEST_DATA")
    return path


def clouds() -> tuple[np.ndarray, WCS]:
    made = datasets.simulate_clouds_cube(rng=3)
    return made.data.value, made.wcs


def blanked() -> tuple[np.ndarray, WCS]:
    """With blank spectra, blank channels, blank voxels in the line, and infinities."""
    data, wcs = clouds()
    data = data.copy()
    data[:, :5, :7] = np.nan
    data[100:102] = np.nan
    data[::3, 31, 30] = np.nan
    data[130, 20:40, 33] = np.nan
    return data, wcs


def at_the_edge() -> tuple[np.ndarray, WCS]:
    """With a line in the first and in the last channels, where growing must not go around."""
    data, wcs = clouds()
    data = data.copy()
    data[:3, 50:60, 20:30] += 1
    data[-4:, 5:15, 20:30] += 1
    return data, wcs


def l1448() -> tuple[np.ndarray, WCS]:
    with fits.open(real("l1448_13co.fits")) as hdus:
        return hdus[0].data.copy(), WCS(hdus[0].header)


def ngc4047() -> tuple[np.ndarray, WCS]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about a BLANK of floating-point values and dates that wcslib puts right
        with fits.open(real("NGC4047.co.smo7msk.fits.gz")) as hdus:
            return hdus[0].data[0].copy(), WCS(hdus[0].header).sub([1, 2, 3])


@pytest.mark.parametrize("make", [clouds, blanked, at_the_edge, l1448, ngc4047])
def test_all_steps_are_those_of_the_tutorial(make):
    data, wcs = make()
    expected = tutorial(data, wcs)
    co = cube.read((data * u.K, wcs), spectral_unit="km/s")
    np.testing.assert_allclose(cube.noise(co).value, expected.noise.value, rtol=1e-12)
    signal = cube.signal_mask(co)
    assert signal.n_found == expected.n_found
    np.testing.assert_array_equal(signal.mask, expected.mask)
    np.testing.assert_array_equal(signal.labels[expected.labels > 0], expected.labels[expected.labels > 0])
    assert set(np.unique(signal.labels)) == set(range(len(signal.regions) + 1))
    np.testing.assert_array_equal(signal.regions["n_voxels"], np.bincount(expected.labels.ravel())[1:])
    maps = cube.moments(co, signal)
    for name, values in expected.moments.items():
        scale = np.nanmax(np.abs(values.value))
        np.testing.assert_allclose(
            maps[name].to_value(values.unit), values.value, rtol=1e-12, atol=1e-12 * scale, err_msg=name
        )


def test_three_regions_remain_of_the_clouds():
    for seed in range(4):
        made = datasets.simulate_clouds_cube(rng=seed)
        signal = cube.signal_mask(cube.read((made.data, made.wcs)))
        assert len(signal.regions) == 3
        assert signal.n_found > 300
        touches = {(bool((r["y"] < 9) | (r["x"] < 9)), bool(r["y"] > 60)) for r in signal.regions}
        assert touches == {(True, False), (False, True), (False, False)}


def test_a_cube_in_single_precision_differs_by_rounding_only():
    data, wcs = clouds()
    single = cube.signal_mask(cube.read((data, wcs), unit="K"))
    double = cube.signal_mask(cube.read((data.astype(np.float64), wcs), unit="K"))
    np.testing.assert_array_equal(single.labels, double.labels)
    np.testing.assert_array_equal(single.noise.value, double.noise.value)
