"""Ten thousand simulated fits for each model: errors mean what they say, chi2 is distributed as chi2."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from astropy.modeling import Model
from astropy.modeling import models as m
from scipy import stats

import manyfit

N = 10_000


@dataclass(frozen=True)
class Case:
    """A model at the truth, its coordinates, and the ratio of its peak to the noise of a point."""

    model: Model
    x: tuple[np.ndarray, ...]
    ratio: float = 20.0


def line(low: float, high: float, n: int = 60) -> tuple[np.ndarray]:
    return (np.linspace(low, high, n),)


GRID = np.meshgrid(np.linspace(-4, 4, 12), np.linspace(-4, 4, 11), indexing="ij")

# The width of a Lorentzian or the index of a profile is far from linear in the data where signal is low:
# there the estimate itself is biased, by whatever fitter, so those models have a higher ratio.
CASES = {
    "Gaussian1D": Case(m.Gaussian1D(10, 5, 1.2), line(0, 10)),
    "Lorentz1D": Case(m.Lorentz1D(10, 5, 2.0), line(0, 10), 50.0),
    "Voigt1D": Case(m.Voigt1D(5, 10, 1.5, 2.0), line(0, 10, 120), 100.0),
    "Moffat1D": Case(m.Moffat1D(10, 5, 2.0, 2.2), line(0, 10, 120), 100.0),
    "Gaussian1D + Linear1D": Case(m.Gaussian1D(10, 5, 1.0) + m.Linear1D(0.2, 3), line(0, 10)),
    "two Gaussian1D": Case(m.Gaussian1D(10, 3, 0.8) + m.Gaussian1D(7, 7, 1.0), line(0, 10)),
    "PowerLaw1D": Case(m.PowerLaw1D(10, 2.0, 1.4, fixed={"x_0": True}), line(0.8, 5)),
    "Polynomial1D": Case(m.Polynomial1D(3, c0=9, c1=1, c2=0.5, c3=0.3), line(-1, 1)),
    "Sersic1D": Case(m.Sersic1D(10, 3.0, 1.5), line(0.3, 8, 120), 100.0),
    "Gaussian2D": Case(m.Gaussian2D(10, 0.2, -0.3, 1.6, 1.1, 0.5), (GRID[0], GRID[1]), 30.0),
}
KINDS = ["sigma given", "sigma from residuals", "counts"]


def scaled_to_counts(case: Case) -> Model:
    model = case.model.copy()
    factor = case.ratio**2 / np.max(case.model(*case.x))
    for name in model.param_names:
        if name.split("_")[0] in ("amplitude", "slope", "intercept", "c0", "c1", "c2", "c3"):
            setattr(model, name, getattr(model, name).value * factor)
    return model


def fitted(name: str, kind: str) -> tuple[manyfit.FitResult, Model]:
    case = CASES[name]
    model = scaled_to_counts(case) if kind == "counts" else case.model.copy()
    values = model(*case.x)
    rng = np.random.default_rng(sorted(CASES).index(name) + 100 * KINDS.index(kind))
    if kind == "counts":
        data, more = rng.poisson(values, (N, *values.shape)).astype(float), {"statistic": "cash"}
    else:
        sigma = np.abs(values).max() / case.ratio
        data = rng.normal(values, sigma, (N, *values.shape))
        more = {"uncertainty": sigma} if kind == "sigma given" else {}
    start = model.copy()
    start.parameters = model.parameters * np.where(np.arange(model.parameters.size) % 2, 1.02, 0.98)
    for parameter in model.param_names:
        if model.fixed[parameter]:
            setattr(start, parameter, getattr(model, parameter).value)
    axes = tuple(range(1, data.ndim))
    result = manyfit.fit(start, data, fitting_axes=axes, world=case.x, **more)
    return result, model


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", CASES)
def test_pulls(name, kind):
    result, truth = fitted(name, kind)
    assert result.good.mean() > 0.999
    for parameter in truth.param_names:
        if truth.fixed[parameter]:
            continue
        pull = (result[parameter] - getattr(truth, parameter).value)[result.good] / result.error[parameter][result.good]
        assert abs(np.mean(pull)) < 0.05, parameter
        assert abs(np.std(pull) - 1) < 0.05, parameter


@pytest.mark.parametrize("name", ["Gaussian1D", "two Gaussian1D", "Polynomial1D", "Gaussian2D"])
def test_chi2_follows_its_distribution(name):
    result, truth = fitted(name, "sigma given")
    dof = CASES[name].x[0].size - sum(not fixed for fixed in truth.fixed.values())
    assert np.all(result.dof == dof)
    assert stats.kstest(result.statistic, stats.chi2(dof).cdf).pvalue > 1e-3


def test_covariance_is_that_of_the_scatter():
    """Not only its diagonal: amplitude and width of a line go against each other."""
    result, _ = fitted("Gaussian1D", "sigma given")
    expected = np.cov(np.stack([result[n] for n in result.names]))
    found = np.median(result.covariance, axis=0)
    scale = np.sqrt(np.diag(expected))
    np.testing.assert_allclose(found / np.outer(scale, scale), expected / np.outer(scale, scale), atol=0.05)


def test_pull_of_a_tied_parameter():
    """Two lines of one width and a known distance: errors go through the ties."""
    model = m.Gaussian1D(10, 3, 0.9) + m.Gaussian1D(5, 7, 0.9)
    model.mean_1.tied = lambda model: model.mean_0 + 4.0
    model.stddev_1.tied = lambda model: model.stddev_0
    x = np.linspace(0, 10, 60)
    data = np.random.default_rng(8).normal(model(x), 0.5, (N, 60))
    result = manyfit.fit(model, data, fitting_axes=1, world=x, uncertainty=0.5)
    for name, truth in {"mean_1": 7.0, "stddev_1": 0.9, "amplitude_1": 5.0}.items():
        pull = (result[name] - truth) / result.error[name]
        assert abs(np.mean(pull)) < 0.05
        assert abs(np.std(pull) - 1) < 0.05


def test_pulls_with_bounds_that_do_not_matter():
    model = m.Gaussian1D(10, 5, 1.2, bounds={"amplitude": (0, 100), "stddev": (0.1, 9), "mean": (0, 10)})
    x = np.linspace(0, 10, 60)
    data = np.random.default_rng(8).normal(model(x), 0.5, (1000, 60))
    bounded = manyfit.fit(model, data, fitting_axes=1, world=x)
    free = manyfit.fit(m.Gaussian1D(10, 5, 1.2), data, fitting_axes=1, world=x)
    for name in model.param_names:
        np.testing.assert_allclose(bounded[name], free[name], rtol=1e-7)
        np.testing.assert_allclose(bounded.error[name], free.error[name], rtol=1e-6)
