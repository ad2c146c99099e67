"""Training against the published program, against SciPy, and with bad input."""

from __future__ import annotations

from ast import literal_eval
from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize

from manyfit.cannon import TrainingSet, train
from manyfit.errors import InputError, ManyfitWarning
from tests.cannon.semireal import CHIPS, data
from tests.cannon.stars import simulate


@pytest.fixture(scope="module")
def median_model(semireal):
    return train(semireal[0], scatter="median")


def test_coefficients_are_those_of_the_reference(median_model, reference):
    assert np.abs(median_model.theta - reference[0]["theta"]).max() < 1e-7
    assert median_model.vectorizer.names == tuple(reference[0]["terms"])
    assert median_model.chips == CHIPS


def test_median_scatter_is_that_of_the_reference(median_model, reference):
    theirs = reference[0]["s2"]
    assert np.array_equal(np.isfinite(median_model.s2), np.isfinite(theirs))
    known = np.isfinite(theirs)
    np.testing.assert_allclose(median_model.s2[known], theirs[known], atol=1e-6)


def test_likeliest_model_against_scipy(simulated, model):
    """No step of SciPy's minimiser in coefficients and scatter together finds a larger likelihood."""
    design = model.vectorizer.design(model.scaling.to_scaled(simulated.labels))
    for pixel in (0, 57):
        flux, variance = simulated.flux[:, pixel], 1 / simulated.ivar[:, pixel]

        def cost(p, flux=flux, variance=variance):
            total = variance + np.exp(p[-1])
            return np.sum(np.log(total) + (flux - design @ p[:-1]) ** 2 / total)

        ours = np.append(model.theta[pixel], np.log(model.s2[pixel]))
        theirs = minimize(cost, ours + 1e-3, method="BFGS", options={"gtol": 1e-7}).x
        assert cost(ours) <= cost(theirs) + 1e-9
        np.testing.assert_allclose(ours, theirs, atol=2e-4)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_orders_recover_the_flux(order):
    stars = simulate(order=min(order, 2), scatter=0.0)
    model = train(stars, order=order)
    truth = simulate(order=min(order, 2), scatter=0.0, n_stars=300)
    residual = (model.predict(stars.labels) - truth.flux) * np.sqrt(stars.ivar)
    assert 0.9 < residual.std() < 1.02


def test_explicit_terms_of_a_real_model_are_those_of_the_reference():
    """Real stars and the coefficients of a published model with powers up to four, without a constant scale."""
    real = np.load(data("annieslasso_real_subset.npz"))
    names = ("TEFF", "LOGG", "PARAM_M_H")
    terms = ["*".join(f"{n}^{int(p)}" for n, p in literal_eval(t)) for t in real["terms"]]
    stars = TrainingSet(np.arange(100.0), real["flux"], 1 / real["flux_err"] ** 2, real["labels"], names)
    with pytest.warns(ManyfitWarning, match="'TEFF' and 'LOGG' have a correlation of 0.933"):
        model = train(stars, terms=terms, scatter="mean", reweight=True)
    reference = real["theta_ref"]
    assert model.theta.shape == reference.shape
    offset = stars.labels.astype(float) - real["fiducials_ref"]
    theirs = np.prod(offset[:, None, :] ** model.vectorizer.exponents, axis=-1) @ reference.T
    assert np.abs(model.predict(stars.labels) - theirs).max() < 0.2
    assert np.std(model.predict(stars.labels) - theirs) < 0.004


def test_training_does_not_depend_on_threads_or_number_format(simulated):
    one, two = (train(simulated, workers=n) for n in (1, 2))
    assert np.array_equal(one.theta, two.theta)
    assert np.array_equal(one.s2, two.s2)
    single = replace(simulated, flux=simulated.flux.astype("f4"), ivar=simulated.ivar.astype("f4"))
    double = replace(single, flux=single.flux.astype("f8"), ivar=single.ivar.astype("f8"))
    assert np.array_equal(train(single).theta, train(double).theta)


def test_a_pixel_does_not_depend_on_its_neighbours(simulated, model):
    part = replace(simulated, wavelength=simulated.wavelength[33:40], flux=simulated.flux[:, 33:40],
                   ivar=simulated.ivar[:, 33:40])  # fmt: skip
    assert np.array_equal(train(part).theta, model.theta[33:40])
    assert np.array_equal(train(part).s2, model.s2[33:40])


