"""Flags: what sets each of them, and that good stars have none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from manyfit.cannon import FlagLimits, LabelFlag, TrainingSet, train
from manyfit.cannon._flags import FLAG_SENTENCES
from tests.cannon.stars import simulate


def flags(model, flux, ivar, **options):
    return model.infer(flux, ivar, **options).flags


@pytest.fixture(scope="module")
def quiet():
    """Inverse variance of two stars."""
    return np.full((2, 120), 1e5)


def test_good_stars_have_no_flags(model, quiet):
    assert not flags(model, model.predict([[4500, 1.5], [4700, 2.0]]), quiet).any()


def test_extrapolation(model, quiet):
    table = model.infer(model.predict([[5400, 1.5], [4500, 9.0]]), quiet)
    assert np.all(table.flags & LabelFlag.OUTSIDE_RANGE)
    assert table.flags[1] & LabelFlag.FAR_FROM_TRAINING
    np.testing.assert_allclose(table.labels, [[5400, 1.5], [4500, 9.0]], rtol=1e-4)
    far = model.infer(model.predict([[7500, 9.0], [4500, 40.0]]), quiet)
    assert np.all(far.flags & LabelFlag.HIGH_LEVERAGE)


def test_distances_are_those_of_their_definitions(model, simulated):
    table = model.infer(simulated.flux, simulated.ivar)
    offset = table.labels - simulated.labels.mean(axis=0)
    covariance = np.cov(simulated.labels, rowvar=False)
    np.testing.assert_allclose(table.mahalanobis**2, np.sum(offset @ np.linalg.inv(covariance) * offset, axis=1))
    design = model.vectorizer.design(model.scaling.to_scaled(simulated.labels))
    at_training = np.diag(design @ np.linalg.inv(design.T @ design) @ design.T)
    assert np.sum(at_training) == pytest.approx(6)
    assert np.mean(table.leverage) == pytest.approx(6 / 300, rel=0.1)


def test_poor_fit_of_one_chip(simulated, model):
    split = replace(model, chips=((0, 40), (40, 120)))
    flux, ivar = model.predict([[4500, 1.5], [4600, 1.0]]), np.full((2, 120), 1e4)
    rng = np.random.default_rng(0)
    flux += rng.normal(size=flux.shape) * np.sqrt(1e-4 + model.s2)
    flux[1, :40] += 0.05 * rng.choice([-1, 1], 40)
    good, bad = flags(split, flux, ivar)
    assert not good
    assert bad & LabelFlag.POOR_CHIP
    flux[1] += 0.05 * rng.choice([-1, 1], 120)
    assert flags(split, flux, ivar)[1] & LabelFlag.POOR_FIT


def test_several_minima():
    """A flux that is even in a label cannot tell its sign."""
    rng = np.random.default_rng(0)
    labels = rng.uniform(-1, 1, (200, 2))
    flux = 1 + labels[:, :1] ** 2 * rng.normal(0, 0.3, 80) + labels[:, 1:] * rng.normal(0, 0.3, 80)
    stars = TrainingSet(np.arange(80.0), flux + rng.normal(0, 0.01, flux.shape), np.full(flux.shape, 1e4), labels, "AB")
    table = train(stars).infer(flux, stars.ivar, n_starts=8)
    clear = np.abs(labels[:, 0]) > 0.3
    assert np.mean(table.flags[clear] & LabelFlag.SEVERAL_MINIMA > 0) > 0.95
    assert not np.any(train(stars, order=1).infer(flux, stars.ivar).flags & LabelFlag.SEVERAL_MINIMA)


def test_limits_can_be_set(model, quiet):
    flux = model.predict([[4500, 1.5], [4700, 2.0]])
    assert np.all(flags(model, flux, quiet, limits=FlagLimits(mahalanobis=0.0)) & LabelFlag.FAR_FROM_TRAINING)
    assert np.all(flags(model, flux, quiet, limits=FlagLimits(leverage=0.0)) & LabelFlag.HIGH_LEVERAGE)


def test_few_normal_stars_are_flagged():
    stars = simulate(n_stars=1000, seed=3)
    table = train(stars).infer(stars.flux, stars.ivar)
    serious = LabelFlag.POOR_FIT | LabelFlag.POOR_CHIP | LabelFlag.SEVERAL_MINIMA | LabelFlag.HIGH_LEVERAGE
    assert np.mean(table.flags & serious > 0) < 0.01


def test_every_flag_has_words():
    assert set(FLAG_SENTENCES) == set(LabelFlag)
