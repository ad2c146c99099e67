"""Cross-validation: labels of stars by models that did not know them, and errors that are as large as they should."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from manyfit import cannon
from manyfit.cannon import TrainingSet, simulate_stars, train, validate
from manyfit.cannon._validate import scale_and_floor, without_outliers
from manyfit.errors import InputError

PLAIN = partial(train, hidden=0)


@pytest.fixture(scope="module")
def stars():
    return simulate_stars(300, 400)


@pytest.fixture(scope="module")
def validation(stars):
    return validate(stars, PLAIN)


def test_each_star_is_labelled_without_itself(stars, validation):
    for number in (0, 3):
        inside = validation.fold == number
        model = PLAIN(stars.select(~inside))
        table = model.infer(stars.flux[inside], stars.ivar[inside])
        np.testing.assert_array_equal(validation.table.labels[inside], table.labels)
    assert np.bincount(validation.fold).tolist() == [60] * 5


@pytest.mark.parametrize(("a", "b"), [(1.0, 0.0), (3.0, 0.0), (1.5, 4.0), (1.0, 10.0)])
def test_scale_and_floor_are_found(a, b):
    rng = np.random.default_rng(3)
    formal, known = rng.uniform(0.5, 5, 40_000), rng.uniform(0, 1, 40_000)
    residual = rng.normal(size=40_000) * np.sqrt((a * formal) ** 2 + b**2 + known**2)
    for unit in (1e-6, 1.0, 1e6):
        scale, floor = scale_and_floor(unit * residual, unit * formal, unit * known)
        assert scale == pytest.approx(a, rel=0.05)
        assert np.hypot(floor / unit, 1) == pytest.approx(np.hypot(b, 1), rel=0.05)


def test_outliers_do_not_count():
    rng = np.random.default_rng(4)
    formal = rng.uniform(1, 2, 1000)
    residual = 2 * formal * rng.normal(size=1000)
    residual[:5] = 300
    assert without_outliers(residual, formal, np.zeros(1000))[0] == pytest.approx(2, rel=0.06)


def test_exact_residuals_have_the_formal_error():
    scale, floor = scale_and_floor(np.zeros(50), np.ones(50), np.zeros(50))
    assert (scale, floor) == (1.0, 0.0)


def test_pulls_of_new_stars_have_a_width_of_one(validation):
    new, widths = simulate_stars(600, 400, seed=9), []
    for seed in (11, 12, 13, 14):  # a single training set of 300 stars has a few that decide on its widths
        known = simulate_stars(300, 400, seed=seed)
        table = PLAIN(known).calibrated(validate(known, PLAIN, n_folds=10)).infer(new.flux, new.ivar)
        pulls = (table.labels - new.labels) / np.sqrt(np.einsum("nii->ni", table.covariance))
        inside = np.abs(pulls) < 5
        assert np.all(inside.mean(axis=0) > 0.98)
        widths.append([np.std(pulls[inside[:, k], k]) for k in range(3)])
    np.testing.assert_allclose(np.mean(widths, axis=0), 1, atol=0.12)
    rows = validation.summary()
    assert np.all(np.abs(rows["pull_after"] - 1) < 0.05)
    assert np.all(rows["pull_before"] > rows["pull_after"])
    assert np.all(rows["pull_before"] > 1.1)


@pytest.mark.slow
def test_pulls_of_semireal_stars_have_a_width_of_one(semireal):
    training_set, (flux, ivar, labels) = semireal
    model = train(training_set)
    table = model.calibrated(model.validate(training_set)).infer(flux, ivar)
    for k, name in enumerate(model.label_names):
        pulls = (table[name] - labels[:, k]) / table.error(name)
        inside = np.abs(pulls) < 5
        assert inside.sum() >= len(pulls) - 2
        assert np.std(pulls[inside]) == pytest.approx(1, abs=0.1)


def test_label_errors_are_told_apart_from_those_of_the_model(stars):
    rng = np.random.default_rng(5)
    errors = np.broadcast_to([8.0, 0.03, 0.005], stars.labels.shape)
    noisy = replace(stars, labels=stars.labels + rng.normal(size=errors.shape) * errors, label_errors=errors)
    found = validate(noisy, PLAIN)
    np.testing.assert_allclose(found.summary()["pull_after"], 1, atol=0.05)
    with_errors, without = (v.error().mean(axis=0) for v in (found, validate(replace(noisy, label_errors=None), PLAIN)))
    assert np.all(with_errors < without)


def test_missing_labels_and_bad_spectra_do_not_count(stars):
    labels, ivar = stars.labels.copy(), stars.ivar.copy()
    labels[5, 1], ivar[7] = np.nan, 0
    found = validate(replace(stars, labels=labels, ivar=ivar), PLAIN)
    assert found.summary()["stars"].tolist() == [299, 298, 299]
    assert not found.used[5, 1]
    assert found.used[5, 0]
    assert not found.used[7].any()


def test_settings_of_the_model_are_used_again(stars):
    fit = partial(train, order=1, scatter="mean", labels=["FE_H", "TEFF"], hidden=0)
    again = fit(stars).validate(stars, seed=3)
    np.testing.assert_array_equal(again.table.labels, validate(stars, fit, seed=3).table.labels)
    assert again.label_names == ("FE_H", "TEFF")


def test_a_model_that_does_not_tell(stars):
    censored = train(stars, hidden=0, censors={"TEFF": np.arange(400) < 10})
    with pytest.raises(InputError, match=r"functools\.partial"):
        censored.validate(stars)
    with pytest.raises(InputError, match="validation is of"):
        train(stars, labels=["TEFF"], hidden=0).calibrated(validate(stars, PLAIN, n_folds=2))


@pytest.mark.parametrize("n_folds", [0, 1, 301])
def test_wrong_number_of_parts(stars, n_folds):
    with pytest.raises(InputError, match="n_folds"):
        validate(stars, PLAIN, n_folds=n_folds)


def test_label_of_too_few_stars(stars):
    labels = stars.labels.copy()
    labels[8:, 2] = np.nan
    known = TrainingSet(stars.wavelength, stars.flux, stars.ivar, labels, stars.label_names)
    model = PLAIN(stars)
    with pytest.raises(InputError, match="'FE_H'"):
        validate(known, lambda _: model)


def test_tables(stars, validation):
    table = validation.to_table()
    assert len(table) == 300
    np.testing.assert_array_equal(table["TEFF_TRUE"], stars.labels[:, 0])
    np.testing.assert_allclose(table["TEFF_PULL"], (table["TEFF"] - table["TEFF_TRUE"]) / table["TEFF_ERR"])
    assert cannon.Validation is type(validation)
