"""`manyfit.fit` as a whole: against SciPy's `curve_fit`, over shapes, constraints, units and options."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pytest
from astropy.modeling import Fittable1DModel, Parameter
from astropy.modeling import models as m
from scipy.optimize import curve_fit

import manyfit
from manyfit import Status
from manyfit.errors import FallbackWarning, InputError

X = np.linspace(0.0, 10.0, 50)
SIGMA = 0.2


def gauss(x, amplitude, mean, stddev):
    return amplitude * np.exp(-0.5 * ((x - mean) / stddev) ** 2)


def line() -> m.Gaussian1D:
    return m.Gaussian1D(4.0, 5.0, 1.5)


def spectra(*shape: int, seed: int = 1) -> np.ndarray:
    """Spectra of lines, the spectral axis first."""
    rng = np.random.default_rng(seed)
    x = X.reshape(-1, *[1] * len(shape))
    return gauss(x, rng.uniform(4, 6, shape), rng.uniform(4, 6, shape), 1.2) + rng.normal(0, SIGMA, (50, *shape))


# -- against curve_fit -------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", ["nothing", "uncertainty", "weights", "uncertainty of points"])
def test_values_and_covariance_are_those_of_curve_fit(given):
    y = spectra(6)
    sigma = np.linspace(0.1, 0.4, 50) if given in ("weights", "uncertainty of points") else np.full(50, SIGMA)
    keywords = {
        "nothing": {},
        "uncertainty": {"uncertainty": SIGMA},
        "weights": {"weights": 1 / sigma},
        "uncertainty of points": {"uncertainty": sigma},
    }[given]
    result = manyfit.fit(line(), y, world=X, **keywords)
    absolute = "uncertainty" in keywords
    for i in range(6):
        values, covariance = curve_fit(
            gauss, X, y[:, i], (4, 5, 1.5), sigma=sigma, absolute_sigma=absolute, xtol=1e-14, ftol=1e-14
        )
        np.testing.assert_allclose([result[n][i] for n in result.names], values, rtol=1e-6)
        np.testing.assert_allclose(result.covariance[i], covariance, rtol=1e-4, atol=1e-6 * covariance.max())
        np.testing.assert_allclose([result.error[n][i] for n in result.names], np.sqrt(np.diag(covariance)), rtol=1e-4)
    assert np.all(result.dof == 47)
    assert np.all(result.status == Status.CONVERGED)


def test_statistic_is_chi2():
    y = spectra(3)
    result = manyfit.fit(line(), y, world=X, uncertainty=SIGMA)
    np.testing.assert_allclose(np.sum((result.residual() / SIGMA) ** 2, axis=0), result.statistic, rtol=1e-12)


def test_statistic_is_cash():
    y = np.random.default_rng(0).poisson(20 * gauss(X, 4, 5, 1.2)[:, None] + 3, (50, 4)).astype(float)
    result = manyfit.fit(m.Gaussian1D(70, 5, 1.5) + m.Const1D(4), y, world=X, statistic="cash")
    f = result.evaluate()
    expected = 2 * np.sum(f - np.where(y > 0, y * np.log(f), 0), axis=0)
    np.testing.assert_allclose(result.statistic, expected, rtol=1e-12)
    # The gradient by the level is zero at the minimum: the sum of counts is kept.
    np.testing.assert_allclose(np.sum(1 - y / f, axis=0), 0, atol=1e-5)


# -- shapes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(), (1,), (7,), (2, 3), (2, 1, 3), (2, 2, 2, 2)])
def test_any_number_of_iterating_axes(shape):
    y = spectra(*shape)
    result = manyfit.fit(line(), y, world=X)
    flat = manyfit.fit(line(), y.reshape(50, -1), world=X)
    assert result.shape == shape
    assert result["mean"].shape == shape
    assert result.covariance.shape == (*shape, 3, 3)
    np.testing.assert_array_equal(np.ravel(result["mean"]), flat["mean"])
    assert result.evaluate().shape == y.shape
    assert result.residual().shape == y.shape


def test_two_fitting_axes_around_an_iterating_one():
    i, j = np.mgrid[0:12, 0:10].astype(float)
    model = m.Gaussian2D(5, 5.5, 4.2, 2.5, 1.2, 0.3)
    y = np.stack([model(i, j) * k for k in (1.0, 2.0, 3.0)], axis=1)
    result = manyfit.fit(m.Gaussian2D(4, 5, 4, 2.3, 1.4, 0.2), y, fitting_axes=(0, 2))
    np.testing.assert_allclose(result["amplitude"], [5, 10, 15], rtol=1e-7)
    np.testing.assert_allclose(result["theta"], 0.3, rtol=1e-7)
    assert result.n_points.tolist() == [120] * 3


def test_coordinates_of_each_element():
    shifts = np.array([0.0, 3.0, -20.0])
    y = gauss(X[:, None], 4, 5, 1.2) * np.ones(3)
    start = m.Gaussian1D(3, 5 + shifts, 1.5)
    result = manyfit.fit(start, y, world=(X[:, None] + shifts,))
    np.testing.assert_allclose(result["mean"], 5 + shifts, rtol=1e-8)


# -- constraints -------------------------------------------------------------------------------------------


def test_fixed_parameter():
    model = line()
    model.stddev.fixed = True
    result = manyfit.fit(model, spectra(3), world=X)
    assert result["stddev"].tolist() == [1.5] * 3
    assert result.error["stddev"].tolist() == [0.0] * 3
    assert np.all(result.dof == 48)
    assert result.covariance.shape == (3, 2, 2)


def test_fixed_parameter_of_each_element():
    start = m.Gaussian1D(4, np.array([4.0, 5.0, 6.0]), 1.5, fixed={"mean": True})
    result = manyfit.fit(start, spectra(3), world=X)
    assert result["mean"].tolist() == [4.0, 5.0, 6.0]


def test_all_parameters_fixed():
    model = m.Gaussian1D(4, 5, 1.2, fixed=dict.fromkeys(("amplitude", "mean", "stddev"), True))
    y = spectra(2)
    result = manyfit.fit(model, y, world=X)
    np.testing.assert_allclose(result.statistic, np.sum((y - gauss(X, 4, 5, 1.2)[:, None]) ** 2, axis=0))


def test_tied_parameters():
    model = m.Gaussian1D(4, 3, 1.0) + m.Gaussian1D(2, 7, 1.0)
    model.mean_1.tied = lambda model: model.mean_0 + 4
    model.amplitude_1.tied = lambda model: model.amplitude_0 / 2
    y = gauss(X, 5, 3.2, 0.9) + gauss(X, 2.5, 7.2, 1.1)
    result = manyfit.fit(model, y[:, None] + np.random.default_rng(0).normal(0, 0.01, (50, 4)), world=X)
    np.testing.assert_array_equal(result["mean_1"], result["mean_0"] + 4)
    np.testing.assert_allclose(result.error["mean_1"], result.error["mean_0"])
    np.testing.assert_allclose(result.error["amplitude_1"], result.error["amplitude_0"] / 2)
    np.testing.assert_allclose(result["mean_0"], 3.2, atol=0.02)
    assert np.all(result.dof == 46)


def test_bound_that_holds():
    result = manyfit.fit(m.Gaussian1D(3.5, 5, 1.5), spectra(3), world=X, bounds={"amplitude": (None, 3.5)})
    assert result["amplitude"].tolist() == [3.5] * 3
    assert result.status.tolist() == [Status.AT_BOUND] * 3
    assert np.isnan(result.error["amplitude"]).all()
    assert np.isfinite(result.error["mean"]).all()
    assert result.good.all()


def test_bounds_of_each_element():
    y = gauss(X, 4, 5, 1.2)[:, None] * np.ones(3)
    upper = np.array([9.0, 4.5, np.nan])  # NaN: no bound
    result = manyfit.fit(m.Gaussian1D(3, 4.2, 1), y, world=X, bounds={"mean": (None, upper)})
    np.testing.assert_allclose(result["mean"], [5, 4.5, 5])
    assert result.status.tolist() == [Status.CONVERGED, Status.AT_BOUND, Status.CONVERGED]


def test_bounds_of_the_call_take_the_place_of_the_models():
    model = line()
    model.amplitude.bounds = (0, 1)
    model.amplitude = 1.0
    y = spectra(2)
    assert manyfit.fit(model, y, world=X)["amplitude"].tolist() == [1.0, 1.0]
    assert manyfit.fit(model, y, world=X, bounds={"amplitude": (0, 10)})["amplitude"].min() > 3
    assert model.amplitude.bounds == (0, 1)


# -- units -------------------------------------------------------------------------------------------------


def test_units_of_everything():
    y = spectra(2, 2)
    plain = manyfit.fit(line(), y, world=X, uncertainty=SIGMA)
    model = m.Gaussian1D(4e3 * u.mK, 5e3 * u.m / u.s, 1.5 * u.km / u.s)
    velocity = X * u.km / u.s
    limits = {"mean": (0 * u.km / u.s, 1e6 * u.cm / u.s)}
    result = manyfit.fit(model, y * u.K, world=velocity, uncertainty=SIGMA * 1000 * u.mK, bounds=limits)
    np.testing.assert_allclose(result["mean"].to_value("km/s"), plain["mean"], rtol=1e-7)
    np.testing.assert_allclose(result["amplitude"].to_value("K"), plain["amplitude"], rtol=1e-7)
    np.testing.assert_allclose(result.error["stddev"].to_value("km/s"), plain.error["stddev"], rtol=1e-5)
    np.testing.assert_allclose(result.statistic, plain.statistic, rtol=1e-9)
    assert result.evaluate().unit == u.K
    fitted = result.model
    assert fitted.mean.unit.is_equivalent(u.km / u.s)
    assert fitted.mean.shape == (2, 2)


def test_equivalencies():
    rest = 110.201 * u.GHz
    frequency = (X * u.km / u.s).to(u.GHz, u.doppler_radio(rest))
    model = m.Gaussian1D(4, 5 * u.km / u.s, 1.5 * u.km / u.s)
    y = spectra(2)
    result = manyfit.fit(model, y, world=frequency, equivalencies=u.doppler_radio(rest))
    np.testing.assert_allclose(result["mean"].to_value("km/s"), manyfit.fit(line(), y, world=X)["mean"], rtol=1e-6)


# -- options -----------------------------------------------------------------------------------------------


def test_progress_is_reported():
    seen = []
    manyfit.fit(line(), spectra(9), world=X, memory=1, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (9, 9)
    assert [total for _, total in seen] == [9] * len(seen)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_limit_on_iterations():
    result = manyfit.fit(line(), spectra(3), world=X, max_iterations=2)
    assert result.status.tolist() == [Status.MAX_ITERATIONS] * 3
    assert result.n_iter.tolist() == [2] * 3
    assert not result.good.any()
    assert np.isfinite(result["mean"]).all()


def test_default_coordinates_are_pixels():
    y = gauss(np.arange(50.0), 4, 22, 5)[:, None]
    assert manyfit.fit(m.Gaussian1D(3, 20, 4), y)["mean"][0] == pytest.approx(22)


def test_degenerate_model_says_so():
    model = m.Const1D(1.0) + m.Const1D(2.0)
    result = manyfit.fit(model, spectra(2), world=X)
    assert result.status.tolist() == [Status.SINGULAR] * 2
    assert not result.good.any()
    assert np.isnan(result.error["amplitude_0"]).all()
    np.testing.assert_allclose(result["amplitude_0"] + result["amplitude_1"], spectra(2).mean(0), rtol=1e-7)


# -- the fallback ------------------------------------------------------------------------------------------


class Looping(Fittable1DModel):
    """A Gaussian that cannot be traced."""

    amplitude, mean, stddev = Parameter(default=4.0), Parameter(default=5.0), Parameter(default=1.5)

    @staticmethod
    def evaluate(x, *parameters):
        numbers = [float(np.ravel(p)[0]) for p in parameters]
        return np.reshape([gauss(float(v), *numbers) for v in np.ravel(x)], np.shape(x))


@pytest.mark.parametrize("more", [{}, {"uncertainty": SIGMA}, {"bounds": {"amplitude": (0, 4.2)}}], ids=str)
def test_fallback_gives_the_same_answer(more):
    y = spectra(4)
    y[3, 2], y[:, 3] = np.nan, np.nan
    y[:, 0] = gauss(X, 4.0, 5.1, 1.2)
    start = Looping(4.0, 5.0, 1.5)
    with pytest.warns(FallbackWarning, match="Looping"):
        slow = manyfit.fit(start, y, world=X, scheduler="serial", **more)
    quick = manyfit.fit(line(), y, world=X, **more)
    for name in quick.names:
        np.testing.assert_allclose(slow[name], quick[name], rtol=1e-4)
        np.testing.assert_allclose(slow.error[name][1:], quick.error[name][1:], rtol=2e-3)
    np.testing.assert_allclose(slow.statistic[1:], quick.statistic[1:], rtol=1e-6)
    np.testing.assert_array_equal(slow.n_points, quick.n_points)
    assert slow.status[3] == Status.NO_VALID_POINTS


def test_lazy_needs_a_kernel():
    with pytest.warns(FallbackWarning), pytest.raises(InputError, match="compute=False"):
        manyfit.fit(Looping(), spectra(2), world=X, compute=False)
