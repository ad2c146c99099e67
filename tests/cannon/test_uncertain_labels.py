"""Missing and uncertain training labels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from manyfit.cannon import Vectorizer, train
from manyfit.cannon._uncertain_labels import LabelGuess, combined, population
from manyfit.errors import ManyfitWarning
from tests.cannon.stars import simulate


@pytest.fixture(scope="module")
def scatter_of(semireal):
    """Standard deviation of labels of the held-out stars about their truth, for a training set."""
    stars, (flux, ivar, truth) = semireal

    def measured(**changes):
        return np.std(train(replace(stars, **changes), hidden=0).infer(flux, ivar).labels - truth, axis=0)

    return measured


@pytest.fixture(scope="module")
def complete(scatter_of):
    return scatter_of()


def spoiled(labels, seed):
    """A tenth of the labels with errors of a few tenths of their range, and these errors."""
    rng = np.random.default_rng(seed)
    errors = np.where(rng.random(labels.shape) < 0.1, [0.2, 0.3, 200.0], 0.0)
    return labels + errors * rng.normal(size=labels.shape), errors


def holed(labels, seed, part=0.1):
    """A tenth of the labels missing."""
    return np.where(np.random.default_rng(seed).random(labels.shape) < part, np.nan, labels)


def test_a_tenth_of_the_labels_missing(semireal, scatter_of, complete):
    assert np.all(scatter_of(labels=holed(semireal[0].labels, 0)) < 1.1 * complete)


def test_a_tenth_of_the_labels_with_large_errors(semireal, scatter_of, complete):
    labels, errors = spoiled(semireal[0].labels, 0)
    assert np.all(scatter_of(labels=labels, label_errors=errors) < 1.1 * complete)
    assert np.all(scatter_of(labels=labels) > 1.1 * complete)  # what it would be if the errors were not known


@pytest.mark.slow
def test_growth_on_average_over_many_draws(semireal, scatter_of, complete):
    """Which stars are spoiled matters by some percent of the scatter of 177 stars; the average does not."""
    labels, growth = semireal[0].labels, []
    for seed in range(6):
        changed, errors = spoiled(labels, seed)
        growth.append(scatter_of(labels=changed, label_errors=errors) / complete)
        growth.append(scatter_of(labels=holed(labels, seed)) / complete)
    assert np.all(np.mean(growth, axis=0) < 1.1)
    assert np.max(growth) < 1.2


@pytest.mark.slow
def test_growth_with_hidden_labels_in_the_model(semireal):
    """Labels by spectra are then right within their errors, and every draw stays below a tenth."""
    stars, (flux, ivar, truth) = semireal

    def scatter(labels):
        return np.std(train(replace(stars, labels=labels), hidden=2).infer(flux, ivar).labels - truth, axis=0)

    complete = scatter(stars.labels)
    for seed in (1, 2, 5):
        assert np.all(scatter(holed(stars.labels, seed)) < 1.1 * complete)


@pytest.mark.slow
def test_half_of_the_labels_missing_is_better_than_complete_stars_alone(semireal):
    stars, (flux, ivar, truth) = semireal
    labels = holed(stars.labels, 0, 0.5)
    alone = stars.select(np.isfinite(labels).all(axis=1))
    partly, whole = (np.std(train(s).infer(flux, ivar).labels - truth, axis=0)
                     for s in (replace(stars, labels=labels), alone))  # fmt: skip
    assert np.all(partly < whole)


def test_few_complete_stars_warn():
    stars = simulate(n_stars=400)
    labels = stars.labels.copy()
    labels[10:, 1][np.random.default_rng(0).random(390) < 0.5] = np.nan
    labels[10:, 0][np.isfinite(labels[10:, 1])] = np.nan
    with pytest.warns(ManyfitWarning, match="Only 10 stars"):
        model = train(replace(stars, labels=labels))
    assert np.isfinite(model.theta).all()


def test_small_errors_change_nothing(simulated, model):
    """They flatten slopes by less than a part in a thousand, so labels are taken as they are."""
    errors = np.tile([10.0, 0.03], (simulated.n_stars, 1))
    assert np.array_equal(train(replace(simulated, label_errors=errors)).theta, model.theta)
    assert np.array_equal(train(replace(simulated, label_errors=np.full(errors.shape, np.nan))).theta, model.theta)


def test_infinite_label_is_a_missing_one(simulated):
    labels = simulated.labels.copy()
    labels[::9, 1] = np.nan
    infinite = np.where(np.isnan(labels), np.inf, labels)
    wide = np.where(np.isnan(labels), np.inf, 0.0)
    one, two, three = (train(replace(simulated, **c)).theta for c in (
        {"labels": labels}, {"labels": infinite}, {"labels": simulated.labels, "label_errors": wide}))  # fmt: skip
    assert np.array_equal(one, two)
    # The scale of labels is the same to some percent only, as that of the hidden ones counts in the third.
    assert np.isfinite(three).all()


def test_population_is_found_behind_errors_and_gaps():
    rng = np.random.default_rng(0)
    covariance = np.array([[1.0, 0.8], [0.8, 2.0]])
    truth = rng.multivariate_normal([3.0, -1.0], covariance, 20_000)
    sigma = rng.uniform(0.1, 1.0, truth.shape)
    precision = np.where(rng.random(truth.shape) < 0.2, 0.0, sigma**-2.0)
    mean, found = population(np.where(precision > 0, truth + sigma * rng.normal(size=truth.shape), 0.0), precision)
    np.testing.assert_allclose(mean, [3, -1], atol=0.04)
    np.testing.assert_allclose(found, covariance, atol=0.06)


def test_combination_of_normal_distributions():
    mean, covariance = np.array([1.0, 2.0]), np.array([[2.0, 1.0], [1.0, 3.0]])
    values, precision = np.array([[0.5, 5.0], [0.5, 0.0], [7.0, 8.0]]), np.array([[2.0, 0.5], [2.0, 0.0], [1e18, 1e18]])
    guess = combined(values, precision, mean, covariance)
    for n in (0, 1):
        after = np.linalg.inv(np.linalg.inv(covariance) + np.diag(precision[n]))
        np.testing.assert_allclose(guess.covariance[n], after, rtol=1e-9)
        centre = after @ (np.linalg.solve(covariance, mean) + precision[n] * values[n])
        np.testing.assert_allclose(guess.mean[n], centre, rtol=1e-9)
    assert guess.mean[2].tolist() == [7, 8]
    assert not guess.covariance[2].any()


def test_expected_terms_are_those_of_many_draws():
    vectorizer = Vectorizer.polynomial(("A", "B"), 2)
    covariance = np.array([[0.04, 0.01], [0.01, 0.09]])
    guess = LabelGuess(np.array([[0.3, -0.2], [0.5, 0.5]]), np.stack([covariance, np.zeros((2, 2))]))
    design = guess.design(vectorizer)
    draws = vectorizer.design(np.random.default_rng(0).multivariate_normal([0.3, -0.2], covariance, 400_000))
    np.testing.assert_allclose(design.terms[0], draws.mean(axis=0), atol=2e-3)
    rows, columns = np.triu_indices(6)
    np.testing.assert_allclose(design.products[0], (draws[:, rows] * draws[:, columns]).mean(axis=0), atol=0.02)
    assert design.uncertain.tolist() == [0]
    assert design.terms[1].tolist() == vectorizer.design([0.5, 0.5]).tolist()
