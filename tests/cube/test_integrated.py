"""Integrals of lines against quadrature, and their errors against simulation."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pytest
from astropy.modeling.models import Box1D, Const1D, Gaussian1D, Linear1D, Lorentz1D, Moffat1D, Sersic1D, Voigt1D
from scipy.integrate import quad

from manyfit import FitResult, cube, fit
from manyfit.cube._integrated import AREAS, integrated
from manyfit.errors import InputError

X = np.linspace(-30, 30, 121)
MODELS = {
    "Gaussian1D": Gaussian1D(2, 1, 3),
    "Lorentz1D": Lorentz1D(2, 1, 3),
    "Voigt1D": Voigt1D(1, 2, 1.5, 2.5),
    "Moffat1D": Moffat1D(2, 1, 3, 2.2),
    "Box1D": Box1D(2, 1, 3),
}


def area_with(name, model, parameter, value):
    """Integral of a model with another value of one parameter."""
    return AREAS[name](lambda p: value if p == parameter else getattr(model, p).value)[0]


@pytest.mark.parametrize("name", AREAS)
def test_against_quadrature(name):
    model = MODELS[name]
    value, slopes = AREAS[name](lambda p: getattr(model, p).value)
    limit = 5 if name == "Box1D" else np.inf
    expected = quad(model, -limit, 1, limit=500)[0] + quad(model, 1, limit, limit=500)[0]
    assert value == pytest.approx(expected, rel=3e-4 if name == "Voigt1D" else 1e-6)  # astropy's is Humlicek's
    for parameter, slope in slopes.items():
        x = getattr(model, parameter).value
        step = 1e-5 * x
        both = [area_with(name, model, parameter, x + d) for d in (step, -step)]
        assert slope == pytest.approx((both[0] - both[1]) / (2 * step), rel=1e-6)


def test_error_is_the_scatter_of_simulated_fits():
    rng = np.random.default_rng(1)
    truth = 2 * np.exp(-0.5 * ((X - 1) / 3) ** 2)
    data = (truth + 0.01 * X + 0.5)[:, None, None] + rng.normal(0, 0.1, (X.size, 40, 50))
    found = cube.fit_lines(
        cube.read(data * u.K, spectral_axis=X * u.km / u.s), baseline=1, noise=0.1 * u.K, coherence=False
    )
    area, error = found.integrated(), found.integrated_error()
    assert area.unit == u.K * u.km / u.s
    pulls = (area.value - 2 * 3 * np.sqrt(2 * np.pi)) / error.value
    assert abs(pulls.mean()) < 0.08
    assert pulls.std() == pytest.approx(1, abs=0.05)


def test_sum_with_ties_fixed_and_minus():
    model = Gaussian1D(2, 1, 3) + Gaussian1D(1, 8, 3) + Linear1D(0.01, 0.2) - Gaussian1D(0.5, -9, 2) + Const1D(0)
    model.amplitude_4.fixed = True
    model.stddev_1.tied = lambda m: m.stddev_0
    model.amplitude_1.tied = lambda m: m.amplitude_0 / 3.0
    model.stddev_3.fixed = True
    data = model(X)[:, None] + np.random.default_rng(2).normal(0, 0.05, (X.size, 6))
    found = fit(model, data, world=X, uncertainty=0.05)
    value, error = integrated(found)
    root = np.sqrt(2 * np.pi)
    area = root * found["amplitude_0"] * found["stddev_0"] * (4 / 3) - root * found["amplitude_3"] * 2
    np.testing.assert_allclose(value, area, rtol=1e-12)
    free = list(found.parameters.columns.free)
    gradient = np.zeros((6, len(free)))
    gradient[:, free.index("amplitude_0")] = root * found["stddev_0"] * 4 / 3
    gradient[:, free.index("stddev_0")] = root * found["amplitude_0"] * 4 / 3
    gradient[:, free.index("amplitude_3")] = -root * 2
    expected = np.sqrt(np.einsum("ei,eij,ej->e", gradient, found.covariance, gradient))
    np.testing.assert_allclose(error, expected, rtol=1e-10)


def test_nothing_where_there_is_no_fit():
    data = np.full((X.size, 2, 2), np.nan)
    data[:, 0] = 2 * np.exp(-0.5 * ((X - 1) / 3) ** 2)[:, None]
    found = cube.fit_lines(cube.read(data * u.K, spectral_axis=X * u.km / u.s), noise=0.1 * u.K)
    assert np.isfinite(found.integrated()[0]).all()
    assert np.isnan(found.integrated()[1]).all()
    assert np.isnan(found.integrated_error()[1]).all()


def test_any_other_line_is_summed_over_the_channels():
    """A Gaussian that is hidden in a product has the integral and the error of a Gaussian."""
    rng = np.random.default_rng(3)
    data = (2 * np.exp(-0.5 * ((X - 1) / 3) ** 2) + 0.3)[:, None, None] + rng.normal(0, 0.1, (X.size, 3, 4))
    co = cube.read(data[::-1] * u.K, spectral_axis=X[::-1] * u.km / u.s)
    hidden = Const1D(0.3) + Gaussian1D(2, 1, 3) * Const1D(1)
    hidden.amplitude_2.fixed = True
    plain = cube.fit_lines(co, model=Gaussian1D(2, 1, 3) + Const1D(0.3), noise=0.1)
    other = cube.fit_lines(co, model=hidden, noise=0.1)
    assert other.integrated().unit == u.K * u.km / u.s
    np.testing.assert_allclose(other.integrated().value, plain.integrated().value, rtol=1e-6)
    np.testing.assert_allclose(other.integrated_error().value, plain.integrated_error().value, rtol=1e-4)


def test_a_sum_over_channels_needs_the_data(tmp_path):
    found = fit(Sersic1D(1, 5, 1), np.ones((X.size, 2)) + np.abs(X)[:, None], world=np.abs(X) + 1, max_iterations=2)
    found.to_fits(tmp_path / "fit.fits")
    with pytest.raises(InputError, match="was read from a file"):
        integrated(FitResult.read(tmp_path / "fit.fits"))
