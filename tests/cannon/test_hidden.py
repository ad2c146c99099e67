"""Hidden labels: found where there are some, not where there are none, and what labels and errors gain by them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from manyfit.cannon import CannonModel, Nuisance, TrainingSet, train
from manyfit.cannon._hidden import HiddenLabels, conditional, expected, ordered
from manyfit.cannon._train_tile import Trained
from manyfit.errors import InputError
from tests.cannon.stars import simulate

N_PIXELS = 150
RNG = np.random.default_rng(7)
LOADINGS = RNG.normal(0, 0.03, (N_PIXELS, 2))
SLOPES = RNG.normal(0, 0.05, (N_PIXELS, 2))


def stars_with(n_hidden, n_stars=600, seed=0, scatter=0.004):
    """Stars with two labels and some hidden ones, which correlate with the first label; also the hidden ones."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, (n_stars, 2))
    z = rng.normal(size=(n_stars, n_hidden))
    seen = z + 0.5 * x[:, :1]
    sigma = rng.uniform(0.005, 0.02, (n_stars, N_PIXELS))
    flux = (
        0.9 + x @ SLOPES.T + seen @ LOADINGS[:, :n_hidden].T + rng.normal(size=sigma.shape) * np.hypot(sigma, scatter)
    )
    stars = TrainingSet(np.linspace(15100.0, 15110.0, N_PIXELS), flux, 1 / sigma**2, x, ("A", "B"))
    return stars, z


@pytest.fixture(scope="module")
def one():
    return stars_with(1)


@pytest.fixture(scope="module")
def one_model(one):
    return train(one[0], order=1, hidden=1)


def test_the_number_is_found(one):
    assert train(one[0], order=1).n_hidden == 1
    assert train(stars_with(2)[0], order=1).n_hidden == 2
    assert train(stars_with(0)[0], order=1).n_hidden == 0


def test_without_hidden_labels_nothing_changes():
    """Also in a real model of all labels: the noise of pixels is independent there."""
    stars = simulate(n_stars=800)
    plain, default = train(stars, hidden=0), train(stars)
    assert default.hidden is None
    assert np.array_equal(plain.theta, default.theta)
    assert np.array_equal(plain.s2, default.s2)


def test_loadings_and_scatter_are_recovered(one, one_model):
    loadings = one_model.hidden[:, 0] * np.sign(one_model.hidden[:, 0] @ LOADINGS[:, 0])
    np.testing.assert_allclose(loadings, LOADINGS[:, 0], atol=0.005)
    assert np.sqrt(np.median(one_model.s2)) == pytest.approx(0.004, abs=0.0005)
    # Coefficients of the labels hold what correlates with them in these stars.
    stars, z = one
    by_chance = np.linalg.lstsq(np.c_[np.ones(600), stars.labels], z[:, 0], rcond=None)[0][1]
    slopes = one_model.theta[:, 1:] / one_model.scaling.scale
    np.testing.assert_allclose(slopes[:, 0], SLOPES[:, 0] + (0.5 + by_chance) * LOADINGS[:, 0], atol=0.005)


def test_hidden_labels_of_stars_are_recovered(one, one_model):
    stars, truth = stars_with(1, seed=5)
    table = one_model.infer(stars.flux, stars.ivar)
    found = table.nuisance["hidden_1"]
    assert abs(np.corrcoef(found, truth[:, 0])[0, 1]) > 0.99
    assert np.std(found) == pytest.approx(1.0, abs=0.1)
    assert table.nuisance_error["hidden_1"].max() < 0.2
    assert table.dof.tolist() == [N_PIXELS - 3] * len(table)
    assert {"hidden_1", "hidden_1_err"} <= set(table.to_table().colnames)


