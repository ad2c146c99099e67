"""The cube of clouds has the geometry, noise and truth that it says."""

from __future__ import annotations

import numpy as np
import pytest
from astropy import units as u

from manyfit.datasets import simulate_clouds_cube
from manyfit.errors import InputError


def lines(cube):
    """The cube that the truth describes, by coordinates from the WCS and the formula of a Gaussian."""
    velocity = cube.wcs.spectral.all_pix2world(np.arange(300), 0)[0] * u.m / u.s
    phase = ((velocity[:, None, None] - cube.truth["mean"]) / cube.truth["stddev"]).to_value("")
    return (cube.truth["amplitude"] * np.exp(-0.5 * phase**2)).to_value(u.K)


def test_geometry():
    cube = simulate_clouds_cube()
    assert cube.data.shape == (300, 64, 64)
    assert cube.data.dtype == np.float32
    assert cube.wcs.spectral.wcs.cdelt[0] == pytest.approx(700)
    assert all(values.shape == (64, 64) for values in cube.truth.values())
    assert cube.truth["amplitude"].max() > 1 * u.K


def test_noiseless_data_are_the_truth():
    cube = simulate_clouds_cube(noise=0)
    np.testing.assert_allclose(cube.data.value, lines(cube), atol=1e-6)


def test_noise_is_white_between_channels_and_smooth_on_the_sky():
    cube = simulate_clouds_cube(rng=5, noise=50 * u.mK)
    residual = cube.data.value - lines(cube)
    assert residual.std() == pytest.approx(0.05, rel=0.02)
    assert abs(np.mean(residual[1:] * residual[:-1])) / residual.var() < 0.01
    assert 0.7 < np.mean(residual[:, 1:] * residual[:, :-1]) / residual.var() < 0.9


def test_the_same_seed_gives_the_same_cube():
    np.testing.assert_array_equal(simulate_clouds_cube(rng=7).data, simulate_clouds_cube(rng=7).data)
    assert (simulate_clouds_cube(rng=7).data != simulate_clouds_cube(rng=8).data).any()


@pytest.mark.parametrize("noise", [-1, np.nan, np.inf])
def test_noise_that_is_none(noise):
    with pytest.raises(InputError, match="Give a finite standard deviation"):
        simulate_clouds_cube(noise=noise)
