"""The simulated cube holds what its truth says."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.wcs import WCS
from spectral_cube import SpectralCube

from manyfit.datasets import simulate_cube
from manyfit.errors import InputError, OutputExists


def gaussians(cube, n_lines):
    """The cube that the truth describes, by coordinates from the WCS and the formula of a Gaussian."""
    channels = np.arange(cube.data.shape[0])
    velocity = cube.wcs.spectral.all_pix2world(channels, 0)[0] * u.m / u.s
    names = [""] if n_lines == 1 else [f"_{i}" for i in range(n_lines)]
    return sum(
        cube.truth["amplitude" + name]
        * np.exp(-0.5 * ((velocity[:, None, None] - cube.truth["mean" + name]) / cube.truth["stddev" + name]) ** 2)
        for name in names
    )


@pytest.mark.parametrize("n_lines", [1, 2, 3])
def test_noiseless_data_are_the_truth(n_lines):
    cube = simulate_cube((40, 9, 11), noise=0, n_lines=n_lines)
    np.testing.assert_allclose(cube.data, gaussians(cube, n_lines), atol=1e-6 * u.K)


def test_noise_has_the_given_deviation():
    cube = simulate_cube(noise=250 * u.mK)
    residual = (cube.data - gaussians(cube, 1)).value
    assert cube.noise == 0.25 * u.K
    assert residual.std() == pytest.approx(0.25, rel=0.01)
    assert residual.mean() == pytest.approx(0, abs=0.002)


def test_the_default_is_a_realistic_cube():
    cube = simulate_cube()
    assert cube.data.shape == (53, 105, 105)
    assert cube.data.dtype == np.float32
    assert cube.data.unit == u.K
    assert cube.truth["amplitude"].max() == 5 * u.K
    bright = np.mean(cube.truth["amplitude"] > 5 * cube.noise)
    assert 0.2 < bright < 0.8
    low, high = cube.wcs.spectral.all_pix2world([0, 52], 0)[0]
    inside = (cube.truth["mean"] > low * u.m / u.s) & (cube.truth["mean"] < high * u.m / u.s)
    assert inside.all()


def test_same_seed_same_cube_and_another_seed_another():
    first, again, other = (simulate_cube((5, 6, 7), rng=seed) for seed in (3, np.random.default_rng(3), 4))
    assert np.array_equal(first.data, again.data)
    assert not np.array_equal(first.data, other.data)


@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 1, 5), (100, 2, 2)])
def test_any_shape(shape):
    cube = simulate_cube(shape)
    assert cube.data.shape == cube.wcs.array_shape == shape
    assert np.isfinite(cube.data).all()
    assert cube.truth["mean"].shape == shape[1:]


def test_written_file_is_opened_by_others(tmp_path):
    cube = simulate_cube((20, 8, 9))
    path = cube.write(tmp_path / "cube.fits")
    with fits.open(path) as hdus:
        assert hdus[0].header["BUNIT"] == "K"
        assert hdus[0].header["NOISE"] == 0.25
        assert WCS(hdus[0].header).wcs.compare(cube.wcs.wcs, tolerance=1e-9)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # spectral-cube's own
        read = SpectralCube.read(path)
    assert read.unit == u.K
    np.testing.assert_array_equal(read.filled_data[:].value, cube.data.value)
    assert read.with_spectral_unit(u.km / u.s).spectral_axis.mean().value == pytest.approx(4.5)


def test_an_existing_file_is_kept_unless_asked(tmp_path):
    path = tmp_path / "cube.fits"
    path.write_text("precious")
    cube = simulate_cube((2, 3, 4))
    with pytest.raises(OutputExists, match=r"cube\.fits exists.*overwrite=True"):
        cube.write(path)
    assert path.read_text() == "precious"
    assert fits.getdata(cube.write(path, overwrite=True)).shape == (2, 3, 4)


def test_truth_cannot_be_changed():
    with pytest.raises(TypeError):
        simulate_cube((2, 3, 4)).truth["mean"] = 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shape": (5, 5)}, "shape is .*three positive numbers"),
        ({"shape": (5, 0, 5)}, "shape is .*three positive numbers"),
        ({"noise": -1}, "noise is -1.*zero or larger"),
        ({"noise": np.nan}, "noise is nan"),
        ({"n_lines": 0}, "n_lines is 0. Give 1 or more"),
    ],
)
def test_wrong_input(options, message):
    with pytest.raises(InputError, match=message):
        simulate_cube(**options)


def test_noise_in_a_wrong_unit():
    with pytest.raises(u.UnitConversionError):
        simulate_cube((2, 3, 4), noise=1 * u.m)