def test_labels_gain_and_errors_are_honest(one, one_model):
    """Beside a model without: smaller scatter, and pulls of width one in place of several."""
    stars, _ = stars_with(1, n_stars=1500, seed=5)
    plain = train(one[0], order=1, hidden=0).infer(stars.flux, stars.ivar)
    table = one_model.infer(stars.flux, stars.ivar)
    scatter, before = (np.std(t.labels - stars.labels, axis=0) for t in (table, plain))
    assert np.all(scatter < 0.7 * before)
    pulls, wide = ((t.labels - stars.labels) / np.sqrt(np.einsum("nii->ni", t.covariance)) for t in (table, plain))
    np.testing.assert_allclose(pulls.std(axis=0), 1, atol=0.12)
    assert np.all(wide.std(axis=0) > 1.2)
    assert table.reduced_chi2.mean() == pytest.approx(1.0, abs=0.03)


def test_labels_are_those_of_the_marginal_likelihood(one, one_model):
    """With the covariance of the pixels that hidden labels make, written out in full."""
    stars, m = one[0], one_model
    table = m.infer(stars.flux[:4], stars.ivar[:4])
    for n in range(4):
        total = np.diag(1 / stars.ivar[n] + m.s2) + m.hidden @ m.hidden.T
        weighted = np.linalg.solve(total, m.theta[:, 1:]).T
        covariance = np.linalg.inv(weighted @ m.theta[:, 1:])
        x = covariance @ weighted @ (stars.flux[n] - m.theta[:, 0])
        np.testing.assert_allclose(m.scaling.to_scaled(table.labels[n]), x, atol=1e-9)
        scale = np.outer(m.scaling.scale, m.scaling.scale)
        np.testing.assert_allclose(table.covariance[n], covariance * scale, rtol=1e-9)


def test_expectations_are_those_of_a_regression(one, one_model):
    """With the prior as one more observation of each hidden label, star by star."""
    stars, m = one[0], one_model
    terms = m.vectorizer.design(m.scaling.to_scaled(stars.labels))
    mask = np.random.default_rng(0).random(stars.flux.shape) < 0.1
    found = expected(replace(stars, mask=mask), terms, Trained(m.coefficients.T.copy(), m.s2))
    for n in (0, 599):
        weight = np.where(mask[n], 0, stars.ivar[n] / (1 + stars.ivar[n] * m.s2))
        precision = 1 + np.sum(weight * m.hidden[:, 0] ** 2)
        mean = np.sum(weight * m.hidden[:, 0] * (stars.flux[n] - m.theta @ terms[n])) / precision
        np.testing.assert_allclose(found.mean[n], mean, rtol=1e-9)
        np.testing.assert_allclose(found.covariance[n], 1 / precision, rtol=1e-9)


def test_likelihood_is_larger_than_of_perturbed_models(one, one_model):
    """Nearly the top of the marginal likelihood: small changes of loadings and scatter only lower it."""
    stars, m = one[0].select(slice(0, 600)), one_model
    residual = stars.flux - m.vectorizer.design(m.scaling.to_scaled(stars.labels)) @ m.theta.T
    variance = 1 / stars.ivar

    def likelihood(loading, s2):
        diagonal = variance + s2
        weighted = loading / diagonal
        precision = 1 + weighted @ loading
        fit = np.einsum("np,np->n", weighted, residual) ** 2 / precision
        return -0.5 * np.sum(np.log(diagonal)) - 0.5 * np.sum(
            np.log(precision) + np.sum(residual**2 / diagonal, axis=1) - fit
        )

    top = likelihood(m.hidden[:, 0], m.s2)
    for factor in (0.9, 1.1):
        assert likelihood(factor * m.hidden[:, 0], m.s2) < top - 1
        assert likelihood(m.hidden[:, 0], factor * m.s2) < top - 1
    tilted = m.hidden[:, 0] + 0.002 * np.random.default_rng(1).normal(size=N_PIXELS)
    assert likelihood(tilted, m.s2) < top - 1


def test_standard_form_has_unit_covariance_and_no_part_of_the_terms():
    rng = np.random.default_rng(0)
    terms = np.c_[np.ones(300), rng.normal(size=(300, 2))]
    spread = rng.normal(size=(300, 2)) @ [[3.0, 1.0], [0.0, 0.2]] + terms @ rng.normal(size=(3, 2))
    hidden = HiddenLabels(spread, np.tile(0.01 * np.eye(2), (300, 1, 1))).standardised(terms)
    np.testing.assert_allclose(terms.T @ hidden.mean, 0, atol=1e-9)
    np.testing.assert_allclose(hidden.mean.T @ hidden.mean / 300 + hidden.covariance.mean(axis=0), np.eye(2), atol=1e-9)


