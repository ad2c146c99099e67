"""Noise: robust and plain, of some channels, with a response, correlated between channels."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from astropy import units as u
from astropy.stats import mad_std
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from manyfit import cube
from manyfit.cube._robust import medians
from manyfit.errors import InputError

RNG = np.random.default_rng(0)


def co(data, **more):
    return cube.read(np.asarray(data) * u.K, spectral_axis=np.arange(len(data)) * u.km / u.s, **more)


@settings(max_examples=100, deadline=None)
@given(
    hnp.arrays(
        np.float64,
        hnp.array_shapes(min_dims=2, max_dims=2, max_side=9),
        elements=st.one_of(st.just(np.nan), st.floats(-1e6, 1e6)),
    )
)
def test_medians_are_those_of_numpy(rows):
    expected = [np.median(row[np.isfinite(row)]) if np.isfinite(row).any() else np.nan for row in rows]
    np.testing.assert_array_equal(medians(rows), expected)


def test_mad_is_that_of_astropy_with_blanks():
    data = RNG.normal(size=(41, 6, 7)) * RNG.uniform(0.1, 9, (6, 7))
    data[RNG.random(data.shape) < 0.2] = np.nan
    data[4, 2, 2], data[5, 2, 3] = np.inf, -np.inf
    clean = np.where(np.isfinite(data), data, np.nan)
    np.testing.assert_allclose(cube.noise(co(data)).value, mad_std(clean, axis=0, ignore_nan=True), rtol=1e-14)


@pytest.mark.parametrize("method", ["mad", "std", "difference", "auto"])
def test_methods_find_the_deviation_of_white_noise(method):
    found = cube.noise(co(RNG.normal(0, 3, (2000, 5, 5))), method=method)
    np.testing.assert_allclose(found.value.mean(), 3, rtol=0.02)


def test_std_is_that_of_numpy_and_a_masked_voxel_is_left_out():
    data, bad = RNG.normal(size=(30, 3, 4)), RNG.random((30, 3, 4)) < 0.3
    found = cube.noise(co(data, mask=bad), method="std").value
    np.testing.assert_allclose(found, np.nanstd(np.where(bad, np.nan, data), axis=0, ddof=1), rtol=1e-12)


def test_differences_do_not_see_a_wide_line():
    channel = np.arange(100)[:, None, None]
    line = 10 * np.exp(-0.5 * ((channel - 50) / 30) ** 2)
    wide = co(line + RNG.normal(0, 0.5, (100, 9, 9)))
    assert cube.noise(wide).value.min() > 1.5
    np.testing.assert_allclose(np.median(cube.noise(wide, method="difference").value), 0.5, rtol=0.1)


@pytest.mark.parametrize(
    "channels",
    [
        [slice(0, 10), slice(30, 40)],
        [slice(0, 10), (30, 39) * u.km / u.s],
        (np.arange(40) < 10) | (np.arange(40) >= 30),
        [(9, 0) * u.km / u.s, (30000, 50000) * u.m / u.s],
    ],
)
def test_line_free_channels(channels):
    data = RNG.normal(size=(40, 4, 5))
    free = np.concatenate([data[:10], data[30:]])
    found = cube.noise(co(data), channels=channels)
    np.testing.assert_allclose(found.value, mad_std(free, axis=0), rtol=1e-13)


def test_a_response_gives_one_number_for_all_spectra():
    gain = np.clip(1 - 0.09 * np.hypot(*np.mgrid[-5:6, -5:6]), 0.2, 1)
    data = RNG.normal(0, 0.4, (300, 11, 11)) / gain
    found = cube.noise(co(data), gain=gain)
    assert found.shape == (1, 11, 11)
    np.testing.assert_allclose(found[0].value, 0.4 / gain, rtol=0.02)
    spread = np.std(found[0].value * gain)
    assert spread < 1e-12  # the estimate of each spectrum by itself would scatter by 5 %


def test_auto_knows_correlated_channels():
    found = cube.noise(co(smoothed(400)), method="auto")
    truth = np.sqrt(6) / 4
    assert np.median(found.value) == pytest.approx(truth, rel=0.03)
    assert np.median(cube.noise(co(smoothed(400)), method="difference").value) < 0.65 * truth


def test_auto_where_lines_fill_the_band():
    x = np.arange(60.0)[:, None, None]
    data = RNG.normal(0, 0.5, (60, 20, 20))
    data[:, :17] += 5 * np.exp(-0.5 * ((x - 30) / 9) ** 2)
    sigma = {method: np.median(cube.noise(co(data), method=method).value) for method in ("mad", "auto")}
    assert sigma["mad"] > 1.4
    assert sigma["auto"] == pytest.approx(0.5, rel=0.1)


def test_auto_of_blanks_one_spectrum_and_few_channels():
    data = RNG.normal(size=(80, 4, 5))
    data[:, 1, 1], data[:, 2, 2] = np.nan, 0.0
    found = cube.noise(co(data), method="auto").value
    assert np.isnan(found[1, 1])
    assert found[2, 2] == 0
    one = cube.noise(co(data)[:, 0, 0], method="auto").value
    assert one == pytest.approx(1, abs=0.5)
    np.testing.assert_array_equal(
        cube.noise(co(data[:3]), method="auto").value, cube.noise(co(data[:3]), method="difference").value
    )


def test_auto_finds_the_brightest_gas_of_l1448():
    path = Path(os.environ.get("MANYFIT_TEST_DATA", "/nonexistent")) / "cubes" / "l1448_13co.fits"
    if not path.is_file():
        pytest.skip("l1448_13co.fits is not in the folder cubes of MANYFIT_TEST_DATA")
    real = cube.read(path, unit="K")
    sigma = cube.noise(real, method="auto")
    assert np.median(sigma.value) == pytest.approx(0.151, rel=0.06)  # residuals of the decomposed spectra
    brightest = np.argsort(-real.values().max(axis=0), axis=None)[:200]
    assert cube.signal_mask(real, noise=sigma).spatial.reshape(-1)[brightest].all()
    assert not cube.signal_mask(real).spatial.reshape(-1)[brightest].all()  # which is why the command takes auto


def test_the_response_of_a_real_cube():
    folder = Path(os.environ.get("MANYFIT_TEST_DATA", "/nonexistent")) / "cubes"
    if not (folder / "NGC4047.co.smo7gain.fits.gz").is_file():
        pytest.skip("NGC4047.co.smo7gain.fits.gz is not in the folder cubes of MANYFIT_TEST_DATA")
    co = cube.read(folder / "NGC4047.co.smo7msk.fits.gz", gain=folder / "NGC4047.co.smo7gain.fits.gz")
    assert co.uncertainty.shape == co.shape
    one_by_one = cube.noise(cube.read(folder / "NGC4047.co.smo7msk.fits.gz")).value
    both = np.isfinite(one_by_one) & np.isfinite(co.uncertainty[20])
    assert both.mean() > 0.5
    assert abs(np.median(one_by_one[both] / co.uncertainty[20][both]) - 1) < 0.1
    slope = np.polyfit(np.log(co.uncertainty[20][both]), np.log(one_by_one[both]), 1)[0]
    assert abs(slope - 1) < 0.1  # so noise is inversely proportional to this response


def smoothed(n=400, shape=(30, 30), sigma=1.0):
    white = RNG.normal(0, sigma, (n + 2, *shape))
    return (white[:-2] + 2 * white[1:-1] + white[2:]) / 4


def test_correlation_of_smoothed_channels():
    found = cube.channel_correlation(co(smoothed()), n_lags=4)
    np.testing.assert_allclose(found, [1, 2 / 3, 1 / 6, 0, 0], atol=0.008)


def test_correlation_leaves_out_signal_and_blanks():
    data = smoothed()
    line = data.copy()
    line[200:230, 5:20, 5:20] += 8
    line[::7, 3] = np.nan
    lines = co(line)
    signal = cube.signal_mask(lines, grow_channels=2)
    np.testing.assert_allclose(cube.channel_correlation(lines, signal=signal, n_lags=2), [1, 2 / 3, 1 / 6], atol=0.012)
    np.testing.assert_allclose(
        cube.channel_correlation(lines, channels=[slice(0, 190), slice(240, None)], n_lags=2),
        [1, 2 / 3, 1 / 6],
        atol=0.012,
    )


def test_effective_noise_gives_the_scatter_of_moments():
    """A line of 20 channels in noise of which neighbours are correlated: the errors of independent channels are low."""
    x = np.arange(60)
    line = 20 * np.exp(-0.5 * ((x - 30) / 5) ** 2)
    cubes = co(line[:, None, None] + smoothed(60, (50, 50)))
    window = np.abs(x - 30) < 14
    noise = np.sqrt(3 / 8) * u.K
    effective = cube.effective_noise(noise, [1, 2 / 3, 1 / 6])
    for name, tolerance in {"moment0": 0.05, "moment1": 0.06, "linewidth": 0.12}.items():
        naive = cube.moments(cubes, window, noise=noise)
        right = cube.moments(cubes, window, noise=effective)
        scatter = right[name].value.std()
        assert abs(np.median(right.error[name].value) / scatter - 1) < tolerance, name
        assert np.median(naive.error[name].value) / scatter < 0.75, name


@pytest.mark.parametrize("correlation", [[], [0.5, 0.1], [1, -0.6], 1.0])
def test_correlations_that_are_none(correlation):
    with pytest.raises(InputError, match="correlation"):
        cube.effective_noise(1 * u.K, correlation)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"method": "madd"}, "Did you mean 'mad'"),
        ({"channels": slice(50, 60)}, "has no channel"),
        ({"channels": (3, 4) * u.GHz}, "or in a unit that converts"),
        ({"channels": 3}, "Give slices"),
        ({"gain": np.ones((3, 3))}, "gain has shape"),
    ],
)
def test_bad_arguments(arguments, text):
    with pytest.raises(InputError, match=text):
        cube.noise(co(RNG.normal(size=(20, 4, 5))), **arguments)


def test_blank_cubes():
    with pytest.raises(InputError, match="no finite value"):
        cube.noise(co(np.full((9, 2, 2), np.nan)))
    with pytest.raises(InputError, match="no noise"):
        cube.channel_correlation(co(np.ones((9, 2, 2))))
    with pytest.raises(InputError, match="n_lags"):
        cube.channel_correlation(co(np.ones((9, 2, 2))), n_lags=9)
