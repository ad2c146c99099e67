"""Start values from moments and from the highest peak."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pytest
from astropy.modeling.models import Box1D, Const1D, Gaussian1D, Lorentz1D, Moffat1D, Polynomial1D, Voigt1D

from manyfit import cube
from manyfit.cube._guess_kernel import highest_peaks
from manyfit.errors import InputError

N = 80
V = np.linspace(-20, 19.5, N)
SHAPE = (5, 6)
RNG = np.random.default_rng(8)
MEAN = RNG.uniform(-8, 8, SHAPE)
WIDTH = RNG.uniform(1.0, 3.0, SHAPE)
LINE = 2.0 * np.exp(-0.5 * ((V[:, None, None] - MEAN) / WIDTH) ** 2)
NOISY = LINE + RNG.normal(0, 0.1, LINE.shape)
KMS = u.km / u.s


def make(data, axis=V * KMS, **given):
    return cube.read(data * u.K, spectral_axis=axis, **given)


def close(start, height=2.0, tolerance=0.35):
    """Near enough to start from: within a third of the width."""
    assert (np.abs(start.mean.value - MEAN) < tolerance * WIDTH).all()
    assert (np.abs(start.stddev.value / WIDTH - 1) < tolerance).all()
    assert (np.abs(start.amplitude.value / height - 1) < tolerance).all()


def test_from_moments():
    co = make(NOISY)
    signal = cube.signal_mask(co, low=3, high=6)
    maps = cube.moments(co, signal)
    for source in (signal, maps):
        start = cube.guess(co, source)
        assert (start.mean.unit, start.amplitude.unit) == (KMS, u.K)
        where = signal.spatial
        assert where.mean() > 0.8
        np.testing.assert_array_equal(start.mean.quantity[where], maps["moment1"][where])
        np.testing.assert_array_equal(start.amplitude.quantity[where], maps["peak"][where])
        np.testing.assert_array_equal(start.stddev.quantity[where], maps["equivalent_width"][where])
        assert np.isnan(cube.guess(co, signal).mean.value[~where]).all()


def test_from_peaks():
    close(cube.guess(make(NOISY)))
    close(cube.guess(make(LINE)), tolerance=0.2)


@pytest.mark.parametrize(
    "axis",
    [V[::-1] * KMS, (230.538 * u.GHz * (1 - V * KMS / (299792.458 * KMS))).to("GHz"), (6562.8 + V) * u.AA],
    ids=["falling", "frequency", "wavelength"],
)
def test_any_axis(axis):
    start = cube.guess(make(NOISY, axis))
    axis, order = np.sort(axis), np.argsort(axis)
    expected = np.interp(MEAN, V, np.arange(N))
    found = np.interp(start.mean.quantity.to_value(axis.unit), axis.value, order)
    assert np.abs(found - expected).max() < 2


def test_axis_of_each_spectrum():
    shift = RNG.uniform(-50, 50, SHAPE)
    start = cube.guess(make(NOISY, (V[:, None, None] + shift) * KMS))
    np.testing.assert_allclose(start.mean.value - shift, cube.guess(make(NOISY)).mean.value, atol=1e-9)


def test_moments_that_give_no_line_are_replaced():
    co = make(NOISY)
    maps = cube.moments(co, cube.signal_mask(co))
    spoilt = {name: maps[name].copy() for name in maps}
    spoilt["moment1"][0, 0] = np.nan
    spoilt["moment1"][0, 1] = 900 * KMS
    spoilt["equivalent_width"][1, 1] = -1 * KMS
    spoilt["peak"][2, 2] = -0.3 * u.K
    start = cube.guess(co, cube.Moments(spoilt, maps.error))
    close(start)
    peaks = cube.guess(co)
    for place in ((0, 0), (0, 1), (1, 1), (2, 2)):
        assert start.mean.value[place] == peaks.mean.value[place]
    assert start.mean.value[3, 3] == maps["moment1"].value[3, 3]


def test_selected_spectra_only():
    where = RNG.random(SHAPE) < 0.5
    some, every = cube.guess(make(NOISY), select=where), cube.guess(make(NOISY))
    for name in every.param_names:
        np.testing.assert_array_equal(getattr(some, name).value[where], getattr(every, name).value[where])
        assert np.isnan(getattr(some, name).value[~where]).all()


def test_one_spectrum():
    start = cube.guess(make(NOISY)[:, 2, 3])
    assert start.mean.shape == ()
    assert abs(start.mean.value - MEAN[2, 3]) < 0.3


def test_absorption_on_a_continuum():
    start = cube.guess(make(5 - NOISY), model=Gaussian1D(-1) + Const1D(0))
    assert (start.amplitude_0.value < 0).all()
    assert np.abs(start.mean_0.value - MEAN).max() < 1
    assert np.abs(start.amplitude_1.value - 5).max() < 0.3


def test_emission_on_a_continuum():
    model = Polynomial1D(1) + Gaussian1D()
    co = make(NOISY + 3)
    for source in (None, cube.signal_mask(make(NOISY))):
        start = cube.guess(co, source, model=model, select=True)
        assert np.abs(start.amplitude_1.value - 2).max() < 0.7
        assert np.abs(start.mean_1.value - MEAN).max() < 1
        assert np.abs(start.c0_0.value - 3).max() < 0.3
        assert start.c1_0.value == 0


@pytest.mark.parametrize("model", [Lorentz1D(), Voigt1D(), Moffat1D(), Box1D()], ids=lambda m: type(m).__name__)
def test_other_lines_have_about_the_height_and_the_width_of_the_data(model):
    start = cube.guess(make(LINE), model=model)
    fine = np.linspace(-20, 20, 4001)[:, None, None]
    values = {n: getattr(start, n).value for n in start.param_names}
    made = np.array([[type(model)(**{n: np.broadcast_to(values[n], SHAPE)[y, x] for n in values})(fine[:, 0, 0])
                      for x in range(SHAPE[1])] for y in range(SHAPE[0])])  # fmt: skip
    assert np.abs(made.max(-1) / 2 - 1).max() < 0.25
    above = (made > 0.5 * made.max(-1, keepdims=True)).sum(-1) * 0.01
    assert np.abs(above / (2.3548 * WIDTH) - 1).max() < 0.3


def test_model_and_cube_stay_as_they_are():
    model = Gaussian1D(1, 2, 3, bounds={"stddev": (0.1, 9)}, fixed={"mean": True})
    data = NOISY.copy()
    start = cube.guess(make(data), model=model)
    assert model.parameters.tolist() == [1, 2, 3]
    np.testing.assert_array_equal(data, NOISY)
    assert start.bounds["stddev"] == (0.1, 9)
    assert start.fixed["mean"]


@pytest.mark.parametrize("model", [Gaussian1D() + Gaussian1D(), Const1D()])
def test_not_one_line(model):
    with pytest.raises(InputError, match=r"lines of a known kind.*start="):
        cube.guess(make(NOISY), model=model)


def kernel(*rows, sign=1.0, with_level=False):
    found = np.empty((len(rows), 4))
    highest_peaks(np.array(rows, float), sign, with_level, found)
    return found


def test_kernel_on_spectra_that_are_hardly_any():
    nan = np.nan
    found = kernel([nan] * 5, [0, 0, 0, 0, 0], [-1, -2, -1, -3, -1], [nan, nan, 4, nan, nan], [7, 1, 0, 0, 0])
    assert np.isnan(found[0]).all()
    assert np.isfinite(found[1:]).all()
    assert (found[1:, 0] > 0).all()
    assert (found[1:, 2] > 0).all()
    assert found[3, :2].tolist() == [4, 2]
    assert found[4, 1] < 1
    one = kernel([3.0])
    assert one[0, :2].tolist() == [3, 0]


def test_kernel_agrees_with_a_slow_one():
    """Height, place and width of the samples above half maximum, by NumPy."""
    for row in NOISY.reshape(N, -1).T:
        smooth = np.array([row[max(i - 1, 0) : i + 2].mean() for i in range(N)])
        top = smooth.argmax()
        left = right = top
        while left > 0 and smooth[left - 1] > smooth[top] / 2:
            left -= 1
        while right < N - 1 and smooth[right + 1] > smooth[top] / 2:
            right += 1
        part = slice(left, right + 1)
        centre = np.sum(np.arange(N)[part] * row[part]) / row[part].sum()
        width = row[part].sum() / smooth[top] / np.sqrt(2 * np.pi) / 0.7609681085504878
        np.testing.assert_allclose(kernel(row)[0], [smooth[top], centre, width, 0], rtol=1e-12)
