"""Fits of lines of cubes: the numbers of `manyfit.fit`, with noise and start values from the cube."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import astropy.units as u
import dask.array as da
import numpy as np
import pytest
from astropy.modeling import Model, fitting
from astropy.modeling.models import Const1D, Gaussian1D, Lorentz1D, Polynomial1D
from astropy.wcs import WCS

import manyfit
from manyfit import Status, cube
from manyfit.errors import InputError

N = 64
V = np.linspace(-20, 20, N)
SHAPE = (7, 8)
RNG = np.random.default_rng(4)
Y, X = np.mgrid[: SHAPE[0], : SHAPE[1]]
TRUTH = {"amplitude": 2.0 + 0.1 * X, "mean": -3 + 0.8 * X, "stddev": 1.5 + 0.1 * Y}
SIGMA = 0.1
LINE = TRUTH["amplitude"] * np.exp(-0.5 * ((V[:, None, None] - TRUTH["mean"]) / TRUTH["stddev"]) ** 2)
DATA = LINE + RNG.normal(0, SIGMA, LINE.shape)
SOME = RNG.random(SHAPE) < 0.5
KMS = u.km / u.s
START = {"amplitude": 2 * u.K, "mean": TRUTH["mean"] * KMS + 0.3 * KMS, "stddev": 2 * KMS}


def make(data=DATA, axis=V * KMS, **given):
    return cube.read(data * u.K, spectral_axis=axis, **given)


def recovered(fit, where=True, truth=TRUTH):
    """Within five of its own errors of the truth."""
    for name in truth:
        pull = (fit[name].value - truth[name]) / fit.error[name].value
        assert (np.abs(pull)[np.broadcast_to(where, SHAPE)] < 5).all()


def test_default_fit_recovers_the_truth():
    fit = cube.fit_lines(make())
    assert fit.names == ("amplitude", "mean", "stddev")
    assert fit["mean"].unit == KMS
    assert fit.good.all()
    recovered(fit)
    np.testing.assert_array_equal(fit.noise, cube.noise(make()))


def test_same_numbers_as_the_engine():
    fit = cube.fit_lines(make(), SOME, model=Gaussian1D(), start=START, noise=SIGMA, coherence=False)
    model = Gaussian1D(**{n: np.broadcast_to(v, SHAPE) if np.ndim(v) else v for n, v in START.items()})
    plain = manyfit.fit(model, DATA * u.K, world=V * KMS, uncertainty=SIGMA)
    for name in fit.names:
        np.testing.assert_array_equal(fit[name][SOME], plain[name][SOME])
        np.testing.assert_array_equal(fit.error[name][SOME], plain.error[name][SOME])
        assert np.isnan(fit[name][~SOME]).all()
    assert (fit.status[~SOME] == Status.NOT_FITTED).all()
    np.testing.assert_array_equal(fit.statistic[SOME], plain.statistic[SOME])


def test_signal_mask_selects_and_the_whole_axis_is_fitted():
    data = DATA.copy()
    data[:, :, 5:] = RNG.normal(0, SIGMA, data[:, :, 5:].shape)
    signal = cube.signal_mask(make(data))
    fit = cube.fit_lines(make(data), signal)
    assert fit.signal is signal
    assert 0.4 < signal.spatial.mean() < 0.7
    np.testing.assert_array_equal(fit.selected, signal.spatial)
    assert (fit.n_points[signal.spatial] == N).all()
    recovered(fit, signal.spatial)
    assert (fit.status[~signal.spatial] == Status.NOT_FITTED).all()
    # the line is in a fifth of the channels: without it the noise is right
    assert np.nanmedian(fit.noise.value / SIGMA) == pytest.approx(1, abs=0.06)


NOISE = RNG.uniform(0.05, 0.2, DATA.shape)
SOURCES = {
    "number": ({}, {"noise": 0.1}, 0.1),
    "quantity": ({}, {"noise": 100 * u.mK}, 0.1),
    "map": ({}, {"noise": NOISE[0]}, NOISE[0]),
    "cube": ({"uncertainty": NOISE}, {}, NOISE),
    "before the cube": ({"uncertainty": NOISE}, {"noise": 0.1}, 0.1),
}


@pytest.mark.parametrize("source", SOURCES)
def test_noise(source):
    of_cube, of_fit, expected = SOURCES[source]
    fit = cube.fit_lines(make(**of_cube), start=START, coherence=False, **of_fit)
    model = Gaussian1D(**{n: np.broadcast_to(v, SHAPE) if np.ndim(v) else v for n, v in START.items()})
    plain = manyfit.fit(model, DATA * u.K, world=V * KMS, uncertainty=expected)
    np.testing.assert_allclose(fit.error["mean"].value, plain.error["mean"].value, rtol=1e-12)


def test_noise_from_residuals_and_estimated():
    relative = cube.fit_lines(make(), noise="residuals", coherence=False)
    absolute = cube.fit_lines(make(), noise=SIGMA, coherence=False)
    assert relative.noise is None
    np.testing.assert_allclose(relative["mean"].value, absolute["mean"].value, rtol=1e-6)
    scale = np.sqrt(absolute.statistic / absolute.dof)
    np.testing.assert_allclose(relative.error["mean"].value, absolute.error["mean"].value * scale, rtol=1e-6)
    some = cube.fit_lines(make(), SOME, coherence=False)
    np.testing.assert_array_equal(some.noise[SOME], cube.noise(make())[SOME])


AXES = {
    "falling": V[::-1] * KMS,
    "frequency": (115.2712018 * u.GHz * (1 - V * KMS / (299792.458 * KMS))).to("Hz"),
    "wavelength": (6562.8 + 0.5 * V) * u.AA,
}


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("baseline", [None, 2])
def test_any_axis_gives_the_same_lines(axis, baseline):
    """Amplitude and chi2 do not depend on the coordinate."""
    axis = AXES[axis]
    data = DATA[::-1] if axis[1] < axis[0] and axis.unit == KMS else DATA
    one = cube.fit_lines(make(), noise=SIGMA, baseline=baseline)
    fit = cube.fit_lines(make(data, axis), noise=SIGMA, baseline=baseline)
    name = "amplitude" if baseline is None else "amplitude_0"
    assert fit.good.all()
    np.testing.assert_allclose(fit[name].value, one[name].value, rtol=1e-5)
    np.testing.assert_allclose(fit.error[name].value, one.error[name].value, rtol=1e-3)
    np.testing.assert_allclose(fit.statistic, one.statistic, rtol=1e-6)


def test_axis_of_each_spectrum():
    shift = RNG.uniform(-30, 30, SHAPE)
    fit = cube.fit_lines(make(axis=(V[:, None, None] + shift) * KMS), SOME, noise=SIGMA)
    one = cube.fit_lines(make(), SOME, noise=SIGMA)
    np.testing.assert_allclose(fit["mean"].value - shift, one["mean"].value, atol=1e-5)
    np.testing.assert_allclose(fit.statistic, one.statistic, rtol=1e-7)


@pytest.mark.parametrize("degree", [0, 1, 3])
def test_baseline(degree):
    slope = np.polynomial.Polynomial([0.5, 0.02, 0.001, 0.0001][: degree + 1])
    fit = cube.fit_lines(make(DATA + slope(V)[:, None, None]), baseline=degree, noise=SIGMA)
    truth = {f"{name}_0": value for name, value in TRUTH.items()}
    recovered(fit, truth=truth)
    suffix = "_1" if degree == 0 else "_2"
    for i, c in enumerate(slope.coef):
        name = f"c{i}{suffix}"
        assert fit[name].unit == u.K / KMS**i
        assert np.abs((fit[name].value - c) / fit.error[name].value).max() < 5


def test_default_line_stays_in_the_band_and_is_no_narrower_than_channels_tell():
    data = RNG.normal(0, SIGMA, DATA.shape)
    data[30] += 5.0
    data[-1, 0] += 40.0
    fit = cube.fit_lines(make(data), noise=SIGMA)
    step = V[1] - V[0]
    assert fit["stddev"].value.min() >= 0.3 * step * (1 - 1e-12)
    assert (np.abs(fit["mean"].value) <= 20).all()
    assert (fit.status == Status.AT_BOUND).mean() > 0.5
    assert fit.good.all()
    own = cube.fit_lines(make(data), noise=SIGMA, bounds={"stddev": (1.0, None)})
    assert own["stddev"].value.min() >= 1.0
    assert (cube.fit_lines(make(data), baseline=1, noise=SIGMA)["stddev_0"].value >= 0.3 * step * (1 - 1e-12)).all()


def test_counts():
    counts = RNG.poisson(np.maximum(20 * LINE + 5, 0)).astype(float)
    co = cube.read(counts * u.ct, spectral_axis=V * KMS, uncertainty=np.ones(SHAPE))
    fit = cube.fit_lines(co, model=Gaussian1D() + Const1D(), statistic="cash")
    assert fit.good.all()
    assert fit.noise is None
    pull = (fit["mean_0"].value - TRUTH["mean"]) / fit.error["mean_0"].value
    assert np.abs(pull).max() < 5


def test_other_models_and_starts():
    lorentz = cube.fit_lines(make(), model=Lorentz1D())
    assert lorentz.good.mean() > 0.95
    assert np.abs(lorentz["x_0"].value - TRUTH["mean"]).max() < 0.5
    own = cube.fit_lines(make(), model=Gaussian1D(2 * u.K, -3 * KMS, 1 * KMS), coherence=False)
    recovered(own, np.abs(TRUTH["mean"] + 3) < 2)
    far = cube.fit_lines(make(), model=Gaussian1D(0.1 * u.K, -19 * KMS, 0.2 * KMS), coherence=False)
    assert (np.abs(far["mean"].value - TRUTH["mean"]) > 5).mean() > 0.5  # the start is the user's, not a guess
    recovered(cube.fit_lines(make(), model=Gaussian1D(2, -30, 1), start="guess"))
    recovered(cube.fit_lines(make(), start=cube.moments(make(), cube.signal_mask(make()))))
    recovered(cube.fit_lines(make(), start={"stddev": 1 * KMS}))
    two = cube.fit_lines(make(), model=Gaussian1D(1, 0, 1) + Const1D(0), start={"mean_0": TRUTH["mean"] * KMS})
    assert two.names[-1] == "amplitude_1"


def test_a_line_that_is_fixed_and_bounded():
    model = Gaussian1D(2, 0, 1.5, bounds={"amplitude": (0, 2.2)})
    fit = cube.fit_lines(make(), model=model, start={"mean": TRUTH["mean"] * KMS}, bounds={"stddev": (1, 1.8)})
    assert fit["amplitude"].value.max() <= 2.2
    assert fit["stddev"].value.max() <= 1.8
    assert (fit.status == Status.AT_BOUND).any()


def test_one_spectrum():
    co = make()
    one, fit = cube.fit_lines(co[:, 3, 4], noise=SIGMA), cube.fit_lines(co, noise=SIGMA, coherence=False)
    assert isinstance(one, Model)
    for i, name in enumerate(fit.names):
        parameter = getattr(one, name)
        assert parameter.quantity.unit == fit[name].unit
        assert parameter.value == pytest.approx(fit[name].value[3, 4], rel=1e-9)
        assert parameter.std == pytest.approx(fit.error[name].value[3, 4], rel=1e-7)
        assert one.stds[name] == one.stds[i] == pytest.approx(parameter.std)
    assert one.cov_matrix.cov_matrix.shape == (3, 3)
    assert one.meta["status"] == "converged"
    assert one.meta["dof"] == N - 3
    assert one(V[:3] * KMS).unit == u.K


def test_one_spectrum_against_astropy():
    fitter = fitting.LevMarLSQFitter(calc_uncertainties=True)
    theirs = fitter(Gaussian1D(2, 0, 2), V, DATA[:, 3, 4], weights=np.full(N, 1 / SIGMA))
    ours = cube.fit_lines(make()[:, 3, 4], noise=SIGMA)
    np.testing.assert_allclose(ours.parameters, theirs.parameters, rtol=1e-5)
    np.testing.assert_allclose(ours.stds.stds, theirs.stds.stds, rtol=1e-3)


def test_one_blank_spectrum_says_so():
    data = DATA.copy()
    data[:, 0, 0] = np.nan
    one = cube.fit_lines(make(data)[:, 0, 0], noise=SIGMA)
    assert one.meta["status"] == "no_valid_points"
    assert "Check the mask" in one.meta["remedy"]
    assert np.isnan(one.parameters).all()


def test_lazy():
    lazy = cube.fit_lines(make(), SOME, compute=False)
    assert lazy.is_lazy
    assert lazy.shape == SHAPE
    assert lazy.cost.n_spectra == SOME.sum()
    assert f"{SOME.sum()} spectra, 3 free parameters" in repr(lazy)
    done, eager = lazy.compute(), cube.fit_lines(make(), SOME)
    assert done.compute() is done
    for name in eager.names:
        np.testing.assert_array_equal(done[name], eager[name])
    assert str(done.refits) == str(eager.refits)


def test_dask_is_read_by_chunk():
    data = da.from_array(DATA.astype("f4"), chunks=(32, 3, 3))
    one, other = cube.fit_lines(make(data), SOME), cube.fit_lines(make(DATA.astype("f4")), SOME)
    for name in one.names:
        np.testing.assert_array_equal(one[name], other[name])


def test_bad_voxels_and_blank_spectra():
    data = DATA.copy()
    data[:, 0] = np.nan
    data[10, 1:] = np.inf
    mask = np.zeros(DATA.shape, bool)
    mask[20:23] = True
    fit = cube.fit_lines(replace(make(data), mask=mask), noise=SIGMA)
    assert (fit.status[0] == Status.NO_VALID_POINTS).all()
    assert (fit.n_points[1:] == N - 4).all()
    recovered(fit, Y > 0)


def test_zero_noise_is_a_status():
    noise = np.full(SHAPE, SIGMA)
    noise[2, 3] = 0
    fit = cube.fit_lines(make(), noise=noise)
    assert fit.status[2, 3] == Status.NO_VALID_POINTS
    assert fit.good.sum() == fit.good.size - 1


def test_maps_have_the_celestial_wcs():
    wcs = WCS(naxis=3)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN", "VRAD"]
    wcs.wcs.cunit = ["deg", "deg", "km/s"]
    wcs.wcs.cdelt = [-0.01, 0.01, V[1] - V[0]]
    from astropy.io import fits

    hdu = fits.PrimaryHDU(DATA.astype("f4"), wcs.to_header())
    hdu.header["BUNIT"] = "K"
    co = cube.read(hdu)
    fit = cube.fit_lines(co, noise=SIGMA)
    assert fit.wcs is co.wcs
    assert fit.wcs.pixel_n_dim == 2


BAD = {
    "bounds of nothing": ({"bounds": {"men": (0, 1)}}, "Did you mean 'mean'"),
    "bounds that are no pair": ({"bounds": {"mean": 3}}, "Give a pair"),
    "bounds in another unit": ({"bounds": {"mean": (1 * u.K, None)}}, "does not convert to km / s"),
    "mask of another cube": ({"signal": np.ones((3, 3), bool)}, r"spatial shape \(3, 3\), the cube \(7, 8\)"),
    "noise": ({"noise": "mad"}, "noise 'mad' is not known. Accepted: 'residuals'"),
    "start": ({"start": "moments"}, "start 'moments' is not known"),
    "parameter": ({"start": {"men": 1}}, "Did you mean 'mean'"),
    "baseline": ({"baseline": 1.5}, "baseline is 1.5. Give the degree"),
    "negative baseline": ({"baseline": -1}, "baseline is -1"),
    "statistic": ({"statistic": "chi3"}, "Did you mean 'chi2'"),
    "noise of another shape": ({"noise": np.ones((3, 3))}, r"shape \(3, 3\)"),
    "noise of another unit": ({"noise": 1 * u.Jy}, "noise is in Jy"),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_input(what):
    given, text = BAD[what]
    with pytest.raises(InputError, match=text):
        cube.fit_lines(make(), **given)


def test_nothing_is_changed():
    data, start = DATA.copy(), {name: u.Quantity(value, copy=True) for name, value in START.items()}
    model = Gaussian1D(1, 2, 3) + Polynomial1D(1)
    cube.fit_lines(make(data), SOME, start=start, noise=SIGMA)
    cube.fit_lines(make(data), model=model, baseline=1)
    np.testing.assert_array_equal(data, DATA)
    assert model.parameters.tolist() == [1, 2, 3, 0, 0]
    for name, value in START.items():
        np.testing.assert_array_equal(start[name], value)


@pytest.mark.slow
def test_errors_are_calibrated():
    """Pulls of 10^4 spectra, with the noise estimated from the channels without signal."""
    rng = np.random.default_rng(0)
    v = np.linspace(-60, 60, 400)
    truth = 2 * np.exp(-0.5 * ((v - 3) / 4) ** 2)
    data = truth[:, None, None] + rng.normal(0, 0.1, (400, 100, 100))
    co = cube.read(data * u.K, spectral_axis=v * KMS)
    fit = cube.fit_lines(co, cube.signal_mask(co))
    assert fit.good.all()
    for name, value in (("amplitude", 2), ("mean", 3), ("stddev", 4)):
        pull = (fit[name].value - value) / fit.error[name].value
        assert abs(pull.mean()) < 0.05
        assert pull.std() == pytest.approx(1, abs=0.05)


def test_l1448():
    path = Path(os.environ.get("MANYFIT_TEST_DATA", "")) / "cubes" / "l1448_13co.fits"
    if not path.is_file():
        pytest.skip("MANYFIT_TEST_DATA/cubes/l1448_13co.fits is not there")
    co = cube.read(path, spectral_unit="km/s", unit="K")
    signal = cube.signal_mask(co)
    fit = cube.fit_lines(co, signal)
    assert fit.good[signal.spatial].mean() > 0.98
    maps = cube.moments(co, signal)
    near = np.abs(fit["mean"] - maps["moment1"])[fit.good & (fit.error["mean"] < 0.05 * KMS)]
    assert np.median(near) < 0.1 * KMS
    assert (fit.statistic[fit.refits.changed] < np.inf).all()
