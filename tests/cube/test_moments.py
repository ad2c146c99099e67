"""Moments: by hand, errors by simulation, coordinates that differ, files and pictures, bad input."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st

from manyfit import cube, datasets
from manyfit.errors import InputError, InputTypeError, OutputExists

NAMES = ["peak", "moment0", "moment1", "moment2", "linewidth", "equivalent_width"]


def co(data, axis=None, **more):
    axis = np.arange(len(data)) * u.km / u.s if axis is None else axis
    return cube.read(np.asarray(data) * u.K, spectral_axis=axis, **more)


def by_hand(values, x, width):
    """Of one spectrum, as the definitions say."""
    m0 = (values * width).sum()
    m1 = (values * x * width).sum() / m0
    m2 = (values * (x - m1) ** 2 * width).sum() / m0
    with np.errstate(invalid="ignore"):
        return [values.max(), m0, m1, m2, np.sqrt(m2), m0 / np.sqrt(2 * np.pi) / values.max()]


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("differ", [False, True])
def test_moments_of_irregular_channels(order, differ):
    rng = np.random.default_rng(0)
    values = rng.uniform(0.5, 2, (12, 3, 4))
    x = np.cumsum(rng.uniform(0.5, 2, (12, 3, 4) if differ else 12), axis=0)[::order] + 5
    chosen = rng.random(values.shape) < 0.7
    found = cube.moments(co(values, x * u.AA), chosen, noise=1.0)
    for y, k in np.ndindex(3, 4):
        axis = x[:, y, k] if differ else x
        use = chosen[:, y, k]
        expected = by_hand(values[use, y, k], axis[use], np.abs(np.gradient(axis))[use])
        np.testing.assert_allclose([found[name][y, k].value for name in NAMES], expected, rtol=1e-12)


def test_units():
    found = cube.moments(co(np.random.default_rng(0).normal(size=(9, 2, 2))))
    km = u.km / u.s
    assert [found[name].unit for name in NAMES] == [u.K, u.K * km, km, km**2, km, km]
    assert [found.error[name].unit for name in NAMES] == [found[name].unit for name in NAMES]
    assert list(found) == NAMES
    assert len(found) == 6


@settings(max_examples=15, deadline=None)
@given(st.floats(1e-3, 1e3), st.floats(-1e3, 1e3), st.integers(0, 2**31))
def test_scale_and_shift(scale, shift, seed):
    """Values times a number, and coordinates plus one, change the moments as they must."""
    values = np.random.default_rng(seed).uniform(0.1, 1, (15, 2, 2))
    x = np.arange(15.0)
    one = cube.moments(co(values, x * u.km / u.s), noise=0.1)
    two = cube.moments(co(scale * values, (x + shift) * u.km / u.s), noise=0.1 * scale)
    for name, factor in {"peak": scale, "moment0": scale, "moment2": 1, "linewidth": 1, "equivalent_width": 1}.items():
        np.testing.assert_allclose(two[name], factor * one[name], rtol=1e-9)
        np.testing.assert_allclose(two.error[name], factor * one.error[name], rtol=1e-7)
    np.testing.assert_allclose(two["moment1"].value, one["moment1"].value + shift, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("varying", [False, True])
def test_errors_are_the_scatter_of_simulations(varying):
    """20000 spectra of one line in noise, which may differ between channels."""
    rng = np.random.default_rng(1)
    x = np.linspace(-10, 10, 41)
    line = 30 * np.exp(-0.5 * ((x - 1) / 1.8) ** 2)
    noise = 0.5 * (1 + 0.8 * np.sin(x) ** 2) if varying else np.full(41, 0.5)
    values = line[:, None, None] + rng.normal(size=(41, 100, 200)) * noise[:, None, None]
    found = cube.moments(co(values, x * u.km / u.s), np.abs(x - 1) < 6, noise=noise)
    for name in NAMES[1:]:
        scatter = found[name].value.std()
        ratio = np.median(found.error[name].value) / scatter
        # the peak is the highest of several, which scatters less than the noise: so does the equivalent width
        assert 0.97 < ratio < (1.2 if name == "equivalent_width" else 1.03), name
    assert abs(found["moment1"].value.mean() - 1) < 0.01


def test_the_error_of_a_fixed_peak():
    """A line of one bright channel: the place of the peak is certain, so its error is the scatter."""
    rng = np.random.default_rng(2)
    line = np.array([0, 2, 5, 20, 5, 2, 0.0])
    found = cube.moments(co(line[:, None, None] + 0.3 * rng.normal(size=(7, 100, 200))), noise=0.3)
    for name in ("peak", "equivalent_width"):
        assert abs(np.median(found.error[name].value) / found[name].value.std() - 1) < 0.03, name


def test_what_cannot_be_known_is_nan():
    data = np.array([[1.0, -1, 1, np.nan], [1, -2, -1, np.nan], [1, -1, 0, np.nan]]).reshape(3, 1, 4)
    found = cube.moments(co(data), noise=1.0)
    assert np.isfinite(found["linewidth"][0, 0])
    assert np.isnan(found["equivalent_width"][0, 1])  # all negative: no width of an emission line
    assert found["moment0"][0, 2] == 0
    assert np.isnan(found["moment1"][0, 2])
    assert np.isfinite(found.error["moment0"][0, 2])
    assert all(np.isnan(found[name][0, 3]) and np.isnan(found.error[name][0, 3]) for name in NAMES)


def test_masks_of_several_shapes():
    data = np.random.default_rng(0).normal(size=(9, 4, 5))
    channels, spatial = np.arange(9) > 4, np.eye(4, 5, dtype=bool)
    both = channels[:, None, None] & spatial
    one = cube.moments(co(data), both, noise=1.0)
    some = cube.moments(co(np.where(both, data, np.nan)), noise=1.0)
    for name in NAMES:
        np.testing.assert_array_equal(one[name], some[name])
    np.testing.assert_array_equal(np.isfinite(cube.moments(co(data), spatial, noise=1.0)["peak"]), spatial)
    assert np.isfinite(cube.moments(co(data), channels, noise=1.0)["peak"]).all()


def test_a_mask_of_the_cube_is_left_out():
    data, bad = np.random.default_rng(0).normal(size=(9, 4, 5)), np.random.default_rng(1).random((9, 4, 5)) < 0.4
    np.testing.assert_array_equal(
        cube.moments(co(data, mask=bad), noise=1.0)["moment0"],
        cube.moments(co(np.where(bad, np.nan, data)), noise=1.0)["moment0"],
    )


def test_noise_comes_from_the_signal_then_the_cube_then_the_data():
    data = np.random.default_rng(0).normal(size=(50, 3, 3))
    data[10:14] += 50
    plain, known = co(data), co(data, uncertainty=2.0)
    np.testing.assert_array_equal(cube.moments(plain).error["peak"], cube.noise(plain))
    assert (cube.moments(known).error["peak"] == 2 * u.K).all()
    signal = cube.signal_mask(known, noise=3.0, min_voxels=3, min_bright_voxels=3)
    assert (cube.moments(known, signal).error["peak"] == 3 * u.K).all()
    assert (cube.moments(known, signal, noise=5 * u.K).error["peak"] == 5 * u.K).all()


def test_one_spectrum_and_one_channel():
    assert cube.moments(co(np.arange(5.0)), noise=1.0)["moment0"] == 10 * u.K * u.km / u.s
    found = cube.moments(co(np.ones((1, 2, 2))), noise=1.0)
    assert np.isnan(found["moment0"]).all()  # one channel has no width
    assert (found["peak"] == 1 * u.K).all()


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_moments_do_not_depend_on_threads(workers):
    made = datasets.simulate_cube((30, 60, 40))
    one = cube.moments(cube.read((made.data, made.wcs)))
    other = cube.moments(cube.read((made.data, made.wcs)), workers=workers)
    for name in NAMES:
        np.testing.assert_array_equal(one[name], other[name])
        np.testing.assert_array_equal(one.error[name], other.error[name])


def test_files(tmp_path):
    made = datasets.simulate_cube((30, 12, 14))
    found = cube.moments(cube.read((made.data, made.wcs)))
    found.to_fits(tmp_path / "m.fits")
    with fits.open(tmp_path / "m.fits", checksum=True) as hdus:
        assert [hdu.name for hdu in hdus[1:]] == [n.upper() + s for n in NAMES for s in ("", "_ERR")]
        np.testing.assert_array_equal(hdus["MOMENT1"].data, found["moment1"].value)
        np.testing.assert_array_equal(hdus["MOMENT1_ERR"].data, found.error["moment1"].value)
        assert u.Unit(hdus["MOMENT0"].header["BUNIT"]) == found["moment0"].unit
        assert hdus["PEAK"].header["CTYPE1"] == "RA---TAN"
        assert "CTYPE3" not in hdus["PEAK"].header
    with pytest.raises(OutputExists):
        found.to_fits(tmp_path / "m.fits")
    found.to_fits(tmp_path / "m.fits", overwrite=True)
    assert [p.name for p in tmp_path.iterdir()] == ["m.fits"]


def test_pictures():
    import matplotlib.pyplot as plt

    made = datasets.simulate_cube((20, 12, 14))
    figure = cube.moments(cube.read((made.data, made.wcs))).plot(errors=True)
    titles = {axes.get_title() for axes in figure.axes}
    assert {"moment1", "moment1 error", "equivalent_width"} <= titles
    plt.close(figure)


def test_bad_input():
    some = co(np.random.default_rng(0).normal(size=(9, 4, 5)))
    signal = cube.signal_mask(some)
    with pytest.raises(InputError, match="signal mask has shape"):
        cube.moments(some[:, :3], signal)
    with pytest.raises(InputError, match="signal has shape"):
        cube.moments(some, np.ones((3, 3), bool))
    with pytest.raises(InputTypeError, match="Give a SignalMask or booleans"):
        cube.moments(some, np.ones((4, 5)))
    with pytest.raises(InputError, match="zero, negative or NaN"):
        cube.moments(some, noise=-1.0)
    with pytest.raises(InputError, match="no finite value"):
        cube.moments(replace(some, data=np.full((9, 4, 5), np.nan)), noise=1.0)


def test_the_error_of_the_peak_is_the_noise_of_its_channel():
    rng = np.random.default_rng(3)
    data, noise = rng.normal(size=(9, 4, 5)), rng.uniform(1, 2, (9, 4, 5))
    found = cube.moments(co(data), noise=noise)
    expected = np.take_along_axis(noise, data.argmax(axis=0)[None], axis=0)[0]
    np.testing.assert_array_equal(found.error["peak"].value, expected)
