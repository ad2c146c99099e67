"""Estimates of the scatter against their definitions and against injected scatter."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq, minimize_scalar

from manyfit.cannon import train
from manyfit.cannon._scatter import estimator
from tests.cannon.stars import simulate


def estimates(name, ivar, squares, start=0.0):
    s2 = np.full(ivar.shape[1], start)
    estimator(name)(ivar, squares, s2, np.ones(len(s2), bool))
    return s2


@pytest.fixture(scope="module")
def sample():
    """Inverse variances and squares of residuals; scatter from none to far above the noise; some masked."""
    rng = np.random.default_rng(0)
    ivar = 1 / rng.uniform(0.5, 2.0, (101, 40)) ** 2
    ivar[rng.random(ivar.shape) < 0.05] = 0
    scatter = np.linspace(0, 5, 40)
    noise = np.where(np.arange(40) < 4, 0.7, 1.0) / np.sqrt(np.where(ivar > 0, ivar, 1))  # less than said in four
    return ivar, np.where(ivar > 0, (rng.normal(size=ivar.shape) * np.hypot(noise, scatter)) ** 2, 0)


@pytest.mark.parametrize("name", ["mean", "median"])
@pytest.mark.parametrize("n_stars", [100, 101])
def test_mean_or_median_of_chi2_is_one(sample, name, n_stars):
    ivar, squares = (a[:n_stars] for a in sample)
    s2 = estimates(name, ivar, squares)
    statistic = getattr(np, name)
    for p in range(40):

        def excess(v, p=p):
            return statistic(squares[:, p] * ivar[:, p] / (1 + ivar[:, p] * v)) - 1

        expected = brentq(excess, 0, 1e4, xtol=1e-13) if excess(0) > 0 else 0.0
        assert s2[p] == pytest.approx(expected, rel=1e-10, abs=1e-11)


@pytest.mark.parametrize("start", [0.0, 1e-6, 1.0, 1e3])
def test_likeliest_from_any_start(sample, start):
    ivar, squares = sample
    s2 = estimates("ml", ivar, squares, start)
    for p in range(40):
        used = ivar[:, p] > 0
        variance, r2 = 1 / ivar[used, p], squares[used, p]

        def cost(v, variance=variance, r2=r2):
            return np.sum(np.log(variance + v) + r2 / (variance + v))

        best = minimize_scalar(cost, bounds=(0, 60), method="bounded", options={"xatol": 1e-10})
        assert cost(s2[p]) <= min(best.fun, cost(0.0)) + 1e-10
        assert s2[p] == pytest.approx(best.x, abs=1e-4)
    assert np.all(s2[1:4] == 0)


def test_inactive_pixels_are_left_alone(sample):
    s2 = np.full(40, 7.0)
    for name in ("ml", "mean", "median"):
        estimator(name)(*sample, s2, np.zeros(40, bool))
    assert np.all(s2 == 7)


def test_likelihood_finds_the_injected_scatter():
    """The median convention does not: it finds a fraction of it."""
    stars = simulate(n_stars=600, scatter=0.01)
    likely, median = (np.sqrt(np.mean(train(stars, scatter=s).s2)) for s in ("ml", "median"))
    assert likely == pytest.approx(0.01, rel=0.03)
    assert median < 0.006
