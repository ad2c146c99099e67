"""Simulated spectra follow their model and their noise."""

from __future__ import annotations

import numpy as np
import pytest
from astropy import units as u
from astropy.modeling import custom_model, models

from manyfit.datasets import simulate_spectra
from manyfit.errors import InputError

X = np.linspace(-5, 5, 30)


@custom_model
def ramp(x, slope=2.0):
    return slope * x


MODELS = [
    models.Gaussian1D(3, 0.5, 1.2),
    models.Gaussian1D(3, 0.5, 1.2) + models.Const1D(0.5),
    models.Polynomial1D(2, c0=1, c1=-0.3, c2=0.1),
    models.Shift(1) | models.Moffat1D(2, 0, 1.5, 2.5),
    models.Chebyshev1D(3, domain=(-5, 5), c0=1, c3=0.2),
    models.Voigt1D(0.1, 2, 0.5, 0.8),
    ramp(),
]


@pytest.mark.parametrize("model", MODELS, ids=lambda m: type(m).__name__ + "-".join(m.param_names))
def test_each_row_is_the_model_at_its_truth(model):
    spread = dict.fromkeys(model.param_names, 0.05)
    before = model.parameters.copy()
    data, truth = simulate_spectra(model, 4, X, noise=0, spread=spread)
    assert np.array_equal(model.parameters, before)
    for i in range(4):
        one = model.copy()
        one.parameters = [truth[name][i] for name in model.param_names]
        np.testing.assert_allclose(data[i], one(X), rtol=1e-12)
    assert all(np.ptp(truth[name]) > 0 for name in model.param_names)


def test_units():
    model = models.Gaussian1D(3 * u.K, 4 * u.km / u.s, 500 * u.m / u.s)
    x = np.linspace(2000, 6000, 20) * u.m / u.s
    data, truth = simulate_spectra(model, 3, x, noise=10 * u.mK, spread={"mean": 0.2})
    assert data.unit == u.K
    assert truth["mean"].unit == u.km / u.s
    np.testing.assert_allclose(data[1], model(x - truth["mean"][1] + model.mean), atol=0.06 * u.K)


def test_several_inputs():
    y, x = np.mgrid[:6, :7]
    model = models.Gaussian2D(2, 3, 2.5, 1, 1.5, theta=0.3)
    data, truth = simulate_spectra(model, 5, (x, y), noise=0, spread={"x_mean": 0.5})
    model.x_mean = truth["x_mean"][4]
    np.testing.assert_allclose(data[4], model(x, y))


def test_gaussian_noise_with_a_deviation_per_point():
    noise = np.array([0.1, 1, 10])
    data, _ = simulate_spectra(models.Const1D(5), 20_000, np.zeros(3), noise=noise)
    np.testing.assert_allclose(data.mean(axis=0), 5, atol=4 * 10 / np.sqrt(20_000))
    np.testing.assert_allclose(data.std(axis=0), noise, rtol=0.03)


def test_poisson_counts():
    data, _ = simulate_spectra(models.Const1D(2.5), 20_000, np.zeros(3), noise="poisson")
    assert np.array_equal(data, np.round(data))
    np.testing.assert_allclose([data.mean(), data.var()], 2.5, rtol=0.03)


def test_truth_stays_in_bounds_and_follows_ties():
    model = models.Gaussian1D(1, 0, 1) + models.Gaussian1D(1, 0, 1)
    model.mean_0.bounds = (-0.1, 0.1)
    model.mean_1.tied = lambda m: m.mean_0 + 3
    data, truth = simulate_spectra(model, 200, X, noise=0, spread={"mean_0": 1.0})
    assert truth["mean_0"].min() == -0.1
    assert truth["mean_0"].max() == 0.1
    np.testing.assert_allclose(truth["mean_1"], truth["mean_0"] + 3)
    np.testing.assert_allclose(X[np.argmax(data[:, X > 2.5], axis=1) + (X <= 2.5).sum()], 3, atol=0.3)


def test_same_seed_same_data():
    first, again, other = (simulate_spectra(MODELS[0], 3, X, rng=seed)[0] for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(
    ("model", "n", "x", "options", "message"),
    [
        (MODELS[0], 2, X, {"spread": {"men": 1}}, "parameter 'men' is not known.*Did you mean 'mean'"),
        (MODELS[0], 2, X, {"noise": "Poisson"}, "noise 'Poisson' is not known.*Did you mean 'poisson'"),
        (models.Const1D(-1), 2, X, {"noise": "poisson"}, "falls to -1. It must not be negative"),
        (models.Gaussian2D(), 2, X, {}, "has 2 inputs .*x has 1"),
        (MODELS[0], 0, X, {}, "n is 0"),
    ],
)
def test_wrong_input(model, n, x, options, message):
    with pytest.raises(InputError, match=message):
        simulate_spectra(model, n, x, **options)