def test_a_turn_of_loadings_keeps_their_covariance():
    loadings = ordered(LOADINGS @ [[0.8, 0.6], [-0.6, 0.8]] * [1.0, 1.0], np.full(N_PIXELS, 1e-5))
    np.testing.assert_allclose(loadings @ loadings.T, LOADINGS @ LOADINGS.T, atol=1e-15)
    assert np.sum(loadings[:, 0] ** 2) > np.sum(loadings[:, 1] ** 2)


def test_stars_without_spectra_have_the_prior():
    hidden = conditional(np.zeros((1, 3, 3)), np.zeros((1, 3)), np.zeros((1, 2)))
    assert hidden.mean.tolist() == [[0]]
    assert hidden.covariance.tolist() == [[[1]]]


def test_threads_change_nothing(one, one_model):
    serial = train(one[0], order=1, hidden=1, scheduler="serial")
    assert np.array_equal(serial.hidden, one_model.hidden)
    assert np.array_equal(serial.theta, one_model.theta)


def test_stars_with_missing_labels(one):
    stars, _ = one
    labels = np.where(np.random.default_rng(0).random(stars.labels.shape) < 0.1, np.nan, stars.labels)
    model = train(replace(stars, labels=labels), order=1, hidden=1)
    loadings = model.hidden[:, 0] * np.sign(model.hidden[:, 0] @ LOADINGS[:, 0])
    np.testing.assert_allclose(loadings, LOADINGS[:, 0], atol=0.006)


def test_beside_a_continuum(one, one_model):
    stars, truth = stars_with(1, n_stars=100, seed=5)
    level = 1.02
    table = one_model.infer(stars.flux * level, stars.ivar / level**2, nuisance=Nuisance(continuum=0))
    np.testing.assert_allclose(np.mean(table.nuisance["continuum_0"]), 0.02, atol=0.004)
    assert abs(np.corrcoef(table.nuisance["hidden_1"], truth[:, 0])[0, 1]) > 0.97


def test_saved_with_the_model(one_model, tmp_path):
    for name in ("model.npz", "model.fits"):
        one_model.save(tmp_path / name)
        assert np.array_equal(CannonModel.load(tmp_path / name).hidden, one_model.hidden)


def test_published_conventions_have_none(one):
    assert train(one[0], order=1, scatter="median").hidden is None
    assert train(one[0], order=1, regularization=1e3).hidden is None
    assert train(one[0], order=1, reweight=False).hidden is None


@pytest.mark.parametrize("hidden", [-1, "many", 1.5])
def test_numbers_that_cannot_be(one, hidden):
    with pytest.raises(InputError, match="hidden is"):
        train(one[0], hidden=hidden)


def test_labels_of_semireal_stars_are_better(semireal):
    """One hidden label, found without knowing it ([alpha/Fe]), halves the scatter in temperature."""
    stars, (flux, ivar, truth) = semireal
    plain, with_hidden = (train(stars, hidden=n).infer(flux, ivar) for n in (0, 1))
    before, after = (np.std(t.labels - truth, axis=0) for t in (plain, with_hidden))
    assert np.all(after < [0.7, 0.8, 0.6] * before)
    pulls = (with_hidden.labels - truth) / np.sqrt(np.einsum("nii->ni", with_hidden.covariance))
    assert np.all(pulls.std(axis=0) < 2.2)
    assert np.median(with_hidden.reduced_chi2) == pytest.approx(1.05, abs=0.03)


@pytest.mark.slow
def test_default_is_better_than_any_published_convention(semireal):
    """In each label, on held-out stars."""
    stars, (flux, ivar, truth) = semireal
    default, *published = (
        np.std(train(stars, **options).infer(flux, ivar).labels - truth, axis=0)
        for options in ({}, {"scatter": "median"}, {"scatter": "mean"})
    )
    for theirs in published:
        assert np.all(default < 0.9 * theirs)
