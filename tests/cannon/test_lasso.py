"""L1 coefficients against slow coordinate descent, the conditions of a minimum, and held-out stars."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manyfit.cannon import regularization_path, train
from manyfit.cannon._lasso_kernel import lasso
from manyfit.errors import InputError
from tests.cannon.stars import simulate


def descend(matrix, vector, penalty):
    """Coordinate descent, one number at a time, until nothing moves by 1e-13."""
    theta = np.zeros(len(vector))
    for _ in range(100_000):
        before = theta.copy()
        for t in range(len(theta)):
            right = vector[t] - matrix[t] @ theta + matrix[t, t] * theta[t]
            half = penalty / 2 if t else 0.0
            theta[t] = np.sign(right) * max(abs(right) - half, 0) / matrix[t, t]
        if np.abs(theta - before).max() < 1e-13:
            return theta
    raise AssertionError("no convergence")


def objective(matrix, vector, penalty, theta):
    return theta @ matrix @ theta - 2 * vector @ theta + penalty * np.abs(theta[1:]).sum()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 10), st.floats(-3, 4))
def test_minimum_is_that_of_coordinate_descent(seed, n_terms, power):
    rng = np.random.default_rng(seed)
    design = rng.normal(size=(40, n_terms)) + rng.normal(size=(40, 1))
    matrix, vector, penalty = design.T @ design, design.T @ rng.normal(size=40), 10.0**power
    theta, used = np.zeros(n_terms), np.ones(n_terms, bool)
    lasso(matrix, vector, penalty, used, theta)
    slow = descend(matrix, vector, penalty)
    scale = abs(vector @ slow) + penalty * np.abs(slow).sum()
    assert objective(matrix, vector, penalty, theta) <= objective(matrix, vector, penalty, slow) + 1e-13 * scale
    np.testing.assert_allclose(theta, slow, atol=1e-9)


def test_semireal_pixels_are_exact_and_sparse(semireal):
    """At a penalty of 1000: no objective above that of slow coordinate descent; a quarter of the terms zero."""
    stars = semireal[0]
    model = train(stars, regularization=1e3, reweight=False)
    design = model.vectorizer.design(model.scaling.to_scaled(stars.labels))
    for pixel in range(400, 8300, 331):
        ivar, flux = stars.ivar[:, pixel].astype(float), stars.flux[:, pixel].astype(float)
        if not model.usable[pixel]:
            continue
        matrix, vector = (design.T * ivar) @ design, (design.T * ivar) @ flux
        slow = descend(matrix, vector, 1e3)
        ours, theirs = (objective(matrix, vector, 1e3, t) + np.sum(ivar * flux**2) for t in (model.theta[pixel], slow))
        assert ours <= theirs * (1 + 1e-9)
        np.testing.assert_allclose(model.theta[pixel], slow, atol=1e-8)
    assert 0.25 < np.mean(model.theta[model.usable, 1:] == 0) < 0.5


def test_more_terms_than_stars_are_possible_with_a_penalty():
    stars = simulate(n_stars=8)
    model = train(stars, order=3, regularization=30.0)
    assert np.isfinite(model.theta).all()
    assert np.mean(model.theta == 0) > 0.1


def test_path_chooses_by_held_out_stars():
    """Few stars and many terms that are not there: the best penalty is not zero, and it predicts new stars better."""
    stars, new = simulate(n_stars=60, order=1, scatter=0.0), simulate(n_stars=400, order=1, scatter=0.0)
    path = regularization_path(stars, [0.0, 1.0, 3.0, 10.0, 30.0, 100.0, 1e4], order=3)
    assert path.best not in {0.0, 1e4}
    assert path.sparsest >= path.best
    assert np.all(np.diff(path.sparsity) >= 0)

    def misfit(penalty):
        model = train(stars, order=3, regularization=penalty)
        return np.mean((model.predict(new.labels) - new.flux) ** 2 * new.ivar)

    assert misfit(path.best) < misfit(0.0)


def test_path_agrees_with_training(simulated):
    path = regularization_path(simulated, [0.0, 100.0])
    np.testing.assert_allclose(path.theta[0], train(simulated).theta, rtol=1e-6, atol=1e-9)


def test_held_out_chi2_is_that_of_models_without_the_fold(simulated):
    """One pixel, by hand."""
    stars = simulated
    path = regularization_path(stars, [0.0], folds=3)
    model = train(stars)
    design = model.vectorizer.design(model.scaling.to_scaled(stars.labels))
    total = 0.0
    for k in range(3):
        out = np.arange(stars.n_stars) % 3 == k
        weight = stars.ivar / (1 + stars.ivar * model.s2)
        for p in range(stars.n_pixels):
            root = np.sqrt(weight[~out, p])
            theta = np.linalg.lstsq(design[~out] * root[:, None], stars.flux[~out, p] * root, rcond=None)[0]
            total += np.sum(weight[out, p] * (stars.flux[out, p] - design[out] @ theta) ** 2)
    assert path.total[0] == pytest.approx(total, rel=1e-9)


@pytest.mark.parametrize(
    ("options", "words"), [({"penalties": [-1.0]}, "penalties"), ({"penalties": [1.0], "folds": 1}, "folds is 1")]
)
def test_bad_options(simulated, options, words):
    with pytest.raises(InputError, match=words):
        regularization_path(simulated, **options)