def test_unusable_pixels_are_left_out(simulated, model):
    """NaN, infinite, zero and negative inverse variance and the mask all mean the same."""
    flux, ivar = simulated.flux.copy(), simulated.ivar.copy()
    mask = np.zeros(flux.shape, bool)
    bad = np.random.default_rng(3).random(flux.shape) < 0.05
    masked = train(replace(simulated, mask=bad))
    flux[bad], ivar[bad] = np.nan, [np.nan, 0, -1, np.inf, 1e4][0]
    for k, value in enumerate([np.nan, 0.0, -1.0, np.inf]):
        rows = np.zeros_like(bad)
        rows[k::4] = bad[k::4]
        ivar[rows] = value
        flux[rows] = 1e9
    assert np.array_equal(train(replace(simulated, flux=flux, ivar=ivar, mask=mask)).theta, masked.theta)
    assert not np.array_equal(masked.theta, model.theta)


def test_pixels_without_stars_are_unknown(simulated):
    ivar = simulated.ivar.copy()
    ivar[:, 5] = 0
    ivar[4:, 6] = 0
    model = train(replace(simulated, ivar=ivar))
    assert np.flatnonzero(~model.usable).tolist() == [5, 6]
    assert model.theta[5].tolist() == [1, 0, 0, 0, 0, 0]
    assert np.isnan(model.predict([4500, 1])[0, [5, 6]]).all()


def test_inputs_are_not_changed(simulated):
    before = simulated.flux.copy(), simulated.ivar.copy(), simulated.labels.copy()
    train(simulated)
    assert all(map(np.array_equal, before, (simulated.flux, simulated.ivar, simulated.labels)))


def test_censored_pixels_do_not_use_a_label(simulated, model):
    """True is censored: the terms of the label are zero there, and only there."""
    censor = np.zeros(simulated.n_pixels, bool)
    censor[10:20] = True
    censored = train(simulated, censors={"LOGG": censor})
    with_logg = model.vectorizer.exponents[:, 1] > 0
    assert np.all(censored.theta[10:20][:, with_logg] == 0)
    assert np.all(censored.theta[:10][:, with_logg] != 0)
    assert np.array_equal(censored.theta[~censor], model.theta[~censor])
    only_teff = train(simulated.subset(["TEFF"]), hidden=0)
    np.testing.assert_allclose(censored.theta[10:20][:, ~with_logg], only_teff.theta[10:20], rtol=1e-9)


def test_subset_of_labels_in_any_order(simulated, model):
    other = train(simulated, labels=["LOGG", "TEFF"])
    assert other.label_names == ("LOGG", "TEFF")
    np.testing.assert_allclose(
        other.predict(simulated.labels[:5, ::-1]), model.predict(simulated.labels[:5]), rtol=1e-9
    )


def test_correlated_labels_warn(simulated):
    labels = simulated.labels.copy()
    labels[:, 1] = -labels[:, 0] + np.random.default_rng(0).normal(0, 30, len(labels))
    with pytest.warns(ManyfitWarning, match="'TEFF' and 'LOGG' have a correlation of -0.99"):
        train(replace(simulated, labels=labels), order=1)


def test_labels_that_depend_on_each_other_are_an_error(simulated):
    labels = simulated.labels.copy()
    labels[:, 1] = 2 * labels[:, 0]
    with pytest.warns(ManyfitWarning, match="correlation"), pytest.raises(InputError, match="No pixel could be"):
        train(replace(simulated, labels=labels))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"labels": ["TEF"]}, "Did you mean 'TEFF'"),
        ({"order": 0}, "order is 0"),
        ({"scatter": "men"}, "Did you mean 'mean'"),
        ({"regularization": -1.0}, "zero or more"),
        ({"regularization": np.ones(3)}, "one for each of 120"),
        ({"censors": {"LOG": np.zeros(120, bool)}}, "Did you mean 'LOGG'"),
        ({"censors": {"LOGG": np.zeros(12, bool)}}, "120 booleans"),
        ({"censors": {"LOGG": np.zeros(120)}}, "120 booleans"),
        ({"chips": [(0, 50)]}, "leave out trained pixels"),
    ],
)
def test_bad_options(simulated, options, words):
    with pytest.raises(InputError, match=words):
        train(simulated, **options)


def test_more_terms_than_stars(simulated):
    with pytest.raises(InputError, match="6 terms cannot be trained on 6 stars"):
        train(simulated.select(slice(0, 6)))


def test_nothing_to_train_on(simulated):
    with pytest.raises(InputError, match="No pixel could be trained"):
        train(replace(simulated, ivar=np.zeros_like(simulated.ivar)))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"flux": np.ones((3, 120))}, "ivar has the shape"),
        ({"wavelength": np.arange(119.0)}, "flux has the shape"),
        ({"wavelength": np.arange(120.0)[::-1]}, "must increase"),
        ({"label_names": ("TEFF", "TEFF")}, "twice"),
        ({"label_errors": np.ones((2, 2))}, "label_errors has the shape"),
    ],
)
def test_training_sets_that_cannot_be(simulated, change, words):
    with pytest.raises(InputError, match=words):
        replace(simulated, **change)
